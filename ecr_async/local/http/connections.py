"""The connections of the server: few enough that descriptors are left, and those kept that are of use.

Often a process may have a thousand files open, and every connection is one. A client that opens more, and
sends nothing or half a request on each, must not keep others out. So there is always room for a new
connection, made by closing those that have been silent the longest, and else those that have been idle.
"""

import asyncio
import logging
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

__all__ = ["Connections", "quiet_logger"]

HEAD_SECONDS = 10.0
"""How long a client may take until its first request's head is there."""
INTERVAL = 0.5
"""Seconds between two looks for such clients."""
MAX_CONNECTIONS = 4096
"""Connections that may be open, if the system allows so many."""
RESERVED_FILES = 256
"""Descriptors that are left for files, and for the connections that come before others are closed."""
BATCH = 16
"""Connections that are closed at a time."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Connection(Protocol):
    """A connection, as aiohttp's server knows it."""

    def force_close(self) -> None:
        """Close it at once."""
        ...


class Server(Protocol):
    """What is needed of aiohttp's server."""

    @property
    def connections(self) -> "Sequence[Connection]":
        """Those that are open, in the order in which they were opened."""
        ...

    def __call__(self) -> asyncio.BaseProtocol:
        """Return the protocol of a new connection."""
        ...


def quiet_logger() -> logging.Logger:
    """Return the logger of aiohttp's server, which is silent on clients that don't speak HTTP.

    They get their 400, and whoever runs the server can do nothing about them.
    """
    logger = logging.getLogger("ecr_async.local.http")
    logger.addFilter(_is_ours)
    return logger


def _is_ours(record: logging.LogRecord) -> bool:
    """Return whether a failure is the server's own rather than a client's."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, HttpProcessingError)


class Connections:
    """Knows which connections have brought a request, and keeps them below a number."""

    def __init__(self, limit: int | None = None) -> None:
        self._limit = limit or _limit_of_the_system()
        self._used_at: dict[object, float] = {}
        self._serving: set[object] = set()
        self._silent: dict[object, float] = {}
        self._closed: set[object] = set()

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Note that a connection has brought a request."""
        connection = request.protocol
        self._used_at[connection] = time.monotonic()
        self._serving.add(connection)
        try:
            return await handler(request)
        finally:
            self._serving.discard(connection)

    def admitting(self, server: Server) -> Callable[[], asyncio.BaseProtocol]:
        """Return what makes the protocols of a server's new connections, and room for them."""

        def admit() -> asyncio.BaseProtocol:
            return server() if self._make_room(server) else _TurnedAway()

        return admit

    def watch(self, server: Server) -> asyncio.Task[None]:
        """Close a server's silent connections from time to time, until the task is cancelled."""

        async def watch() -> None:
            while True:
                await asyncio.sleep(INTERVAL)
                self.close_silent(server, time.monotonic())

        return asyncio.create_task(watch())

    def close_silent(self, server: Server, now: float) -> None:
        """Close connections that have not brought a request for too long."""
        connections = server.connections
        self._forget_all_but(connections)
        self._silent = {
            one: self._silent.get(one, now)
            for one in connections
            if one not in self._used_at and one not in self._closed
        }
        for one in connections:
            if now - self._silent.get(one, now) > HEAD_SECONDS:
                self._close(one)

    def _make_room(self, server: Server) -> bool:
        """Close connections if there are too many. Returns whether there may be one more."""
        connections = server.connections
        if len(connections) < self._limit:
            return True
        self._forget_all_but(connections)
        open_ones = [one for one in connections if one not in self._closed]
        if len(open_ones) < self._limit:
            return True
        silent = [one for one in open_ones if one not in self._used_at]
        idle = [one for one in open_ones if one in self._used_at and one not in self._serving]
        idle.sort(key=self._used_at.__getitem__)
        for one in (silent + idle)[:BATCH]:
            self._close(one)
        return bool(silent or idle)

    def _close(self, connection: Connection) -> None:
        self._closed.add(connection)
        connection.force_close()

    def _forget_all_but(self, connections: Sequence[Connection]) -> None:
        self._closed.intersection_update(connections)
        known = set[object](connections)
        self._used_at = {one: at for one, at in self._used_at.items() if one in known}


class _TurnedAway(asyncio.Protocol):
    """A connection for which there is no room, since all others are being served."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


def _limit_of_the_system() -> int:
    """Return how many connections leave enough descriptors for everything else."""
    if sys.platform == "win32":
        return MAX_CONNECTIONS
    import resource  # noqa: PLC0415 - Windows doesn't have it

    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS
    return min(MAX_CONNECTIONS, max(files - RESERVED_FILES, files // 2))
