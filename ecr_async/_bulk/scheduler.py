"""Which service's turn it is: the jobs of thousands of services, on as many workers as there are connections.

    services ──> lanes ──> workers ──> connections
    (any number)  (open ones)  (one per connection, and those that are parked)

A worker takes a job of the next service in turn, so that services advance side by side, however many jobs
one of them has. A job that waits without a connection, for its service's rate limiter or for a retry, is
parked: another worker takes its place meanwhile. Services that have not responded have half of the workers
at most, all together, so that dead ones leave the rest to the others; and no service has the last eighth
of them, so that a slow one leaves room for the others.

No more workers are active than keep this program busy: while many large responses wait to be decoded, fewer
are, since a response that waits fills memory and leaves the processor's caches.

Services are opened as there is room for them, so what a scan holds depends on the connections and not on
the number of its services. While a quarter as many that have responded as there are connections wait for
their turn, another one would only wait as well: each service would take longer, what it holds would leave
the processor's caches, and every garbage collection would look at it.
"""

from __future__ import annotations

import asyncio
from collections import deque

from ecr_async._bulk.lane import Job, Lane
from ecr_async._bulk.loop_turns import LoopTurns
from ecr_async._bulk.patient_retries import CallCounts
from ecr_async._http.transport import Transport
from ecr_async.service import Service

__all__ = ["Scheduler"]

OPEN_LANES = 10
"""Services open at a time for each connection, at most, where the limits of many let none of them begin."""

BACKLOG = 4
"""Large responses that may wait to be decoded before fewer workers are active; they keep this program busy
for some 10 ms."""

WORKERS_AT_FIRST = 10
"""Workers that may be active when a scan begins; each response that comes while all are adds one."""

WORKERS_MIN = 8
"""Workers that are active in any case."""


class Scheduler:
    """Opens a lane for each service, and runs their jobs in a task group.

    `concurrency` bounds the jobs of each service; after `patience` seconds in which every call of an
    operation of a service was throttled, throttled calls fail. `counts` are kept up to date.
    """

    def __init__(
        self, group: asyncio.TaskGroup, *, concurrency: int, patience: float, counts: CallCounts
    ) -> None:
        self._group = group
        self._concurrency = concurrency
        self._patience = patience
        self._counts = counts
        self._turns_of_loop = LoopTurns()
        self._workers: dict[int, _Workers] = {}

    async def open(self, service: Service) -> Lane:
        """Return a lane for a service, as soon as there is room for another one."""
        await asyncio.sleep(0)  # opening many in one turn of the event loop would hold it up
        await self._workers_of(service).room()
        return self.open_now(service)

    def open_now(self, service: Service) -> Lane:
        """Return a lane for a service, whether there is room or not."""
        workers = self._workers_of(service)
        workers.lanes += 1
        return Lane(
            service, workers, concurrency=self._concurrency, patience=self._patience, counts=self._counts
        )

    def _workers_of(self, service: Service) -> _Workers:
        """Return the workers that share the service's connections."""
        pool = service.runtime.transport
        workers = self._workers.get(id(pool))
        if workers is None:
            workers = self._workers[id(pool)] = _Workers(
                self._group, self._turns_of_loop, pool, service.runtime.max_connections
            )
        return workers


class _Workers:
    """The workers of one connection pool, and the lanes that share it."""

    def __init__(
        self, group: asyncio.TaskGroup, turns_of_loop: LoopTurns, pool: Transport, size: int
    ) -> None:
        self._group = group
        self._turns_of_loop = turns_of_loop
        self._pool = pool
        self.size = size
        self.window: float = min(WORKERS_AT_FIRST, size)
        """How many workers may be active, apart from those of services that have not responded."""
        self._has_been_cut = False
        self._since_cut = 0
        self.active = 0
        self.unproven = 0
        self.lanes = 0
        self._turns: deque[Lane] = deque()
        self._unproven_turns: deque[Lane] = deque()
        self._has_room = asyncio.Event()

    @property
    def most(self) -> int:
        """How many workers one service may have."""
        most = int(self.window)
        return most if self.lanes == 1 else max(1, most - max(1, most // 8))

    async def room(self) -> None:
        """Wait until another lane is of use: few wait for their turn, or none of the open ones may go on."""
        while not self._is_roomy:
            self._has_room.clear()
            await self._has_room.wait()

    @property
    def _is_roomy(self) -> bool:
        if self.lanes < self.size:
            return len(self._turns) <= self.size // 4
        is_stuck = self.active < self.size and not self._turns and not self._unproven_turns
        return is_stuck and self.lanes < OPEN_LANES * self.size

    def changed(self, lane: Lane) -> None:
        """Begin what may begin now."""
        self._settle(lane)
        self._begin()

    def _begin(self) -> None:
        """Begin a worker for each job that may begin now."""
        while (turn := self._next()) is not None:
            work = self._work(*turn)
            try:
                self._group.create_task(work)
            except RuntimeError:  # the group is being cancelled, and its jobs report how they end
                work.close()
                return

    def proven(self, lane: Lane) -> None:
        """Let a lane take its turns among those whose services have responded."""
        if lane.is_queued:
            self._unproven_turns.remove(lane)
            lane.is_queued = False
        self.changed(lane)

    async def _work(self, lane: Lane, job: Job) -> None:
        """Run a job, and then one after the other for as long as there are any."""
        while True:
            try:
                await self._turns_of_loop.admission()
                await job()
            finally:
                lane.end()
                self._settle(lane)
            self._adapt()
            turn = self._next()
            if turn is None:
                return
            self._begin()  # what the window has room for besides
            lane, job = turn

    def _adapt(self) -> None:
        """Let more workers be active while no response waits, and fewer while many do.

        As TCP does: one more with each response until many wait for the first time; from then on, each time
        that as many have come as are active, one more or a fifth less. Where fewer are active than may be,
        for the rate limiter's sake, nobody knows what more would do.
        """
        backlog = self._pool.backlog()
        was_full = self.active - self.unproven >= int(self.window) - 1
        self._since_cut += 1
        if backlog > BACKLOG and self._since_cut >= self.window:
            self._since_cut = 0
            self._has_been_cut = True
            self.window = max(self.window * 0.8, min(WORKERS_MIN, self.size))
        elif backlog == 0 and was_full:
            self.window = min(self.window + (1 / self.window if self._has_been_cut else 1), self.size)

    def _settle(self, lane: Lane) -> None:
        """Give a lane its place among those whose turn comes, or close it."""
        if lane.is_done:
            lane.close()
            self.lanes -= 1
            self._has_room.set()
        elif lane.may_begin and not lane.is_queued:
            self._queue(lane)

    def _next(self) -> tuple[Lane, Job] | None:
        """Return the job whose turn it is, which is active from now on; None if none may begin."""
        while self.active < self.size:
            admits_unproven = self.lanes == 1 or self.unproven < max(1, self.size // 2)
            if self._unproven_turns and admits_unproven:
                lane = self._unproven_turns.popleft()
            elif self._turns and self.active - self.unproven < int(self.window):
                lane = self._turns.popleft()
            else:
                break
            lane.is_queued = False
            if lane.may_begin:
                job = lane.begin()
                self._settle(lane)
                return lane, job
        if self._is_roomy:
            self._has_room.set()
        return None

    def _queue(self, lane: Lane) -> None:
        lane.is_queued = True
        (self._turns if lane.is_proven else self._unproven_turns).append(lane)
