"""Turns at reading large responses, so that few of them are in memory, however many are in flight.

sent ──> the first 256 KiB have come ──> turn: read, decoded ──> the next one's turn
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

__all__ = ["LARGE_AT_ONCE", "LONGEST_TURN", "Turn", "Turns"]

LARGE_AT_ONCE = 2
"""How many large responses are read and decoded at once."""

LONGEST_TURN = 0.001
"""Seconds of waiting for the network after which the next large response is read as well."""

SHORTEST_WAIT = 0.001
"""Seconds between two looks at whether a turn has been long."""


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
        self.waiting = 0
        """How many responses wait for their turn."""

    async def wait(self) -> None:
        """Wait for a turn, and take it."""
        self.waiting += 1
        try:
            await self.free.acquire()
        finally:
            self.waiting -= 1


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
