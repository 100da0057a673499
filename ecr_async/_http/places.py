"""A bound on how many may do something at a time."""

import asyncio
from collections import deque

__all__ = ["Places"]


class Places:
    """So many places; those that come when all are taken wait in line.

    As `asyncio.Semaphore`, but a place that is free is taken without a coroutine.
    """

    __slots__ = ("_free", "_line")

    def __init__(self, count: int) -> None:
        self._free = count
        self._line: deque[asyncio.Future[None]] = deque()

    def take(self) -> bool:
        """Take a place if there is one; say whether there was."""
        if self._free:
            self._free -= 1
            return True
        return False

    async def wait(self) -> None:
        """Wait in line for a place, and take it."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._line.remove(turn)
            else:
                self.give_back()  # it was handed a place just before
            raise

    def give_back(self) -> None:
        """Hand a place that was taken to the first in line, if there is one."""
        for turn in self._line:
            if not turn.done():
                self._line.remove(turn)
                turn.set_result(None)
                return
        self._free += 1
