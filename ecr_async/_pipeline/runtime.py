"""What an open session gives its services."""

import asyncio
from collections.abc import Callable
from typing import Any

import attrs

from ecr_async._auth.cached_credentials import CachedCredentials
from ecr_async._auth.clock import Clock
from ecr_async._config.settings import Config
from ecr_async._http.transport import Transport
from ecr_async._pipeline.instrumentation import Telemetry
from ecr_async._wire.codec import ErrorFinder
from ecr_async.errors import SessionClosedError, WrongEventLoopError

__all__ = ["Runtime"]


@attrs.define(eq=False, repr=False)
class Runtime:
    """Settings, credentials, clocks, connections, telemetry and how an error is found: all that calls share.

    `clock` is the time as the service has it, `monotonic` what durations are measured with. `transport`
    has at most `max_connections` calls under way; others wait. `decoding` is held while a large response
    is decoded, so that several don't hold up the event loop in one go. `shared` holds what all services of
    the session share and layers above know of, each under a key of its own. `is_closed` is set once the
    session is closed.
    """

    config: Config
    credentials: CachedCredentials
    clock: Clock
    monotonic: Callable[[], float]
    transport: Transport
    max_connections: int
    telemetry: Telemetry | None
    find_error: ErrorFinder
    loop: asyncio.AbstractEventLoop = attrs.field(factory=asyncio.get_running_loop)
    decoding: asyncio.Lock = attrs.field(factory=asyncio.Lock)
    shared: dict[object, Any] = attrs.field(factory=dict[object, Any])
    is_closed: bool = False

    def check_usable(self) -> None:
        """Raise `SessionClosedError` once the session is closed, `WrongEventLoopError` where it cannot work."""
        self.check_open()
        if not self.is_at_home:
            raise WrongEventLoopError(
                "the session was entered in another event loop: an earlier asyncio.run, another thread or the "
                "process before a fork; enter a session of its own, `async with ecr.Session(...)`, in each"
            )

    @property
    def is_at_home(self) -> bool:
        """Whether this is the event loop that the session was entered in; in a forked child it isn't."""
        try:
            return asyncio.get_running_loop() is self.loop
        except RuntimeError:
            return False

    def check_open(self) -> None:
        """Raise `SessionClosedError` once the session is closed."""
        if self.is_closed:
            raise SessionClosedError("the session is closed")

    async def close(self) -> None:
        """Stop renewing credentials and close every connection.

        In a forked child the connections and the event loop are still the parent's, and are left alone.
        """
        self.is_closed = True
        if not self.is_at_home:
            return
        try:
            await self.credentials.close()
        finally:
            await self.transport.close()
