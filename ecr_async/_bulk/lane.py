"""One service of a scan: its jobs, and how many of them may be under way at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from itertools import repeat
from typing import Protocol, TypeAlias

from ecr_async._bulk.patient_retries import CallCounts, CallObserver, PatientRetries
from ecr_async.service import Service

__all__ = ["Job", "Lane", "LaneOwner"]

Job: TypeAlias = Callable[[], Awaitable[None]]
"""A piece of work for one service: one call and what is done with its response, as a rule."""

PARKED_MAX = 4
"""Jobs of a service that wait for its rate limiter or for a retry; with as many, no other is begun.

There must be one for the limiter to let go when its time has come; more only take memory.
"""


class LaneOwner(Protocol):
    """Begins the jobs of lanes; notified of whatever may let another one begin."""

    active: int
    unproven: int

    @property
    def most(self) -> int:
        """How many jobs of one lane may be active."""
        ...

    def changed(self, lane: Lane) -> None:
        """A lane has a new job, or may begin one now."""

    def proven(self, lane: Lane) -> None:
        """A lane's service has responded."""


class Lane(CallObserver):
    """The jobs of one service.

    A job is *active* while it has a call under way or handles its response, and *parked* while it waits
    for the rate limiter or for a retry, since it then needs no connection.

    A service that has not responded yet, or cannot be reached any more, is *unproven*: it has one job
    active, and one more after each failure.
    """

    __slots__ = (
        "_concurrency",
        "_holds",
        "_jobs",
        "_owner",
        "_window",
        "active",
        "calls",
        "is_proven",
        "is_queued",
        "parked",
        "retries",
        "service",
    )

    def __init__(
        self, service: Service, owner: LaneOwner, *, concurrency: int, patience: float, counts: CallCounts
    ) -> None:
        self.service = service
        """The service as it was given."""
        clock = asyncio.get_running_loop().time
        self.retries = PatientRetries(
            service.retries, patience=patience, counts=counts, monotonic=clock, observer=self
        )
        self.calls = service.with_retries(self.retries)
        """The service as it is called."""
        self.active = 0
        self.parked = 0
        self.is_proven = False
        self.is_queued = False
        self._owner = owner
        self._concurrency = concurrency
        self._window = 1
        self._jobs: deque[Job] = deque()
        self._holds = 1

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do, and nothing will be added."""
        return not (self._holds or self._jobs or self.active or self.parked)

    @property
    def may_begin(self) -> bool:
        """Whether a job may begin, as far as the service is concerned."""
        if not self._jobs or self.parked >= PARKED_MAX:
            return False
        most = self._owner.most if self.is_proven else self._window
        return self.active + self.parked < min(most, self._concurrency)

    def add(self, job: Job, *, times: int = 1) -> None:
        """Add a job behind the others, to be run so many times."""
        self._jobs.extend(repeat(job, times))
        self._owner.changed(self)

    def add_first(self, job: Job) -> None:
        """Add a job before the others."""
        self._jobs.appendleft(job)
        self._owner.changed(self)

    def hold(self) -> None:
        """Keep the lane open, since there will be another job: as it is from the start."""
        self._holds += 1

    def release(self) -> None:
        """Let the lane close once its jobs are done."""
        self._holds -= 1
        if self.is_done:
            self._owner.changed(self)

    def begin(self) -> Job:
        """Take out the next job, which is active from now on."""
        self._count(1)
        return self._jobs.popleft()

    def end(self) -> None:
        """A job has ended."""
        self._count(-1)

    def close(self) -> None:
        """Let go of the service, once the lane is done.

        Its retries refer to the lane, and would keep it until a garbage collection: one that frees the lanes
        of a thousand services at once stops the event loop for 14 ms.
        """
        self.retries.observer = CallObserver()

    # ------------------------------------------------------------------- notified by the calls of its jobs

    def park(self) -> None:
        """A job waits, without a connection."""
        self._count(-1)
        self.parked += 1
        self._owner.changed(self)

    def resume(self) -> None:
        """A parked job continues."""
        self._count(1)
        self.parked -= 1
        self._owner.changed(self)

    def reached(self) -> None:
        """The service has responded: from now on it may use all connections."""
        if not self.is_proven:
            self.is_proven = True
            self._owner.unproven -= self.active
            self._owner.proven(self)

    def unreachable(self) -> None:
        """A call has ended without a response."""
        if self.is_proven:
            self.is_proven = False
            self._owner.unproven += self.active
            self._window = 1
        else:
            self._window += 1

    def _count(self, difference: int) -> None:
        self.active += difference
        self._owner.active += difference
        if not self.is_proven:
            self._owner.unproven += difference
