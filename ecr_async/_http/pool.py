"""A transport over one aiohttp pool of connections.

Whatever goes wrong below HTTP comes out as a `TransportError` that says what was known. Redirects
are not followed, cookies are not kept, bodies are read up to a bound.
"""

from __future__ import annotations

import asyncio
import ssl
import warnings
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from http.cookies import BaseCookie
from types import TracebackType
from typing import Self

import aiohttp
import attrs
from yarl import URL

from ecr_async._http.allocation import keep_buffers
from ecr_async._http.body import Content, Pieces, is_small
from ecr_async._http.connector import Connector, way
from ecr_async._http.deadlines import Deadline, Deadlines
from ecr_async._http.failures import is_lost_connection, known_of, may_hold_secret, transport_error
from ecr_async._http.places import Places
from ecr_async._http.proxy import Proxy, request_options
from ecr_async._http.reading import (
    BUFFERED,
    SLOWEST,
    UnreadableError,
    ended_with_connection,
    is_packed,
    read_body,
    read_piece,
    unpack,
)
from ecr_async._http.tls import context_trusting
from ecr_async._http.transport import Reply
from ecr_async._http.turns import Turn, Turns
from ecr_async._secret import SecretBytes
from ecr_async.errors import (
    CallError,
    PoolTimeoutError,
    ResponseError,
    SessionClosedError,
    TransportError,
)

__all__ = ["ConnectionPool"]

SILENCE = 60.0
"""Seconds that a download may stand still."""

IN_BUFFERS = 4 * 1024 * 1024
"""Bytes of a request that may lie in the system's buffers, so that their progress cannot be seen."""


class NoCookies(aiohttp.DummyCookieJar):
    """Keeps no cookies, and doesn't make a new empty collection of them for each request."""

    def __init__(self) -> None:
        super().__init__()
        self._none = super().filter_cookies(URL())

    def filter_cookies(self, request_url: URL) -> BaseCookie[str]:
        """Return no cookies."""
        return self._none


