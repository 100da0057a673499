"""Turns at reading large responses, so that few of them are in memory, however many are in flight.

sent ──> the first 256 KiB have come ──> turn: read, decoded ──> the next one's turn
└─ a scan sends no more while `BACKLOG` responses wait for their turn
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

__all__ = ["BACKLOG", "LARGE_AT_ONCE", "LONGEST_TURN", "Turn", "Turns"]

LARGE_AT_ONCE = 4
"""How many large responses are read and decoded at once."""

LONGEST_TURN = 0.05
"""Seconds of waiting for the network after which the next large response is read as well."""

SHORTEST_WAIT = 0.005
"""Seconds between two looks at whether a turn has been long."""

BACKLOG = 8
"""Large responses that may wait for their turn before a scan sends no further request.

As many keep this program busy for 20 ms, and have up to 2 MiB in memory.
"""

ADMISSION_INTERVAL = 0.002
"""Seconds between two requests that are sent once there is room: about what a page takes to be decoded.

One more is sent whenever a response has its turn.
"""


class Turns:
    """Who may read a large response now: those that wait stay in their sockets' buffers, not in memory.

    With fifty pages in flight at once, that leaves a few of them in memory instead of all. It costs no
    speed: a turn passes on when its response has been decoded, or when its network is slow. `busy` returns
    the seconds for which this thread has been running: a turn that takes long because other work goes on
    is kept.
    """

    def __init__(self, busy: Callable[[], float] = time.thread_time) -> None:
        self.free = asyncio.Semaphore(LARGE_AT_ONCE)
        self.busy = busy
        self._waiting = 0
        self._timer: asyncio.TimerHandle | None = None
        self._admissions: deque[asyncio.Future[None]] = deque()

    async def wait(self) -> None:
        """Wait for a turn, and take it."""
        self._waiting += 1
        try:
            await self.free.acquire()
        finally:
            self._waiting -= 1
            self._admit()

    async def room(self) -> None:
        """Wait while many responses wait for their turn; then callers go on one after the other."""
        if self._waiting < BACKLOG and not self._admissions:
            return
        admission = asyncio.get_running_loop().create_future()
        self._admissions.append(admission)
        await admission

    def _admit(self) -> None:
        """Let the first of those that wait for room go on, if there is some, and in a while the next."""
        while self._admissions and self._waiting < BACKLOG:
            admission = self._admissions.popleft()
            if not admission.done():
                admission.set_result(None)
                break
        if self._admissions and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(ADMISSION_INTERVAL, self._admit_next)

    def _admit_next(self) -> None:
        self._timer = None
        if self._waiting < BACKLOG:
            self._admit()


class Turn:
    """One response's turn."""

    __slots__ = ("_began", "_timer", "_turns")

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._timer: asyncio.TimerHandle | None = None

    async def take(self) -> None:
        """Wait for the turn."""
        await self._turns.wait()
        loop = asyncio.get_running_loop()
        self._began = loop.time() - self._turns.busy()
        self._timer = loop.call_later(LONGEST_TURN, self._ring)

    def keep(self) -> None:
        """Keep the turn until it is given back: the response has arrived, and its network is not slow."""
        if self._timer is not None:
            self._timer.cancel()

    def give_back(self) -> None:
        """Let the next one read."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._turns.free.release()

    def _ring(self) -> None:
        """Give the turn back if it has waited for long, not counting the time that this thread was busy."""
        loop = asyncio.get_running_loop()
        left = LONGEST_TURN - (loop.time() - self._turns.busy() - self._began)
        if left > 0:
            self._timer = loop.call_later(max(left, SHORTEST_WAIT), self._ring)
        else:
            self.give_back()
