"""The names of registries: which one a client means, and which name the responses give.

An account's registry in a region is reached under several names, all on this server's one port:

    <account>.dkr.ecr.<region>.localhost:<port>/<repository>    also with `dkr-ecr`, and AWS's own domains
    localhost:<port>/<account>/<region>/<repository>            where *.localhost isn't resolved
    localhost:<port>/<repository>                               the server's default account and region

Everything here is a function of texts; nothing is resolved.
"""

import re
from typing import Literal, TypeAlias

import attrs

from ecr_async.local.partitions import partition_of

__all__ = ["ACCOUNT_ID", "HOST", "REGION_NAME", "Addresses", "RegistryKey", "UriStyle"]

UriStyle: TypeAlias = Literal["caller", "host", "path", "aws"]
"""The form of the URIs in responses.

- `caller`: the form of the name under which the client reached the server.
- `host`: `<account>.dkr.ecr.<region>.localhost:<port>/<repository>`.
- `path`: `localhost:<port>/<account>/<region>/<repository>`.
- `aws`: `<account>.dkr.ecr.<region>.amazonaws.com/<repository>`, as ECR itself has it.
"""

REGION = r"[a-z]{2,5}(?:-[a-z]+)+-[0-9]{1,2}"
REGION_NAME = re.compile(REGION)
ACCOUNT = "[0-9]{12}"
ACCOUNT_ID = re.compile(ACCOUNT)

HOST = re.compile(
    rf"(?:(?P<account>{ACCOUNT})\.dkr(?P<joint>[.-])ecr|(?:api\.)?ecr)(?:-fips)?\.(?P<region>{REGION})\.(?P<domain>[a-z0-9.-]+)"
)
"""A name with a region in it: of a registry, or of the API's endpoint."""

PATH = re.compile(rf"(?P<account>{ACCOUNT})/(?P<region>{REGION})/(?P<repository>.+)")

DUAL_STACK_DOMAINS = {"api.aws": "on.aws", "api.amazonwebservices.com.cn": "on.amazonwebservices.com.cn"}
"""The domains of dual-stack registries by those of the dual-stack API.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-requests.html
"""


@attrs.frozen
class RegistryKey:
    """The registry that a name stands for."""

    account: str
    region: str


@attrs.frozen
class Addresses:
    """The registry's names in requests and in responses."""

    default: RegistryKey
    """The registry behind names that don't say which one they mean."""
    style: UriStyle = "caller"

    def of_host(self, host: str) -> RegistryKey | None:
        """Return the registry that a `Host` header names by itself, None if it leaves that to the path."""
        found = HOST.fullmatch(_split(host)[0])
        return RegistryKey(found["account"], found["region"]) if found and found["account"] else None

    def locate(self, host: str, name: str) -> tuple[RegistryKey, str]:
        """Return the registry and the repository that a name on a host stands for."""
        named = self.of_host(host)
        if named is not None:
            return named, name
        found = PATH.fullmatch(name)
        if found is not None:
            return RegistryKey(found["account"], found["region"]), found["repository"]
        return self.default, name

    def uri(self, host: str, key: RegistryKey) -> str:
        """Return what precedes `/<repository>` in the URIs of a registry's repositories.

        `host` is the server's, as the client named it.
        """
        match self._style_for(host):
            case "aws":
                return _aws_name(key)
            case "host":
                return self._host(host, key)
            case "path":
                return f"{_bare(host)}/{key.account}/{key.region}"
            case _:
                return host if key == self.default else f"{host}/{key.account}/{key.region}"

    def endpoint(self, scheme: str, host: str, key: RegistryKey) -> str:
        """Return the URL that a client logs in to before it uses a registry."""
        match self._style_for(host):
            case "aws":
                return f"https://{_aws_name(key)}"
            case "host":
                return f"{scheme}://{self._host(host, key)}"
            case _:
                return f"{scheme}://{_bare(host)}"

    def _style_for(self, host: str) -> UriStyle:
        """Return the form for a client of `host`; `caller` is left for names that have no form of ECR's."""
        if self.style == "caller" and HOST.fullmatch(_split(host)[0]):
            return "host"
        return self.style

    def _host(self, host: str, key: RegistryKey) -> str:
        """Return a registry's own name, in the domain of the name that the client used."""
        name, port = _split(host)
        found = HOST.fullmatch(name)
        if found is None:
            return _registry_name(key, "localhost") + port
        dual_stack = DUAL_STACK_DOMAINS.get(found["domain"])
        joint = found["joint"] or ("-" if dual_stack else ".")
        return _registry_name(key, dual_stack or found["domain"], joint) + port


def _registry_name(key: RegistryKey, domain: str, joint: str = ".") -> str:
    return f"{key.account}.dkr{joint}ecr.{key.region}.{domain}"


def _aws_name(key: RegistryKey) -> str:
    return _registry_name(key, partition_of(key.region).domain)


def _bare(host: str) -> str:
    """Return a name of the same server that says nothing about a registry."""
    name, port = _split(host)
    return f"localhost{port}" if HOST.fullmatch(name) else host


def _split(host: str) -> tuple[str, str]:
    """Split a `Host` header into the name and the port with its colon."""
    name, colon, port = host.rpartition(":")
    return (name.lower(), f":{port}") if colon and port.isdigit() else (host.lower(), "")
