"""A scan's stream: results of tasks that run beside their consumer, at most a few results ahead of it.

All of the tasks live inside one, the producer. Whoever closes the stream, or leaves the loop over it,
cancels the producer and waits for it, so nothing outlives the stream. The room ahead is bounded: a
consumer that takes its time halts the tasks, each with one result in hand. While the producer is at
work, collections of garbage leave out what was there before.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from types import TracebackType
from typing import Generic, Self, TypeAlias, TypeVar

from ecr_async._gc import elders_spared

__all__ = ["Put", "Stream", "Streaming"]

ResultT = TypeVar("ResultT")

Put: TypeAlias = Callable[[ResultT], Awaitable[None]]
"""Hands over a result, as soon as there is room."""


class Stream(Generic[ResultT]):
    """What `produce` hands over, up to `ahead` results before they are asked for."""

    def __init__(self, produce: Callable[[Put[ResultT]], Awaitable[None]], ahead: int) -> None:
        self._produce = produce
        self._queue: asyncio.Queue[ResultT | _End] = asyncio.Queue()
        self._room = asyncio.Semaphore(ahead)
        self._producer: asyncio.Task[None] | None = None
        self._began: float | None = None
        self._ended: float | None = None

    @property
    def seconds(self) -> float:
        """How long it has been under way, or was."""
        if self._began is None:
            return 0.0
        return (self._ended or asyncio.get_running_loop().time()) - self._began

    def results(self) -> AsyncGenerator[ResultT, None]:
        """Return what the producer hands over, until it ends; asking for the first result starts it.

        Going through them raises what ended the producer early. Raises `RuntimeError` the second time.
        """
        if self._began is not None:
            raise RuntimeError("a scan can be gone through once; make another")
        self._began = asyncio.get_running_loop().time()
        return self._results()

    async def _results(self) -> AsyncGenerator[ResultT, None]:
        try:
            self._producer = asyncio.create_task(self._run())
            self._producer.add_done_callback(lambda _: self._queue.put_nowait(_End()))
            while not isinstance(result := await self._queue.get(), _End):
                self._room.release()
                yield result
            await self._outcome(self._producer)
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """Stop: when this returns, no task is left. May be called again."""
        if self._producer is not None:
            self._producer.cancel()
            await asyncio.wait([self._producer])
        if self._began is not None and self._ended is None:
            self._ended = asyncio.get_running_loop().time()

    async def _run(self) -> None:
        with elders_spared():
            await self._produce(self._put)

    async def _put(self, result: ResultT) -> None:
        await self._room.acquire()
        self._queue.put_nowait(result)

    @staticmethod
    async def _outcome(producer: asyncio.Task[None]) -> None:
        """Raise the first of the errors that ended the producer's task group."""
        try:
            await producer
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None


class _End:
    """What follows the last result."""


class Streaming(Generic[ResultT]):
    """A scan that has its results from a stream, and ends with the block that it is opened for."""

    def __init__(self, stream: Stream[ResultT]) -> None:
        self._stream = stream

    async def aclose(self) -> None:
        """Stop: when this returns, no task and no call of the scan is left. May be called again."""
        await self._stream.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
