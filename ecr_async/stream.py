"""A stream: results of tasks that run beside their consumer, at most a few results ahead of it.

All of the tasks live inside one, the producer. Whoever closes the stream, or leaves the loop over it,
cancels the producer and waits for it, so nothing outlives the stream.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Generic, TypeAlias, TypeVar

__all__ = ["Put", "Stream"]

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

    async def results(self) -> AsyncGenerator[ResultT, None]:
        """Start the producer and give what it hands over, until it ends.

        Raises what ended it early. To be gone through once.
        """
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

    async def _run(self) -> None:
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