class ConnectionPool:
    """A transport over a pool of connections.

    `pool_timeout` bounds the wait for a free connection, `connect_timeout` making one, `read_timeout` the
    silence between two pieces of a response, `timeout` the whole attempt apart from the time that large
    bodies need; seconds, None for no bound. `open` must be awaited first, in the event loop
    that uses the pool.
    """

    def __init__(
        self,
        *,
        pool_timeout: float | None,
        connect_timeout: float | None,
        read_timeout: float | None,
        timeout: float | None,
        max_connections: int,
        verify: bool,
        ca_bundle: str | None,
        user_agent: str,
        trace_configs: Sequence[aiohttp.TraceConfig] = (),
    ) -> None:
        self._pool_timeout = pool_timeout
        self._timeout = timeout
        self._timeouts = aiohttp.ClientTimeout(sock_connect=connect_timeout, sock_read=read_timeout)
        self._verify = verify
        self._ca_bundle = ca_bundle if verify else None
        self.tls: ssl.SSLContext | bool | None = verify if self._ca_bundle is None else None
        """Whom to trust; None for a `ca_bundle` that was not needed yet, which `read_tls` reads."""
        self._user_agent = user_agent
        self._trace_configs = list(trace_configs)
        self._client: aiohttp.ClientSession | None = None
        self._is_closed = False
        self._places = Places(max_connections)
        self._places_for_downloads = Places(max_connections)
        self.turns = Turns()

    async def open(self) -> None:
        """Make the pool."""
        if not self._verify:
            warnings.warn(
                "TLS certificates are not verified: anyone on the way can read and forge", stacklevel=3
            )
        keep_buffers()
        self.waiting = Deadlines(self._pool_timeout)
        self.attempts = Deadlines(self._timeout)
        self._client = aiohttp.ClientSession(
            connector=Connector(ttl_dns_cache=60, keepalive_timeout=20, enable_cleanup_closed=False),
            cookie_jar=NoCookies(),
            timeout=self._timeouts,
            headers={"Accept-Encoding": "identity", "User-Agent": self._user_agent},
            auto_decompress=False,
            trace_configs=self._trace_configs,
        )

    async def aclose(self) -> None:
        """Close every connection; calls that are under way or wait end in a `SessionClosedError`."""
        self._is_closed = True
        if self._client is not None:
            self.waiting.close()
            self.attempts.close()
            await self._client.close()

    async def read_tls(self, url: URL, proxy: Proxy | None) -> ssl.SSLContext | bool:
        """Return whom to trust on the way to a URL; a `ca_bundle` is read when it is first needed.

        Raises `ConfigurationError` for one that cannot be read or has no certificate in it.
        """
        if self._ca_bundle is None or (url.scheme != "https" and proxy is None):
            return self._verify
        self.tls = await asyncio.to_thread(context_trusting, self._ca_bundle)
        return self.tls

    def connection(self) -> PooledConnection:
        """Wait for a free connection, which is held until the block is left."""
        return PooledConnection(self, self._places)

    def check_open(self) -> None:
        """Raise `SessionClosedError` once the pool is closed."""
        _ = self.client

    def backlog(self) -> int:
        """How many large responses have come and wait to be decoded."""
        return self.turns.waiting

    @property
    def client(self) -> aiohttp.ClientSession:
        """aiohttp's session. Raises `SessionClosedError` once the pool is closed."""
        if self._is_closed or self._client is None:
            raise SessionClosedError("the session is closed")
        return self._client

    @property
    def is_traced(self) -> bool:
        """Whether aiohttp's hooks are to see each piece of a response."""
        return bool(self._trace_configs)

    async def wait(self, places: Places) -> None:
        """Wait for a free connection, first come, first served."""
        self.check_open()
        try:
            with self.waiting.begin():
                await places.wait()
                return
        except TimeoutError:
            self.check_open()  # closing the pool ends the wait as well
        raise PoolTimeoutError(
            f"no connection came free within {self._pool_timeout:g} seconds; raise max_connections or "
            "pool_timeout, or make fewer calls at once"
        )

    def failure(
        self, error: Exception, response: aiohttp.ClientResponse | None = None
    ) -> CallError | SessionClosedError:
        """Return our exception for what aiohttp raised."""
        if self._is_closed:
            return SessionClosedError("the session is closed")
        return transport_error(error, known_of(response))

    @asynccontextmanager
    async def download(
        self, method: str, url: URL, headers: Mapping[str, str], proxy: Proxy | None
    ) -> AsyncGenerator[PooledDownload, None]:
        """Send one request and give the response while its body is still to come, whatever its status.

        `connect_timeout` bounds making a connection, and `SILENCE` each wait for the next bytes. Raises what
        `PooledConnection.post` raises, here and while the body is read.

        Downloads have connections of their own, as many again: a layer that is uploaded while it comes in
        needs one of the others, and must not wait for itself.
        """
        timeout = attrs.evolve(self._timeouts, sock_read=self._timeouts.sock_read or SILENCE)
        async with PooledConnection(self, self._places_for_downloads) as connection:
            way.set(connection)
            response: aiohttp.ClientResponse | None = None
            failure: Exception | None = None
            try:
                response = await self.client.request(
                    method,
                    url,
                    allow_redirects=False,
                    ssl=await self.read_tls(url, proxy) if self.tls is None else self.tls,
                    timeout=timeout,
                    **request_options(url, headers, proxy),
                )
            except (aiohttp.ClientError, OSError, ValueError) as error:
                failure = self.failure(error)
            if response is None:
                assert failure is not None
                raise failure  # not chained to what may repeat the URL, which is signed
            try:
                yield PooledDownload(self, response)
            finally:
                response.close()


