"""The time as the service has it: ours, corrected by what its answers say."""

import time
from collections.abc import Callable
from datetime import UTC
from email.utils import parsedate_to_datetime

__all__ = ["Clock"]

TOLERANCE = 240.0
"""Seconds that the service forgives, and that we therefore don't correct."""


class Clock:
    """Seconds since the epoch, as the service counts them.

    A signature made with a clock that is off is refused. The refusal carries the service's own time
    in its `Date` header; what we learn from it holds for all later calls.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self.offset = 0.0

    def now(self) -> float:
        """Return the corrected time."""
        return self._now() + self.offset

    def learn(self, date: str | None) -> bool:
        """Take over the time in a `Date` header; tell whether it was far from what we had."""
        if not date:
            return False
        try:
            there = parsedate_to_datetime(date)
        except (OverflowError, ValueError):
            return False
        if there.tzinfo is None:
            there = there.replace(tzinfo=UTC)
        error = there.timestamp() - self.now()
        if abs(error) < TOLERANCE:
            return False
        self.offset += error
        return True
