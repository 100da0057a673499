"""The results of a scan: tasks put them, one consumer takes them, and neither gets far ahead of the other."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

__all__ = ["BulkScan", "ResultQueue"]

ResultT = TypeVar("ResultT")


class ResultQueue(Generic[ResultT]):
    """A bounded queue between the tasks of a scan and its consumer.

    queue = ResultQueue(capacity=16)

    async def fill() -> None:  # in any number of tasks, ended when this returns
        await queue.put(result)

    async for result in queue.results(fill): ...

    `capacity` results wait for the consumer; a task that puts another one waits for room.
    """

    def __init__(self, capacity: int) -> None:
        self._results: asyncio.Queue[ResultT | _End] = asyncio.Queue()
        self._room = asyncio.Semaphore(capacity)
        self._filling: asyncio.Task[None] | None = None
        self._began: float | None = None
        self._ended: float | None = None

    @property
    def seconds(self) -> float:
        """How long the scan has been under way, or was."""
        if self._began is None:
            return 0.0
        return (self._ended or asyncio.get_running_loop().time()) - self._began

    async def put(self, result: ResultT) -> None:
        """Hand over a result, as soon as there is room."""
        await self._room.acquire()
        self._results.put_nowait(result)

    def begin(self) -> None:
        """Begin the scan. Raises `RuntimeError` the second time."""
        if self._began is not None:
            raise RuntimeError("a scan can be iterated once; make another")
        self._began = asyncio.get_running_loop().time()

    async def results(self, fill: Callable[[], Coroutine[Any, Any, None]]) -> AsyncGenerator[ResultT, None]:
        """Run the coroutine function that fills the queue, and yield what it puts until it ends.

        Raises what ended it early. Closing this generator cancels it and waits for its end.
        """
        try:
            self._filling = asyncio.create_task(fill())
            self._filling.add_done_callback(lambda _: self._results.put_nowait(_End()))
            while not isinstance(result := await self._results.get(), _End):
                self._room.release()
                yield result
            await _first_error(self._filling)
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """Stop: when this returns, no task is left. May be called again."""
        if self._filling is not None:
            self._filling.cancel()
            await asyncio.wait([self._filling])
        if self._began is not None and self._ended is None:
            self._ended = asyncio.get_running_loop().time()


class _End:
    """Follows the last result."""


async def _first_error(filling: asyncio.Task[None]) -> None:
    """Raise the first of the errors that ended a task group."""
    try:
        await filling
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None


class BulkScan(Generic[ResultT]):
    """Base of the bulk scans: has its results in a queue, and is closed on leaving the `async with` block."""

    def __init__(self, capacity: int) -> None:
        self._queue = ResultQueue[ResultT](capacity)

    async def aclose(self) -> None:
        """Stop: when this returns, no task and no call of the scan is left. May be called again."""
        await self._queue.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
