"""Lets the event loop's other tasks run between those of a scan.

When many responses arrive at once, the loop would otherwise run every worker before anything else has its
turn: a hundred of them keep it for 20 ms.
"""

import asyncio
from collections import deque

__all__ = ["LoopTurns"]

JOBS = 4
"""Jobs that begin in one turn of the event loop; small ones take 0.2 ms each."""


class LoopTurns:
    """Admits a few jobs in each turn of the event loop, in order of arrival."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._left = JOBS
        self._is_counting = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def admission(self) -> None:
        """Go on in this turn of the event loop if few jobs have begun in it, else in a later one."""
        if not self._is_counting:
            self._is_counting = True
            self._loop.call_soon(self._next_turn)
        if self._left and not self._waiting:
            self._left -= 1
            return
        waiting = self._loop.create_future()
        self._waiting.append(waiting)
        await waiting

    def _next_turn(self) -> None:
        self._left = JOBS
        while self._waiting and self._left:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(None)
                self._left -= 1
        self._is_counting = bool(self._waiting)
        if self._is_counting:
            self._loop.call_soon(self._next_turn)
