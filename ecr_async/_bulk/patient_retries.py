"""Retries of a scan: throttled calls are repeated until they succeed.

A throttle only means that a call came too early. It costs no attempt and no quota; the call queues up at
its rate limiter again. There are two limits to that: a service that throttles every single call of an
operation for minutes, and a single call with a time limit of its own. ECR has throttles that no waiting
ends: StartImageScan rejects an image that was scanned within 24 hours in the same words
(https://github.com/aws/containers-roadmap/issues/1226).
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable
from typing import Self

from ecr_async._retry.standard import Attempts, ErrorKind, RateLimiters, RetryStrategy
from ecr_async.errors import CallError, ECRError, TransportError
from ecr_async.service import Service

__all__ = ["CallCounts", "CallObserver", "PatientRetries", "patient"]


def patient(service: Service, patience: float, counts: CallCounts) -> Service:
    """Return a service that is called as fast as it admits, and whose throttles are waited out."""
    clock = asyncio.get_running_loop().time
    retries = PatientRetries(service.retries, patience=patience, counts=counts, monotonic=clock)
    return service.with_retries(retries)


class CallObserver:
    """Notified of how calls fare. This one does nothing."""

    __slots__ = ()

    def park(self) -> None:
        """A call waits, without a connection."""

    def resume(self) -> None:
        """A call that waited continues."""

    def reached(self) -> None:
        """The service has responded."""

    def unreachable(self) -> None:
        """A call has ended without a response."""


_NOBODY = CallObserver()


class CallCounts:
    """How many requests were sent, and how many of them failed."""

    __slots__ = ("calls", "retries", "throttles")

    def __init__(self) -> None:
        self.calls = 0
        self.throttles = 0
        self.retries = 0


class PatientRetries(RetryStrategy):
    """A service's own retries, but for throttles, which are repeated at once, for a rate limiter to pace.

    An adaptive service's rate limiters are shared; for any other there are new ones.

    After `patience` seconds in which every call of an operation was throttled, throttled calls of it
    fail. `monotonic` is a clock in seconds. `observer` is notified when a call waits without a connection,
    and whether the service can be reached.
    """

    __slots__ = ("_call_limit", "_monotonic", "_only_throttles_since", "_patience", "counts", "observer")

    def __init__(
        self,
        own: RetryStrategy,
        *,
        patience: float,
        counts: CallCounts,
        monotonic: Callable[[], float],
        observer: CallObserver = _NOBODY,
    ) -> None:
        super().__init__(own.config, quota=own.quota, backoff=own.backoff)
        self.limiters = own.limiters if own.limiters is not None else RateLimiters()
        self.counts = counts
        self.observer = observer
        self._patience = patience
        self._call_limit = patience
        self._monotonic = monotonic
        self._only_throttles_since: dict[str, float] = {}

    def limited(self, seconds: float) -> Self:
        """Return the same strategy for calls that are each repeated for so many seconds at most."""
        limited = copy.copy(self)
        limited._call_limit = seconds
        return limited

    def begin(self, operation: str) -> Attempts:
        """Return the attempts of a new call of `operation`."""
        return _PatientAttempts(self, operation)

    def throttled(self, operation: str, first_throttle: float | None) -> tuple[bool, float]:
        """Note a throttle. Returns whether to try again, and when the call was throttled first."""
        self.counts.calls += 1
        self.counts.throttles += 1
        now = self._monotonic()
        since = self._only_throttles_since.setdefault(operation, now)
        first = now if first_throttle is None else first_throttle
        return now - since < self._patience and now - first < self._call_limit, first

    def admitted(self, operation: str, *, trying_again: bool) -> None:
        """Note an attempt that was not throttled."""
        self.counts.calls += 1
        self.counts.retries += trying_again
        self._only_throttles_since.pop(operation, None)


class _PatientAttempts(Attempts):
    __slots__ = ("_first_throttle", "_is_parked", "_operation", "_patient", "_throttles")

    def __init__(self, strategy: PatientRetries, operation: str) -> None:
        super().__init__(strategy, strategy.limiter(operation))
        self._patient = strategy
        self._operation = operation
        self._throttles = 0
        self._first_throttle: float | None = None
        self._is_parked = False

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._resume()
        if isinstance(error, ECRError) and not isinstance(error, CallError):
            self._patient.observer.unreachable()  # it had no credentials to call with

    @property
    def made(self) -> int:
        return self.attempt + self._throttles

    async def admission(self) -> None:
        if self._limiter is not None and not self._limiter.is_open:
            self._park()
        await super().admission()
        self._resume()

    def next_delay(self, error: CallError) -> float | None:
        observer = self._patient.observer
        if isinstance(error, TransportError):
            observer.unreachable()
        else:
            observer.reached()
        delay = super().next_delay(error)
        if delay:
            self._park()
        return delay

    def _delay(self, kind: ErrorKind | None, error: CallError) -> float | None:
        patient, operation = self._patient, self._operation
        if kind == "throttling":
            trying_again, self._first_throttle = patient.throttled(operation, self._first_throttle)
            self._throttles += trying_again
            return 0.0 if trying_again else None
        delay = super()._delay(kind, error)
        patient.admitted(operation, trying_again=delay is not None)
        return delay

    def succeed(self) -> None:
        super().succeed()
        self._patient.observer.reached()
        self._patient.admitted(self._operation, trying_again=False)

    def _park(self) -> None:
        if not self._is_parked:
            self._is_parked = True
            self._patient.observer.park()

    def _resume(self) -> None:
        if self._is_parked:
            self._is_parked = False
            self._patient.observer.resume()
