"""Clocks that tests move: given to a session, a cache or an embedded ECR in place of the real one.

For code that sleeps, see `tests.virtual_time`, whose event loop has a clock of its own.
"""

import time

import attrs

__all__ = ["ShiftedClock", "StoppedClock"]


@attrs.define
class StoppedClock:
    """Stands still until `now` is set."""

    now: float = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@attrs.define
class ShiftedClock:
    """The real time, `ahead` seconds later; a negative number is earlier."""

    ahead: float = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead
