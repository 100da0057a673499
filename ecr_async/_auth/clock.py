"""The time as the service has it: ours, corrected by what its responses say.

A correction may be wrong, and must not last then. It ends when somebody sets this machine's clock, which
the monotonic clock, which nobody sets, reveals; from then on the machine's time is used again. And the next
rejected signature brings another correction.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

__all__ = ["Clock"]

TOLERANCE = 240.0
"""Seconds that the service forgives, and that we therefore don't correct."""

EARLIEST = datetime(2015, 9, 21, tzinfo=UTC).timestamp()
"""ECR's API version: no response of it is older."""

FARTHEST = 20 * 366 * 24 * 60 * 60.0
"""Seconds: a date further ahead of ours than that, or of `EARLIEST`, is not believed."""


class Clock:
    """Seconds since the epoch, as the service counts them.

    A signature made with a clock that is off is rejected. The response carries the service's own time in
    its `Date` header; what we learn from it holds for all later calls. `wall` is this machine's time,
    `monotonic` seconds since any moment.
    """

    def __init__(
        self, wall: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._offset = 0.0
        self._difference = 0.0

    @property
    def offset(self) -> float:
        """The correction in seconds; 0 for none."""
        return self._offset

    @offset.setter
    def offset(self, seconds: float) -> None:
        self._offset = seconds
        self._difference = self._wall() - self._monotonic()

    def now(self) -> float:
        """Return the corrected time."""
        wall = self._wall()
        if self._offset and abs(wall - self._monotonic() - self._difference) > TOLERANCE:
            self._offset = 0.0  # the machine's clock was set meanwhile
        return wall + self._offset

    def learn(self, date: str | None) -> bool:
        """Adopt the time in a `Date` header. Returns whether the correction changed much.

        A date that cannot be the present is not believed.
        """
        if not date:
            return False
        try:
            parsed = parsedate_to_datetime(date)
            there = (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
        except (OverflowError, ValueError):
            return False
        here = self._wall()
        if not EARLIEST <= there <= max(here, EARLIEST) + FARTHEST:
            return False
        if abs(there - self.now()) < TOLERANCE:
            return False
        self.offset = there - here
        return True
