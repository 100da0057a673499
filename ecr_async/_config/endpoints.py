"""Resolves a region's ECR endpoint: a known one, or by the endpoint rules of the installed botocore.

AWS publishes for each service a table of rules from region, FIPS and dual-stack to a host; botocore
brings them along and knows how to read them, so a region that AWS opens tomorrow needs a newer
botocore and nothing of ours. An explicit endpoint, and a known region's usual one, need no rules, and then
botocore isn't imported.

See https://docs.aws.amazon.com/general/latest/gr/ecr.html for the regions and their endpoints.
"""

from __future__ import annotations

import functools
import re
import urllib.parse
from importlib import import_module
from typing import Any

import msgspec

from ecr_async._config.botocore_data import data_loader
from ecr_async._config.known_endpoints import KNOWN_ENDPOINTS
from ecr_async.errors import ConfigurationError

__all__ = ["Endpoint", "check_region", "check_url", "needs_rules", "resolve"]

_REGION = re.compile(r"(?=.*[A-Za-z-])[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


class Endpoint(msgspec.Struct, frozen=True):
    """One region's ECR: where to send calls, and what their signatures name.

    `url` has no trailing slash, query or fragment; calls are sent to its path, which is `/` where it
    has none. `signing_region` and `signing_name` go into the signature's scope.
    """

    url: str
    signing_region: str
    signing_name: str = "ecr"


def resolve(
    region: str,
    *,
    use_fips: bool = False,
    use_dualstack: bool = False,
    endpoint_url: str | None = None,
) -> Endpoint:
    """The endpoint of `region`, or `endpoint_url`, as `check_url` returns it, with that region's signatures.

    `use_fips` selects the endpoint whose cryptography is FIPS 140 validated, `use_dualstack` the one that
    speaks IPv6 too; neither goes with `endpoint_url`. A region that botocore doesn't know is taken to
    follow its partition's pattern. The old pseudo-regions `fips-<region>` and `<region>-fips` mean the
    region with `use_fips`.

    One that `needs_rules` imports botocore and reads files the first time: keep it off the event loop.
    Raises `ConfigurationError` for a name that no region can have, and a combination that the rules reject.

    See https://docs.aws.amazon.com/sdkref/latest/guide/feature-endpoints.html
    """
    actual_region = region.replace("fips-", "").replace("-fips", "")
    use_fips = use_fips or actual_region != region
    try:
        check_region(actual_region)
    except ValueError as wrong:
        shown = repr(region) if region.isprintable() and len(region) < 100 else "the region"
        raise ConfigurationError(f"{shown} {wrong}") from None
    if needs_rules(actual_region, use_fips=use_fips, use_dualstack=use_dualstack, endpoint_url=endpoint_url):
        endpoint_url = _by_rules(actual_region, use_fips, use_dualstack, endpoint_url)
    return Endpoint(endpoint_url or KNOWN_ENDPOINTS[actual_region], signing_region=actual_region)


def needs_rules(region: str, *, use_fips: bool, use_dualstack: bool, endpoint_url: str | None) -> bool:
    """Whether an endpoint is resolved by botocore's rules."""
    return use_fips or use_dualstack or (endpoint_url is None and region not in KNOWN_ENDPOINTS)


def check_region(name: object) -> str:
    """Return a region's name; raise `ValueError` for one that no region can have."""
    if not isinstance(name, str) or not _REGION.fullmatch(name):
        raise ValueError("cannot be a region's name")
    return name


def check_url(endpoint_url: object, source: str = "endpoint_url") -> str:
    """Return an endpoint's URL without a trailing slash.

    Raises `ConfigurationError`, which names `source`, for one that cannot be. It is not repeated, as it
    may hold a password wherever that was put by mistake.
    """
    if not isinstance(endpoint_url, str):
        kind = (
            endpoint_url if isinstance(endpoint_url, type) else type(endpoint_url)
        )  # a hidden one's is left
        raise ConfigurationError(f"{source} must be a str, not {kind.__name__}")
    if (fault := _fault_of(endpoint_url)) is not None:
        raise ConfigurationError(f"{source} {fault}")
    return str(endpoint_url).rstrip("/")


def _fault_of(url: str) -> str | None:
    """Return what is wrong with a URL. Nothing is raised, so that no traceback shows its parts."""
    if not url.isprintable() or " " in url:
        return "is not a URL: it holds white space or a control character"
    try:
        parts = urllib.parse.urlsplit(url)
        port_is_a_number = parts.port is None or parts.port > 0
    except ValueError:
        return "is not a URL: its host or port is malformed"
    if "@" in url:
        return "holds a user name or password, which ECR does not take"
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_is_a_number:
        return "is not of the form https://host or http://host:port"
    if not _is_host_name(parts.hostname):
        return "has no host name: its parts, between the dots, have 1 to 63 characters"
    if parts.query or parts.fragment:
        return "has a query or a fragment, which calls could not keep"
    return None


@functools.lru_cache(maxsize=512)
def _by_rules(region: str, use_fips: bool, use_dualstack: bool, endpoint_url: str | None) -> str:
    exceptions = import_module("botocore.exceptions")
    parameters: dict[str, str | bool] = {
        "Region": region,
        "UseFIPS": use_fips,
        "UseDualStack": use_dualstack,
    }
    if endpoint_url is not None:
        parameters["Endpoint"] = endpoint_url
    try:
        url: str = _rules().resolve_endpoint(**parameters).url
    except exceptions.EndpointProviderError as error:
        raise ConfigurationError(f"no ECR endpoint for region {region!r}: {error}") from error
    return url


@functools.cache
def _rules() -> Any:
    provider = import_module("botocore.endpoint_provider")
    loader = data_loader()
    return provider.EndpointProvider(
        loader.load_service_model("ecr", "endpoint-rule-set-1"), loader.load_data("partitions")
    )


def _is_host_name(host: str) -> bool:
    """Whether the resolver will take it; only a name that is not in ASCII has to be encoded for that."""
    if host.isascii():
        return all(0 < len(label) < 64 for label in host.removesuffix(".").split("."))
    try:
        return bool(host.encode("idna"))
    except UnicodeError:
        return False
