"""Who calls, and where to: Signature Version 4, from the service's side.

The account follows from the access key, the region from the signature's credential scope. The
steps are those of
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hmac
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Protocol

import attrs
from aiohttp import web

from ecr_async._auth.signing import ALGORITHM, signature, signing_key
from ecr_async.local import signature_messages
from ecr_async.local.partitions import partition_of

__all__ = ["CREDENTIAL", "LOCAL_KEY", "AccessKey", "Authenticator", "Caller", "Claim"]

LOCAL_KEY = ("AKIALOCALECR00000000", "local-ecr-secret-key")
"""The key that every embedded ECR knows. Its secret is none: the server is on loopback."""

TOLERANCE = 15 * 60.0
"""Seconds that a caller's clock may be off."""

DAY_KEYS = 1024
"""Derived keys to hold on to."""

CREDENTIAL = re.compile(r"([^/]+)/(\d{8})/([a-z0-9-]+)/([^/]+)/aws4_request")


@attrs.frozen
class AccessKey:
    """A key that the server knows: the secret, and whose it is."""

    secret: str = attrs.field(repr=False)
    account: str
    principal: str | None = None
    """The ARN of the user or role whose key it is; by default a user's that is named `local`."""


def _local_user(caller: "Caller") -> str:
    """Return the ARN of the user that makes an account's calls if no other is known."""
    return f"arn:{partition_of(caller.region).name}:iam::{caller.account}:user/local"


@attrs.frozen
class Caller:
    """Who calls: whose registry a call is about, in which region, and which of the account's principals."""

    account: str
    region: str
    principal: str = attrs.Factory(_local_user, takes_self=True)
    """The ARN of a user or role."""

    @classmethod
    def with_key(cls, key: AccessKey, region: str) -> "Caller":
        """Return the caller that signs with a key."""
        return cls(key.account, region, key.principal) if key.principal else cls(key.account, region)


class Headers(Protocol):
    """The headers of a request; their names have no case."""

    def get(self, name: str, /) -> str | None: ...
    def getall(self, name: str, default: list[str], /) -> list[str]: ...


@attrs.frozen
class Claim:
    """What a request's head says about who made it; its signature is yet to be checked."""

    access_key: str
    day: str
    region: str
    timestamp: str
    signed_names: list[str]
    signature: str = attrs.field(repr=False)


class Authenticator:
    """Identifies the caller of a request, and rejects unknown callers with AWS's own messages.

    Without `verify`, whatever scope the request claims is believed, and a request without any is the
    `default` caller's.
    """

    def __init__(
        self,
        keys: Mapping[str, AccessKey],
        default: Caller,
        *,
        verify: bool = True,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._keys = keys
        self._default = default
        self.verify = verify
        self._now = now
        self._day_keys: dict[tuple[str, str, str], bytes] = {}

    def claim(self, headers: Headers) -> "Claim | None":
        """Return what a request's head says about its caller; raises `ServiceError` if that cannot be.

        None says that nothing is verified. This is for the time before the body has been read.
        """
        if not self.verify:
            return None
        authorization = headers.get("Authorization")
        if not authorization:
            raise signature_messages.missing()
        claim = _parse(authorization, headers)
        self._check_time(claim.timestamp, claim.day)
        if claim.access_key not in self._keys:
            raise signature_messages.unknown_key()
        return claim

    def claimed_caller(self, claim: "Claim | None", headers: Headers) -> Caller:
        """Return the caller that a request says to have, whether or not it is genuine."""
        if claim is None:
            return self._claimed(headers.get("Authorization"))
        return Caller.with_key(self._keys[claim.access_key], claim.region)

    def authenticate(self, claim: "Claim | None", request: web.Request, body_sha256: str) -> Caller:
        """Return the caller of a request, whose claim must be signed; raises `ServiceError`."""
        headers = request.headers
        if claim is None:
            return self._claimed(headers.get("Authorization"))
        key = self._keys[claim.access_key]
        names = claim.signed_names
        values = "".join(f"{name}:{_header(headers, name)}\n" for name in names)
        arguments = "&".join(sorted(request.rel_url.raw_query_string.split("&")))
        canonical = f"{request.method}\n{request.rel_url.raw_path}\n{arguments}\n{values}\n{';'.join(names)}\n{body_sha256}"
        if not _is_unicode(canonical):
            raise signature_messages.not_unicode()
        scope = f"{claim.day}/{claim.region}/ecr/aws4_request"
        day_key = self._day_key(claim.access_key, key, claim.day, claim.region)
        if not hmac.compare_digest(signature(day_key, claim.timestamp, scope, canonical), claim.signature):
            raise signature_messages.mismatch()
        return Caller.with_key(key, claim.region)

    def _claimed(self, authorization: str | None) -> Caller:
        found = CREDENTIAL.search(authorization or "")
        if found is None:
            return self._default
        key = self._keys.get(found[1].rpartition("=")[2])
        return Caller.with_key(key, found[3]) if key else Caller(self._default.account, found[3])

    def _check_time(self, timestamp: str, day: str) -> None:
        try:
            made = datetime.strptime(timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
        except ValueError:
            raise signature_messages.no_date() from None
        if timestamp[:8] != day:
            raise signature_messages.other_day(day, timestamp[:8])
        now = self._now()
        here = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
        if made < now - TOLERANCE:
            raise signature_messages.expired(timestamp, here)
        if made > now + TOLERANCE:
            raise signature_messages.not_yet_current(timestamp, here)

    def _day_key(self, access_key: str, key: AccessKey, day: str, region: str) -> bytes:
        name = access_key, day, region
        derived = self._day_keys.get(name)
        if derived is None:
            if len(self._day_keys) >= DAY_KEYS:
                self._day_keys.clear()
            derived = self._day_keys[name] = signing_key(key.secret, day, region, "ecr")
        return derived


def _parse(authorization: str, headers: Headers) -> Claim:
    """Return what the header says."""
    if not authorization.isascii():
        raise signature_messages.not_ascii()
    algorithm, _, rest = authorization.partition(" ")
    if algorithm != ALGORITHM:
        raise signature_messages.unsupported_algorithm(algorithm, ALGORITHM)
    pairs = (part.strip().partition("=") for part in rest.split(","))
    parts = {name: value for name, _, value in pairs}
    missing = [name for name in ("Credential", "SignedHeaders", "Signature") if not parts.get(name)]
    if missing:
        raise signature_messages.missing_parameters(missing)
    found = CREDENTIAL.fullmatch(parts["Credential"])
    if found is None:
        raise signature_messages.malformed_credential()
    access_key, day, region, name = found.groups()
    if name != "ecr":
        raise signature_messages.other_service("ecr")
    signed_names = parts["SignedHeaders"].split(";")
    if "host" not in signed_names:
        raise signature_messages.not_signed("Host")
    if "x-amz-target" not in signed_names and headers.get("X-Amz-Target") is not None:
        raise signature_messages.not_signed("X-Amz-Target")
    timestamp = headers.get("X-Amz-Date") or ""
    return Claim(access_key, day, region, timestamp, signed_names, parts["Signature"])


def _header(headers: Headers, name: str) -> str:
    return ",".join(" ".join(value.split()) for value in headers.getall(name, []))


def _is_unicode(text: str) -> bool:
    """Whether a text came as UTF-8: aiohttp lets other bytes of a request's head pass as surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
