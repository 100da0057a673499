"""aiohttp's pool of connections, and whether a request goes over one that was used before.

A server, a load balancer or a NAT may have dropped an idle connection silently; the next request on it then
fails with a reset. Knowing that the connection was not a new one distinguishes this from a server in
trouble, so that the request can be repeated on a new connection.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, Protocol

import aiohttp
from aiohttp.connector import Connection

__all__ = ["Connector", "Way", "way"]


class Way(Protocol):
    """How the current task's request gets its connection.

    `is_fresh_wanted` rules out those that were used before; `is_reused` says afterwards what it got.
    """

    is_fresh_wanted: bool
    is_reused: bool


way: ContextVar[Way] = ContextVar("way")


class Connector(aiohttp.TCPConnector):
    """A pool without a bound of its own, which notes in the current `way` what kind of connection it took."""

    def __init__(self, **options: Any) -> None:
        super().__init__(limit=0, **options)  # pyright: ignore[reportUnknownMemberType]

    async def connect(self, *args: Any, **kwargs: Any) -> Connection:
        """Return a connection, a new one if that is wanted.

        If a new one is wanted, idle connections are closed: what killed one of them has hit the others too.
        """
        current = way.get()
        while True:
            current.is_reused = True
            connection = await super().connect(*args, **kwargs)
            if not (current.is_reused and current.is_fresh_wanted):
                return connection
            connection.close()

    async def _create_connection(self, *args: Any, **kwargs: Any) -> Any:
        """Make a connection: `connect` comes here when none is idle."""
        way.get().is_reused = False
        return await super()._create_connection(*args, **kwargs)
