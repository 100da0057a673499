"""One attempt: bytes out, bytes in, over one aiohttp pool.

Whatever goes wrong below HTTP comes out as a `TransportError` that says what was known. Redirects
are not followed, cookies are not kept, bodies are read up to a bound.
"""

import asyncio
import io
import ssl
import urllib.request
import warnings
from collections.abc import Mapping, Sequence

import aiohttp
import attrs
from yarl import URL

from ecr_async import errors
from ecr_async.errors import CallError, ConnectError, ResponseError, TransportError

__all__ = ["Reply", "Transport", "proxy_for"]

LARGEST_ANSWER = 64 * 1024 * 1024
"""Bytes of an answer that we are willing to hold; ECR's largest are of a few megabytes."""

LARGE_BODY = 1024 * 1024
"""Bytes above which a body is handed to the socket in pieces."""

_NO_AUTO_HEADERS = frozenset({"Accept", "Accept-Encoding", "Content-Type", "User-Agent"})


@attrs.frozen
class Reply:
    """An answer: its status, its headers (whose names have no case), its body."""

    status: int
    headers: Mapping[str, str]
    body: bytes = attrs.field(repr=False)


class Transport:
    """A connection pool that makes single attempts.

    `connect_timeout` bounds making a connection, `read_timeout` the silence between two pieces of an
    answer, `timeout` the whole attempt; seconds, None for no bound. Opened on first use, in the event
    loop that uses it.
    """

    def __init__(
        self,
        *,
        connect_timeout: float | None,
        read_timeout: float | None,
        timeout: float | None,
        max_connections: int,
        verify: bool,
        ca_bundle: str | None,
        trace_configs: Sequence[aiohttp.TraceConfig] = (),
    ) -> None:
        self._timeout = aiohttp.ClientTimeout(
            total=timeout, sock_connect=connect_timeout, sock_read=read_timeout
        )
        self._max_connections = max_connections
        self._verify = verify
        self._ca_bundle = ca_bundle
        self._trace_configs = list(trace_configs)
        self._client: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make the pool; certificates are read off the event loop."""
        self._client = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=self._max_connections,
                ssl=await self._tls(),
                ttl_dns_cache=60,
                keepalive_timeout=20,
                enable_cleanup_closed=False,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=self._timeout,
            skip_auto_headers=_NO_AUTO_HEADERS,
            trace_configs=self._trace_configs,
        )

    async def close(self) -> None:
        """Close every connection."""
        if self._client is not None:
            await self._client.close()

    async def _tls(self) -> ssl.SSLContext | bool:
        if not self._verify:
            warnings.warn(
                "TLS certificates are not verified: anyone on the way can read and forge", stacklevel=4
            )
            return False
        if self._ca_bundle is None:
            return True
        return await asyncio.to_thread(ssl.create_default_context, cafile=self._ca_bundle)

    async def post(self, url: URL, headers: Mapping[str, str], body: bytes, proxy: URL | None) -> Reply:
        """Send one request and return its answer, whatever its status.

        Raises `ConnectError`, `TimeoutError` or another `TransportError` when no whole answer came, and
        `ResponseError` for one that is not HTTP or larger than we hold.
        """
        assert self._client is not None
        data = body if len(body) < LARGE_BODY else io.BytesIO(body)
        try:
            async with self._client.post(
                url, data=data, headers=headers, allow_redirects=False, proxy=proxy
            ) as response:
                return Reply(response.status, response.headers, await _read(response))
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise _mapped(error) from error


def proxy_for(url: URL) -> URL | None:
    """Return the proxy that HTTPS_PROXY, HTTP_PROXY and NO_PROXY prescribe for a URL.

    aiohttp's own reading of them takes a thread for each request; we ask once for an endpoint.
    """
    host = url.host or ""
    proxy = urllib.request.getproxies().get(url.scheme)
    return None if proxy is None or urllib.request.proxy_bypass(host) else URL(proxy)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    length = response.content_length
    if length is not None and length <= LARGEST_ANSWER:
        return await response.read()
    pieces: list[bytes] = []
    size = 0
    async for piece in response.content.iter_any():
        size += len(piece)
        if size > LARGEST_ANSWER:
            raise ResponseError(f"the answer is larger than {LARGEST_ANSWER:,} bytes", status=response.status)
        pieces.append(piece)
    return b"".join(pieces)


def _mapped(error: Exception) -> CallError:
    """Return our exception for one of aiohttp's. The order matters: theirs overlap."""
    words = str(error) or type(error).__name__
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return _ConnectTimeoutError(f"no connection within the connect timeout: {words}")
    if isinstance(error, TimeoutError):
        return errors.TimeoutError(f"no answer in time: {words}")
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ClientProxyConnectionError):
        return ConnectError(f"no connection: {words}")
    if isinstance(error, aiohttp.ClientPayloadError):
        return TransportError(f"the answer broke off: {words}")
    if isinstance(error, aiohttp.ClientResponseError):
        return ResponseError(f"the answer is not HTTP: {error.message}", status=error.status or None)
    return TransportError(f"the connection failed: {words}")


class _ConnectTimeoutError(ConnectError, errors.TimeoutError):
    """Both: the service never saw the call, and a limit of ours ran out."""
