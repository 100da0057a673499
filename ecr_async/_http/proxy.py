"""The proxy that the environment prescribes for an endpoint."""

from __future__ import annotations

import base64
import functools
import ipaddress
import os
import re
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec
from yarl import URL

from ecr_async._secret import Secret
from ecr_async.errors import ConfigurationError

__all__ = ["Proxy", "proxy_for", "request_options"]

VARIABLES = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "REQUEST_METHOD")
"""What Python's own reading of the environment depends on, for our two schemes."""


class Proxy(msgspec.Struct, frozen=True):
    """A proxy. `authorization` is the header with its user name and password, which `url` is without."""

    url: URL
    authorization: Secret | None = None


def request_options(url: URL, headers: Mapping[str, str], proxy: Proxy | None) -> dict[str, Any]:
    """Return aiohttp's options for a request with these headers, sent by a proxy or directly."""
    if proxy is None:
        return {"headers": headers}
    if proxy.authorization is None:
        return {"headers": headers, "proxy": proxy.url}
    credentials = {"Proxy-Authorization": proxy.authorization}
    if url.scheme == "https":
        return {"headers": headers, "proxy": proxy.url, "proxy_headers": credentials}
    return {"headers": {**headers, **credentials}, "proxy": proxy.url}  # the proxy reads the request itself


@functools.lru_cache(maxsize=4)
def _proxies(*variables: str | None) -> Mapping[str, str]:
    """Return the proxies by scheme; finding them reads the whole environment, which services share."""
    return urllib.request.getproxies()


def proxy_for(url: URL) -> Proxy | None:
    """Return the proxy that HTTPS_PROXY, HTTP_PROXY and NO_PROXY prescribe for a URL.

    aiohttp's own reading of them takes a thread for each request; we read them once for an endpoint.
    NO_PROXY is read as Python does it, and may also name addresses in any spelling, with CIDR ranges
    among them, and one name of this machine for all.

    Raises `ConfigurationError` for one that is not an HTTP proxy's URL, without repeating it: it may hold a
    password.
    """
    variable = Secret(_proxies(*map(os.environ.get, VARIABLES)).get(url.scheme, ""))
    if not variable or _is_excepted(url):
        return None
    if (proxy := _parse(variable)) is None:
        raise ConfigurationError(
            f"the environment's {url.scheme.upper()}_PROXY is not of the form http://host:port"
        )
    return proxy


def _parse(variable: Secret) -> Proxy | None:
    try:
        given = URL(variable if "://" in variable else f"http://{variable}")
    except ValueError:
        return None
    if given.scheme not in {"http", "https"} or not given.host:
        return None
    return Proxy(given.with_user(None).with_path("/"), _authorization(given))


def _authorization(given: URL) -> Secret | None:
    """A Proxy-Authorization header of the bytes that the URL spells, which is UTF-8 where it says nothing
    else.
    """
    if given.raw_user is None:
        return None
    pair = unquote_to_bytes(given.raw_user) + b":" + unquote_to_bytes(given.raw_password or "")
    return Secret(f"Basic {base64.b64encode(pair).decode()}")


def _is_excepted(url: URL) -> bool:
    if urllib.request.proxy_bypass(f"{url.host_subcomponent}:{url.port}"):
        return True
    host = url.host or ""
    entries: str = urllib.request.getproxies_environment().get("no", "")
    return any(_matches(entry, host, url.port) for entry in re.split(r"[\s,]+", entries) if entry)


def _matches(entry: str, host: str, port: int | None) -> bool:
    """Whether an entry of NO_PROXY names the host by its address, or both are this machine."""
    if (network := _network(entry)) is None:
        named = re.fullmatch(r"(?P<host>\[.*\]|[^:]*)(?::(?P<port>\d+))?", entry)
        if named is None or named["port"] not in {None, str(port)}:
            return False
        entry = named["host"]
        network = _network(entry.strip("[]"))
    if _is_loopback(host) and (_is_loopback(entry.strip("[]")) or (network and network.is_loopback)):
        return True
    address = _network(host)
    return (
        network is not None
        and address is not None
        and address.version == network.version
        and address.network_address in network
    )


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    return network if mapped is None else ipaddress.ip_network(mapped)


def _is_loopback(name: str) -> bool:
    network = _network(name)
    if network is not None:
        return network.is_loopback
    return re.fullmatch(r"(.*\.)?localhost\.?", name, re.IGNORECASE) is not None
