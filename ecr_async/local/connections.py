"""Connections from which no request comes: closed in time, so that they don't use up all that there are."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from aiohttp import web

__all__ = ["Connections"]

HEAD_SECONDS = 10.0
"""How long a client may take until its first request's head is there."""
MOST_SILENT = 256
"""Connections that may be without a request yet; of more, the oldest are closed."""
INTERVAL = 0.5
"""Seconds between two looks."""

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
        """Those that are open."""
        ...


class Connections:
    """Knows which connections have brought a request."""

    def __init__(self) -> None:
        self._heard: set[object] = set()
        self._silent: dict[object, float] = {}

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Note that a connection has brought a request."""
        self._heard.add(request.protocol)
        return await handler(request)

    def watch(self, server: "Server") -> asyncio.Task[None]:
        """Close a server's silent connections from time to time, until the task is cancelled."""

        async def watch() -> None:
            while True:
                await asyncio.sleep(INTERVAL)
                self.close_silent(server, time.monotonic())

        return asyncio.create_task(watch())

    def close_silent(self, server: "Server", now: float) -> None:
        """Close those that have been silent for too long, and those that are too many."""
        connections = server.connections
        self._heard.intersection_update(connections)
        silent = [one for one in connections if one not in self._heard]
        self._silent = {one: self._silent.get(one, now) for one in silent}
        silent.sort(key=self._silent.__getitem__)
        for number, connection in enumerate(reversed(silent)):
            if number >= MOST_SILENT or now - self._silent[connection] > HEAD_SECONDS:
                connection.force_close()
