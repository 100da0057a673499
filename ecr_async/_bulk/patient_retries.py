"""Retries of a scan: a throttled call loses nothing but time.

A throttle is no failure of a call, only the news that it came too early. So it costs no attempt and no
quota; the call queues up at its rate limiter again. Only if a service throttles every single call for
minutes is there no use in going on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from ecr_async._retry.standard import Attempts, RetryStrategy, classify
from ecr_async.errors import CallError

if TYPE_CHECKING:
    from ecr_async.service import Service

__all__ = ["CallCounts", "PatientRetries", "patient"]


def patient(service: Service, patience: float, counts: CallCounts) -> Service:
    """Return a service as a scan calls it: as fast as it admits, and patient with its throttles."""
    clock = asyncio.get_running_loop().time
    return service.paced(PatientRetries(service.retries, patience=patience, counts=counts, monotonic=clock))


class CallCounts:
    """How many requests were sent, and how many of them in vain."""

    __slots__ = ("calls", "retries", "throttles")

    def __init__(self) -> None:
        self.calls = 0
        self.throttles = 0
        self.retries = 0


class PatientRetries(RetryStrategy):
    """A service's own retries, but for throttles, which are repeated at once, for a rate limiter to pace.

    After `patience` seconds in which every call was throttled, throttled calls fail. `monotonic` is a
    clock in seconds.
    """

    __slots__ = ("_counts", "_monotonic", "_only_throttles_since", "_patience")

    def __init__(
        self, own: RetryStrategy, *, patience: float, counts: CallCounts, monotonic: Callable[[], float]
    ) -> None:
        super().__init__(own.config, quota=own.quota)
        self._patience = patience
        self._counts = counts
        self._monotonic = monotonic
        self._only_throttles_since: float | None = None

    def begin(self) -> Attempts:
        """The attempts of a new call."""
        return _PatientAttempts(self)

    def throttled(self) -> bool:
        """Note a throttle; tell whether to try again."""
        self._counts.calls += 1
        self._counts.throttles += 1
        now = self._monotonic()
        if self._only_throttles_since is None:
            self._only_throttles_since = now
        return now - self._only_throttles_since < self._patience

    def answered(self, *, trying_again: bool) -> None:
        """Note an attempt that was not throttled."""
        self._counts.calls += 1
        self._counts.retries += trying_again
        self._only_throttles_since = None


class _PatientAttempts(Attempts):
    __slots__ = ("_patient", "_throttles")

    def __init__(self, strategy: PatientRetries) -> None:
        super().__init__(strategy)
        self._patient = strategy
        self._throttles = 0

    def next_delay(self, error: CallError) -> float | None:
        error.attempts += self._throttles
        if classify(error) == "throttling":
            self._throttles += 1
            return 0.0 if self._patient.throttled() else None
        delay = super().next_delay(error)
        self._patient.answered(trying_again=delay is not None)
        return delay

    def succeed(self) -> None:
        super().succeed()
        self._patient.answered(trying_again=False)
