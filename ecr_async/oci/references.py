"""Image references, parsed: `123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app:v1@sha256:…`."""

import re
from typing import Self

import attrs

from ecr_async._arguments import check_kinds
from ecr_async.errors import ValidationError
from ecr_async.oci.digests import InvalidDigestError, check_digest

__all__ = ["ImageReference", "RegistryHost"]

_HOST = re.compile(
    r"(?P<account>\d{12})\.dkr[.-]ecr(?P<fips>-fips)?\.(?P<region>[a-z0-9][a-z0-9-]*)\."
    r"(?P<suffix>amazonaws\.com(\.cn)?|amazonaws\.eu|on\.aws|on\.amazonwebservices\.com\.cn|"
    r"sc2s\.sgov\.gov|c2s\.ic\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov|localhost(:\d{1,5})?)"
)
_DUAL_STACK = frozenset({"on.aws", "on.amazonwebservices.com.cn"})
_NAME_OF_HOST = re.compile(
    r"([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9a-fA-F:.]+\])(:\d{1,5})?"
)
_REPOSITORY = re.compile(r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


@attrs.frozen
class RegistryHost:
    """The host name of an account's registry in a region."""

    account: str
    """The AWS account ID."""
    region: str
    is_fips: bool = False
    """Whether the host is the FIPS 140 endpoint."""
    is_dual_stack: bool = False
    """Whether the host has IPv6 addresses too."""
    endpoint_url: str | None = None
    """Where the API is, for an embedded ECR; None for AWS, where it follows from the region."""

    @classmethod
    def parse(cls, host: str) -> Self | None:
        """Parse a host name, of any AWS partition or of an embedded ECR. Returns None for other hosts."""
        check_kinds(str, host=host)
        found = _HOST.fullmatch(host.lower())
        if found is None:
            return None
        is_local = found["suffix"].startswith("localhost")
        return cls(
            found["account"],
            found["region"],
            is_fips=found["fips"] is not None,
            is_dual_stack=found["suffix"] in _DUAL_STACK,
            endpoint_url=f"http://{found['suffix']}" if is_local else None,
        )


@attrs.frozen
class ImageReference:
    """An image's name, complete or not: host, repository, tag and digest."""

    repository: str
    """The repository's name, such as `team/app`."""
    tag: str | None = None
    digest: str | None = None
    """The digest of the image's manifest."""
    host: str | None = None
    """The registry's host, with its port if it has one. None if the reference names none."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a reference: `[host/]repository[:tag][@digest]`, optionally after `https://`.

        Raises `ValidationError` that names the part that is malformed.
        """
        check_kinds(str, image=text)
        rest = re.sub(r"^(https?|docker)://", "", text.strip())
        rest, at, digest = rest.partition("@")
        host, slash, path = rest.partition("/")
        if not slash or not _looks_like_host(host):
            host, path = "", rest
        elif not _NAME_OF_HOST.fullmatch(host):
            raise ValidationError("host", f"not the name of a host: {host[:80]!r}")
        repository, colon, tag = path.partition(":")
        if not _REPOSITORY.fullmatch(repository) or not 2 <= len(repository) <= 256:
            raise ValidationError("repository", f"not the name of a repository: {repository[:80]!r}")
        if colon and not _TAG.fullmatch(tag):
            raise ValidationError("tag", f"not a tag: {tag[:80]!r}")
        if at:
            try:
                check_digest(digest)
            except InvalidDigestError as error:
                raise ValidationError("digest", str(error)) from None
        return cls(repository, tag or None, digest or None, host or None)

    @property
    def registry(self) -> RegistryHost | None:
        """The account and region in the host's name; None if it isn't an ECR host."""
        return None if self.host is None else RegistryHost.parse(self.host)

    @property
    def account(self) -> str | None:
        """The AWS account ID in the host, or None."""
        return None if self.registry is None else self.registry.account

    @property
    def region(self) -> str | None:
        """The region in the host, or None."""
        return None if self.registry is None else self.registry.region

    def __str__(self) -> str:
        host = f"{self.host}/" if self.host else ""
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{host}{self.repository}{tag}{digest}"


def _looks_like_host(text: str) -> bool:
    """Whether the first part of a reference is a host, by the rule that docker follows."""
    return "." in text or ":" in text or text == "localhost"
