"""One call for all who wait for the same thing."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

__all__ = ["SingleFlight"]

ResultT = TypeVar("ResultT")


class SingleFlight(Generic[ResultT]):
    """Makes a call once for all that wait for it at the same time; cancelled when nobody waits any more."""

    def __init__(self) -> None:
        self._task: asyncio.Task[ResultT] | None = None
        self._waiting = 0

    @property
    def is_running(self) -> bool:
        """Whether a call is under way, which `run` would wait for."""
        return self._task is not None and not self._task.done()

    async def run(self, make: Callable[[], Coroutine[Any, Any, ResultT]]) -> ResultT:
        """Return the result of the call that is under way, or else of the one that `make` makes."""
        task = self._task
        if task is None or task.done():
            task = self._task = asyncio.create_task(make())
        self._waiting += 1
        try:
            await asyncio.wait([task])
        finally:
            self._waiting -= 1
            if not self._waiting:
                task.cancel()
        return task.result()
