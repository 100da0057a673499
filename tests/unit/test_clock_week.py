"""A simulated week in which somebody moves the machine's clock about: calls never end for good."""

import asyncio
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ecr_async._auth.cached_credentials import CachedCredentials
from ecr_async._auth.clock import Clock
from ecr_async._auth.credentials import Credentials

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
START = 1_780_000_000.0
ATTEMPTS = 3
OFF = st.one_of(
    st.sampled_from([-2 * HOUR, 2 * HOUR, -DAY, DAY, -400 * DAY, 400 * DAY, 4 * MINUTE, -6 * MINUTE]),
    st.floats(-3 * DAY, 3 * DAY),
)
LIES = ["Fri, 01 Jan 2100 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "Thu, 01 Jan 1970 00:00:00 GMT"]


class Week(RuleBasedStateMachine):
    """The service and the provider know the true time; the session has the machine's clock."""

    def __init__(self) -> None:
        super().__init__()
        self.true = START
        self.error = 0.0  # of the machine's clock
        self.uptime = 0.0  # of its monotonic clock, which stops while it is suspended
        self.issued = 0
        self.lifetime = HOUR
        self.lie: str | None = None
        self.valid_until: dict[str, float] = {}
        self.clock = Clock(lambda: self.true + self.error, lambda: self.uptime)
        self.cache = CachedCredentials(self.provide, clock=self.clock.now, monotonic=lambda: self.uptime)
        self.loop = asyncio.new_event_loop()

    def teardown(self) -> None:
        self.loop.run_until_complete(self.cache.aclose())
        self.loop.close()

    async def provide(self) -> Credentials:
        self.issued += 1
        key = f"KEY{self.issued}"
        self.valid_until[key] = self.true + self.lifetime
        return Credentials(key, "s", "token", datetime.fromtimestamp(self.valid_until[key], UTC))

    def serve(self, credentials: Credentials, signed_at: float) -> tuple[str, str] | None:
        """None for success, or a code and the Date of the rejection."""
        if self.lie is not None:
            return "RequestExpired", self.lie
        date = formatdate(self.true, usegmt=True)
        if abs(signed_at - self.true) > 5 * MINUTE:
            return "InvalidSignatureException", date
        if self.valid_until[credentials.access_key_id] <= self.true:
            return "ExpiredTokenException", date
        return None

    async def call(self) -> bool:
        """Make a call as `Service` and `Recovery` do: each cause is fixed once."""
        fixed: set[str] = set()
        for _ in range(ATTEMPTS):
            credentials = self.cache.current or await self.cache.get()
            rejection = self.serve(credentials, self.clock.now())
            if rejection is None:
                return True
            code, date = rejection
            if code in fixed:
                return False
            fixed.add(code)
            if code == "ExpiredTokenException":
                if not await self.cache.replace(credentials):
                    return False
            elif not self.clock.learn(date):
                return False
        return False

    @initialize(error=OFF, lifetime=st.sampled_from([15 * MINUTE, HOUR, 12 * HOUR]))
    def begin(self, error: float, lifetime: float) -> None:
        self.error, self.lifetime = error, lifetime

    @rule(seconds=st.one_of(st.sampled_from([1.0, MINUTE, HOUR]), st.floats(1, 6 * HOUR)))
    def time_passes(self, seconds: float) -> None:
        self.true += seconds
        self.uptime += seconds

    @rule(seconds=st.floats(MINUTE, DAY))
    def machine_is_suspended(self, seconds: float) -> None:
        self.true += seconds
        self.uptime += 1

    @rule(error=OFF)
    def clock_is_set_wrong(self, error: float) -> None:
        self.error = error

    @rule()
    def clock_is_set_right(self) -> None:
        self.error = 0.0

    @rule(lie=st.sampled_from(LIES))
    def service_lies_once(self, lie: str) -> None:
        self.lie = lie
        self.loop.run_until_complete(self.call())
        self.lie = None
        self.uptime += 1
        self.true += 1

    @rule(off=OFF)
    def service_is_wrong_once(self, off: float) -> None:
        self.service_lies_once(formatdate(self.true + off, usegmt=True))

    @invariant()
    def a_call_succeeds(self) -> None:
        assert self.loop.run_until_complete(self.call())
        assert len(self.valid_until) == self.issued


Week.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestWeek: Any = Week.TestCase
