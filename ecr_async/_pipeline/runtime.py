"""The state of an open session that its services share."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self
from weakref import WeakSet

import msgspec

from ecr_async._auth.assumed_role import RoleAssumer
from ecr_async._auth.cached_credentials import CachedCredentials
from ecr_async._auth.clock import Clock
from ecr_async._config.settings import Config
from ecr_async._http.places import Places
from ecr_async._http.route import Routes
from ecr_async._http.transport import Transport
from ecr_async._pipeline.instrumentation import Telemetry
from ecr_async._record import Record
from ecr_async._wire.codec import ErrorFinder
from ecr_async.errors import SessionClosedError, WrongEventLoopError

if TYPE_CHECKING:
    from ecr_async._auth.role import Role

__all__ = ["Runtime"]


class Runtime(Record, weakref=True):
    """Settings, routes, credentials, clocks, connections, telemetry, how an error is found and a role
    assumed: all that calls share.

    `clock` is the time as the service has it, `monotonic` what durations are measured with. `transport`
    has at most `max_connections` calls under way; others wait. `decoding` is a place that is taken while a
    large response is decoded, so that several don't hold up the event loop in one go. `shared` holds what
    all services of the session share and layers above know of, each under a key of its own. `is_closed` is
    set once the session is closed.

    A runtime can have children, with credentials of their own and all else in common: `parent` is the one
    that a child was made of, `account` the account whose role it has assumed. `derived` are the credentials
    of all children, which the parent's end ends.
    """

    config: Config
    routes: Routes
    credentials: CachedCredentials
    clock: Clock
    monotonic: Callable[[], float]
    transport: Transport
    max_connections: int
    telemetry: Telemetry | None
    find_error: ErrorFinder
    role_assumer: RoleAssumer
    loop: asyncio.AbstractEventLoop = msgspec.field(default_factory=asyncio.get_running_loop)
    decoding: Places = msgspec.field(default_factory=lambda: Places(1))
    shared: dict[object, Any] = msgspec.field(default_factory=dict[object, Any])
    is_closed: bool = False
    account: str | None = None
    parent: Self | None = None
    derived: WeakSet[CachedCredentials] = msgspec.field(default_factory=WeakSet[CachedCredentials])

    def check_usable(self) -> None:
        """Raise `SessionClosedError` once the session is closed, `WrongEventLoopError` where it
        cannot work.
        """
        if self.is_closed or self.parent is not None:
            self.check_open()
        if not self.is_at_home():
            raise WrongEventLoopError(
                "the session was entered in another event loop: an earlier asyncio.run, another thread or the "
                "process before a fork; enter a session of its own, `async with ecr.Session(...)`, in each"
            )

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
        if self.parent is not None:
            self.parent.check_open()

    def child(self, role: "Role") -> Self:
        """Return a runtime that signs with a role's credentials, assumed with those of this one."""
        credentials = self.credentials.with_provider(self.role_assumer.provider(role, self.credentials.get))
        self.derived.add(credentials)
        return msgspec.structs.replace(
            self, credentials=credentials, account=role.account, parent=self, shared={}
        )

    async def aclose(self) -> None:
        """Stop renewing credentials and close every connection; a child leaves the connections open.

        In a forked child process the connections and the event loop are still the parent's, and are left
        alone.
        """
        self.is_closed = True
        if not self.is_at_home():
            return
        if self.parent is not None:
            await self.credentials.aclose()
            return
        try:
            await asyncio.gather(*(each.aclose() for each in (self.credentials, *self.derived)))
        finally:
            await self.transport.aclose()
