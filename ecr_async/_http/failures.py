"""Translates failures below the service's protocol into the library's own exceptions."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Mapping
from typing import Any

import aiohttp

from ecr_async import errors
from ecr_async._wire.headers import header
from ecr_async.errors import CallError, CertificateError, ConnectError, ResponseError, TransportError

__all__ = ["is_lost_connection", "known_of", "may_hold_secret", "request_id", "transport_error"]


def transport_error(error: Exception, known: Mapping[str, Any]) -> CallError:
    """Return our exception for one of aiohttp's. The order matters: theirs overlap.

    `known` is what the head of the response said, if there was one.
    """
    words = str(error) or type(error).__name__
    if isinstance(error, (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError)):
        # Their words, here and where a connection takes too long, repeat the URL, and it may be a signed one.
        return ResponseError("the URL is not one of HTTP")
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return _ConnectTimeoutError("no connection within the connect timeout")
    if isinstance(error, TimeoutError):
        return errors.TimeoutError(f"no response in time: {words}", **known)
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return CertificateError(
            f"the server's certificate is not trusted: {error.certificate_error}; give the certificates of a "
            "private authority as ca_bundle, in AWS_CA_BUNDLE or in REQUESTS_CA_BUNDLE"
        )
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return ConnectError(f"no connection: {_unknown_host(error)}")
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return ConnectError(
            f"no connection to the proxy that HTTPS_PROXY or HTTP_PROXY names: {_unreachable(error)}"
        )
    if isinstance(error, aiohttp.ClientConnectorError):
        return ConnectError(f"no connection: {_unreachable(error)}")
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return ConnectError(f"the proxy makes no connection: {error.message}", status=error.status)
    if isinstance(error, aiohttp.ClientPayloadError):
        return TransportError(f"the response broke off{_progress(error)}", **known)
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return TransportError("the connection failed: the server closed it before it had responded", **known)
    if isinstance(error, aiohttp.ClientResponseError):
        # Their words repeat it, and it may hold a token.
        return ResponseError("the response is not HTTP, or is followed by something else")
    return TransportError(f"the connection failed: {words}", **known)


def may_hold_secret(error: Exception) -> bool:
    """Whether aiohttp's exception may repeat what was sent or came, in which there may be a secret.

    The one for a response that breaks off in its head holds that head, and those for malformed ones what is
    malformed in them.
    """
    return isinstance(
        error, (aiohttp.ClientResponseError, aiohttp.ServerDisconnectedError, aiohttp.ClientPayloadError)
    )


def _progress(error: aiohttp.ClientPayloadError) -> str:
    """Say how much of a body arrived, if its length was known; other texts of theirs repeat what arrived."""
    found = re.search(r"received \d+ of \d+ bytes", str(error))
    return f": {found[0]}" if found else ""


def _unreachable(error: aiohttp.ClientConnectorError) -> str:
    """Name the host and the port, and say why there is no connection, in the system's own words."""
    reason = error.os_error
    is_of_system = bool(reason.errno) and not isinstance(reason, ssl.SSLError)
    words = os.strerror(reason.errno or 0) if is_of_system else reason.strerror or str(reason)
    host = f"[{error.host}]" if ":" in error.host else error.host
    return f"{host}:{error.port}: {words}"


def _unknown_host(error: aiohttp.ClientConnectorDNSError) -> str:
    """Name the host, and the region in it, which may be misspelt."""
    words = f"the host name {error.host!r} cannot be resolved"
    region = re.match(r"(?:api\.)?ecr(?:-fips)?\.([a-z0-9-]+)\.", error.host)
    return f"{words}; is the region {region[1]!r} spelt right?" if region else words


class _ConnectTimeoutError(ConnectError, errors.TimeoutError):
    """Both: the service never saw the call, and a limit of ours ran out."""


def is_lost_connection(error: Exception) -> bool:
    """Whether a connection that had been made was closed or reset."""
    lost = isinstance(error, (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, ConnectionError))
    return lost and not isinstance(error, (aiohttp.ClientConnectorError, TimeoutError))


def known_of(response: aiohttp.ClientResponse | None) -> dict[str, Any]:
    """Return what the head of a response says that did not come whole."""
    if response is None:
        return {}
    return {"status": response.status, "request_id": request_id(response.headers)}


def request_id(headers: Mapping[str, str]) -> str | None:
    """Return the service's own name for the attempt."""
    return header(headers, "x-amzn-requestid") or header(headers, "x-amz-request-id")
