"""Retries of a scan: a throttled call loses nothing but time.

A throttle is no failure of a call, only the news that it came too early. So it costs no attempt and no
quota; the call queues up at its rate limiter again. Only if a service throttles every single call for
minutes is there no use in going on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ecr_async._retry.standard import Attempts, ErrorKind, RetryStrategy, rate_limiters
from ecr_async.errors import CallError
from ecr_async.service import Service

__all__ = ["CallCounts", "PatientRetries", "patient"]


def patient(service: Service, patience: float, counts: CallCounts) -> Service:
    """Return a service as a scan calls it: as fast as it admits, and patient with its throttles."""
    clock = asyncio.get_running_loop().time
    return service.with_retries(
        PatientRetries(service.retries, patience=patience, counts=counts, monotonic=clock)
    )


class CallCounts:
    """How many requests were sent, and how many of them in vain."""

    __slots__ = ("calls", "retries", "throttles")

    def __init__(self) -> None:
        self.calls = 0
        self.throttles = 0
        self.retries = 0


class PatientRetries(RetryStrategy):
    """A service's own retries, but for throttles, which are repeated at once, for a rate limiter to pace.

    An adaptive service's rate limiters are shared; for any other there are new ones.

    After `patience` seconds in which every call was throttled, throttled calls fail. `monotonic` is a
    clock in seconds.
    """

    __slots__ = ("_counts", "_monotonic", "_only_throttles_since", "_patience")

    def __init__(
        self, own: RetryStrategy, *, patience: float, counts: CallCounts, monotonic: Callable[[], float]
    ) -> None:
        super().__init__(own.config, quota=own.quota)
        self.limiters = own.limiters if own.limiters is not None else rate_limiters()
        self._patience = patience
        self._counts = counts
        self._monotonic = monotonic
        self._only_throttles_since: float | None = None

    def begin(self, operation: str) -> Attempts:
        """Return the attempts of a new call of `operation`."""
        return _PatientAttempts(self, operation)

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

    def __init__(self, strategy: PatientRetries, operation: str) -> None:
        super().__init__(strategy, strategy.limiter(operation))
        self._patient = strategy
        self._throttles = 0

    @property
    def made(self) -> int:
        return self.attempt + self._throttles

    def _delay(self, kind: ErrorKind | None, error: CallError) -> float | None:
        if kind == "throttling":
            trying_again = self._patient.throttled()
            self._throttles += trying_again
            return 0.0 if trying_again else None
        delay = super()._delay(kind, error)
        self._patient.answered(trying_again=delay is not None)
        return delay

    def succeed(self) -> None:
        super().succeed()
        self._patient.answered(trying_again=False)