class PooledConnection:
    """The right to one of the pool's connections."""

    __slots__ = ("_places", "_pool", "_turn", "has_waited", "is_fresh_wanted", "is_reused")

    def __init__(self, pool: ConnectionPool, places: Places) -> None:
        self._pool = pool
        self._places = places
        self._turn: Turn | None = None
        self.has_waited = False
        self.is_fresh_wanted = False
        self.is_reused = False

    async def __aenter__(self) -> Self:
        if not self._places.take():
            await self._pool.wait(self._places)
            self.has_waited = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._turn is not None:
            self._turn.give_back()
        self._places.give_back()

    async def post(
        self, url: URL, headers: Mapping[str, str], body: Content, proxy: Proxy | None, *, fresh: bool = False
    ) -> Reply:
        """Send one request and return the response, whatever its status.

        Raises `ConnectError`, `TimeoutError` or another `TransportError` when no whole response came,
        `ResponseError` for one that is not HTTP or larger than is held, and `SessionClosedError` once the
        pool is closed.
        """
        pool = self._pool
        client = pool.client
        tls = await pool.read_tls(url, proxy) if pool.tls is None else pool.tls
        response: aiohttp.ClientResponse | None = None
        content: bytes | bytearray
        failure: Exception
        cause: Exception | None = None
        self.is_fresh_wanted = fresh
        way.set(self)
        try:
            with pool.attempts.begin() as deadline:
                data = body if is_small(body) else _in_pieces(body, deadline)
                response = await client.post(
                    url,
                    data=data,
                    allow_redirects=False,
                    ssl=tls,
                    read_bufsize=BUFFERED,
                    **request_options(url, headers, proxy),
                )
                stream = response.content
                if stream.is_eof() and not pool.is_traced:  # it came whole with its head, as small ones do
                    content = SecretBytes(stream.read_nowait())
                else:
                    self._turn = Turn(pool.turns)
                    content = await read_body(response, deadline, self._turn)
                if response.status < 200:
                    response.close()  # a connection that speaks another protocol now
                if is_packed(content):
                    content = await unpack(content)
                return Reply(response.status, response.headers, content)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            failure = pool.failure(error, response)
            if isinstance(failure, TransportError) and response is None and is_lost_connection(error):
                failure.is_stale_connection = self.is_reused
            cause = None if may_hold_secret(error) else error
        except UnreadableError as error:
            failure = ResponseError(str(error), **known_of(response))
        # Out of the handler, so that what holds our headers, with the signature in them, is not chained.
        raise failure from cause


def _in_pieces(body: Content, deadline: Deadline) -> Pieces:
    """Return what sends a large body, and gives the attempt the time that it may take at the slowest."""
    pieces = Pieces(body, lambda sent: deadline.extend_for_progress(sent / SLOWEST))
    deadline.add_allowance(min(pieces.total, IN_BUFFERS) / SLOWEST)
    return pieces


class PooledDownload:
    """A response whose body is read as it comes."""

    def __init__(self, pool: ConnectionPool, response: aiohttp.ClientResponse) -> None:
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers
        self._pool = pool
        self._response = response
        self._failure: Exception | None = None

    async def batches(self, size: int) -> AsyncGenerator[list[bytes], None]:
        """Yield the body as it comes, gathered into batches of `size` bytes or some more.

        Raises `TransportError` where it breaks off, when what came before has been yielded.
        """
        with ended_with_connection(self._response):
            while batch := await self._batch(size):
                yield batch

    async def _batch(self, size: int) -> list[bytes]:
        """Return the next bytes: fewer than `size` at the end or where it breaks off, then none."""
        response, batch = self._response, list[bytes]()
        if self._failure is None:
            try:
                while size > 0 and (piece := await read_piece(response.content, response.content_length)):
                    batch.append(piece)
                    size -= len(piece)
            except (aiohttp.ClientError, OSError, ValueError) as error:
                self._failure = self._pool.failure(error, response)
        if self._failure is not None and not batch:
            raise self._failure  # not chained to what may repeat the URL, which is signed
        return batch
