"""One attempt: bytes out, bytes in, over one aiohttp pool.

Whatever goes wrong below HTTP comes out as a `TransportError` that says what was known. Redirects
are not followed, cookies are not kept, bodies are read up to a bound.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import warnings
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol

import aiohttp
import attrs
from yarl import URL

from ecr_async import errors
from ecr_async._http.body import Content, payload
from ecr_async._http.deadlines import Deadlines
from ecr_async.errors import (
    CallError,
    CertificateError,
    ConfigurationError,
    ConnectError,
    ResponseError,
    SessionClosedError,
    TransportError,
)

__all__ = ["ConnectionPool", "Download", "Reply", "Transport"]

LARGEST_ANSWER = 64 * 1024 * 1024
"""Bytes of an answer that we are willing to hold; ECR's largest are of a few megabytes."""

READ_AHEAD = 1024 * 1024
"""Bytes of an answer that are taken off the socket before we look at them: a page of 1,000 images is half of it."""

SILENCE = 60.0
"""Seconds that a download may stand still."""

_UNBOUNDED = contextlib.nullcontext()


@attrs.define(eq=False, repr=False)
class Reply:
    """An answer: its status, its headers (whose names have no case), its body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def request_id(self) -> str | None:
        """The service's own name for the attempt."""
        return _request_id(self.headers)


class Transport(Protocol):
    """Makes single attempts."""

    async def open(self) -> None:
        """Get ready, in the event loop that the calls are made in."""
        ...

    async def close(self) -> None:
        """End all attempts under way and close every connection."""
        ...

    async def post(self, url: URL, headers: Mapping[str, str], body: Content, proxy: URL | None) -> Reply:
        """Send one request and return the response, whatever its status."""
        ...

    def download(
        self, method: str, url: URL, headers: Mapping[str, str], proxy: URL | None
    ) -> AbstractAsyncContextManager[Download]:
        """Send one request and give the response while its body is still to come."""
        ...


class ConnectionPool:
    """A transport over a pool of connections.

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
        user_agent: str,
        trace_configs: Sequence[aiohttp.TraceConfig] = (),
    ) -> None:
        self._timeout = timeout
        self._silences = aiohttp.ClientTimeout(sock_connect=connect_timeout, sock_read=read_timeout)
        self._max_connections = max_connections
        self._verify = verify
        self._ca_bundle = ca_bundle
        self._user_agent = user_agent
        self._trace_configs = list(trace_configs)
        self._client: aiohttp.ClientSession | None = None
        self._deadlines: Deadlines | None = None

    async def open(self) -> None:
        """Make the pool; certificates are read off the event loop.

        Raises `ConfigurationError` for a `ca_bundle` that cannot be read or has no certificate in it.
        """
        if self._timeout is not None:
            self._deadlines = Deadlines(self._timeout)
        self._client = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=self._max_connections,
                ssl=await self._tls(),
                ttl_dns_cache=60,
                keepalive_timeout=20,
                enable_cleanup_closed=False,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=self._silences,
            headers={"Accept-Encoding": "identity", "User-Agent": self._user_agent},
            auto_decompress=False,
            read_bufsize=READ_AHEAD,
            trace_configs=self._trace_configs,
        )

    async def close(self) -> None:
        """Close every connection; calls that are under way end in a `SessionClosedError`."""
        if self._client is not None:
            await self._client.close()
        if self._deadlines is not None:
            self._deadlines.close()

    def _is_closed(self) -> bool:
        return self._client is not None and self._client.closed

    async def _tls(self) -> ssl.SSLContext | bool:
        if not self._verify:
            warnings.warn(
                "TLS certificates are not verified: anyone on the way can read and forge", stacklevel=4
            )
            return False
        if self._ca_bundle is None:
            return True
        try:
            return await asyncio.to_thread(ssl.create_default_context, cafile=self._ca_bundle)
        except OSError as error:
            raise ConfigurationError(f"ca_bundle {self._ca_bundle!r} cannot be used: {error}") from error

    async def post(self, url: URL, headers: Mapping[str, str], body: Content, proxy: URL | None) -> Reply:
        """Send one request and return its answer, whatever its status.

        Raises `ConnectError`, `TimeoutError` or another `TransportError` when no whole answer came,
        `ResponseError` for one that is not HTTP or larger than we hold, and `SessionClosedError` once the
        pool is closed.
        """
        if self._is_closed():
            raise _closed()
        client = self._client
        assert client is not None
        data = payload(body)
        response: aiohttp.ClientResponse | None = None
        failure: CallError | SessionClosedError
        cause: Exception | None = None
        try:
            with self._deadlines.begin() if self._deadlines is not None else _UNBOUNDED:
                response = await client.post(
                    url, data=data, headers=headers, allow_redirects=False, proxy=proxy
                )
                content = response.content
                if content.is_eof() and not self._trace_configs:
                    answer = content.read_nowait()  # it came whole with its head, as small ones do
                else:
                    answer = await _read(response)
                return Reply(response.status, response.headers, answer)
        except asyncio.CancelledError:
            if not self._is_closed() or _is_cancelled():
                raise
            failure = _closed()  # closing the pool cancels whoever waits for a connection of it
        except (aiohttp.ClientError, OSError, ValueError) as error:
            failure = _closed() if self._is_closed() else _mapped(error, _known(response))
            cause = None if isinstance(error, aiohttp.ClientResponseError) else error
        except _TooLargeError:
            failure = ResponseError(f"the answer is larger than {LARGEST_ANSWER:,} bytes", **_known(response))
        # Out of the handler, so that what holds our headers, with the signature in them, is not chained.
        raise failure from cause

    @asynccontextmanager
    async def download(
        self, method: str, url: URL, headers: Mapping[str, str], proxy: URL | None
    ) -> AsyncGenerator[Download, None]:
        """Send one request and give the response while its body is still to come, whatever its status.

        `connect_timeout` bounds making a connection, and `SILENCE` each wait for the next bytes. Raises what
        `post` raises, here and while the body is read.
        """
        if self._is_closed():
            raise _closed()
        client = self._client
        assert client is not None
        timeout = attrs.evolve(self._silences, sock_read=self._silences.sock_read or SILENCE)
        try:
            response = await client.request(method, url, headers=headers, proxy=proxy, timeout=timeout)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise (_closed() if self._is_closed() else _mapped(error, {})) from error
        try:
            yield Download(response.status, response.headers, response)
        finally:
            response.close()


class Download:
    """A response whose body is read as it comes."""

    def __init__(self, status: int, headers: Mapping[str, str], response: aiohttp.ClientResponse) -> None:
        self.status = status
        self.headers = headers
        self._response = response

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the body as it comes. Raises `TransportError` where it breaks off."""
        content = self._response.content
        while True:
            try:
                chunk = await content.readany()
            except (aiohttp.ClientError, OSError, ValueError) as error:
                raise _mapped(error, _known(self._response)) from error
            if not chunk:
                return
            yield chunk


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """Read an answer to its end, which gives its connection back; or else close it."""
    try:
        length = response.content_length or 0
        if length > LARGEST_ANSWER:
            raise _TooLargeError
        if length and "Transfer-Encoding" not in response.headers:
            return await response.read()
        pieces: list[bytes] = []
        size = 0
        async for piece in response.content.iter_any():
            size += len(piece)
            if size > LARGEST_ANSWER:
                raise _TooLargeError
            pieces.append(piece)
        return b"".join(pieces)
    except BaseException:
        response.close()
        raise


def _request_id(headers: Mapping[str, str]) -> str | None:
    return headers.get("x-amzn-requestid") or headers.get("x-amz-request-id")


def _known(response: aiohttp.ClientResponse | None) -> dict[str, Any]:
    """Return what the head of an answer says that did not come whole."""
    if response is None:
        return {}
    return {"status": response.status, "request_id": _request_id(response.headers)}


class _TooLargeError(Exception):
    """There is more of an answer than we hold."""


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _closed() -> SessionClosedError:
    return SessionClosedError("the session is closed")


def _mapped(error: Exception, known: Mapping[str, Any]) -> CallError:
    """Return our exception for one of aiohttp's. The order matters: theirs overlap.

    `known` is what the head of the answer said, if there was one.
    """
    words = str(error) or type(error).__name__
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return _ConnectTimeoutError(f"no connection within the connect timeout: {words}")
    if isinstance(error, TimeoutError):
        return errors.TimeoutError(f"no answer in time: {words}", **known)
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return CertificateError(f"the server's certificate is not trusted: {error.certificate_error}")
    if isinstance(error, aiohttp.ClientConnectorError):
        return ConnectError(f"no connection: {words}")
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return ConnectError(f"the proxy makes no connection: {error.message}", status=error.status)
    if isinstance(error, aiohttp.ClientPayloadError):
        return TransportError(f"the answer broke off: {words}", **known)
    if isinstance(error, aiohttp.ClientResponseError):
        return ResponseError("the answer is not HTTP")  # their words repeat it, and it may hold a token
    return TransportError(f"the connection failed: {words}", **known)


class _ConnectTimeoutError(ConnectError, errors.TimeoutError):
    """Both: the service never saw the call, and a limit of ours ran out."""
