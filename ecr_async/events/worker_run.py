"""One run of a worker, from its first receive to the last message that is settled."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial

from ecr_async.events.leases import Leases
from ecr_async.events.queues import Message, Queue
from ecr_async.events.reports import Counters, Failure, logger, name_of

__all__ = ["WorkerRun", "wait_until_done"]

LONGEST_DELAY = 30.0
"""Seconds between two receives that fail."""
MOST_UNDELETED = 100
"""Handled messages that may wait to be deleted; while as many do, no more are received."""


class WorkerRun:
    """Receives messages while there is room for them, has them handled, and settles them.

    Args:
        queue: Where messages come from.
        handle: Handles a message; a message without failures is deleted.
        counters: What to count in.
        concurrency: How many messages are handled at a time.
        stop_timeout: Seconds that handlers have after `stop`; None for as long as they need.
    """

    def __init__(
        self,
        queue: Queue,
        handle: Callable[[Message, str], Awaitable[Sequence[Failure]]],
        *,
        counters: Counters,
        concurrency: int,
        stop_timeout: float | None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue = queue
        self._handle = handle
        self._counters = counters
        self._concurrency = concurrency
        self._stop_timeout = stop_timeout
        self._stopping = asyncio.Event()
        self._patience: asyncio.TimerHandle | None = None
        """Runs once the worker is told to stop, until handlers are cancelled."""
        self._changed = asyncio.Event()
        """Set whenever there may be room for another message, or none is wanted any more."""
        self._leases = Leases(queue, counters, self._changed)
        self._receiving: asyncio.Future[Sequence[Message]] | None = None
        self._has_received = False
        self._handling: set[asyncio.Task[None]] = set()
        self._given_back: list[Message] = []
        self._error: BaseException | None = None
        """What ends the run: a handler's exception that is no `Exception`, or a fault of the queue's."""

    def stop(self) -> None:
        """Receive no more, and let the handlers finish."""
        if self._stop_timeout is not None and self._patience is None:
            self._patience = self._loop.call_later(self._stop_timeout, self.hurry)
        self._stopping.set()
        self._changed.set()

    def hurry(self) -> None:
        """Stop; if that has been said before, cancel the handlers."""
        if self._stopping.is_set():
            for task in self._handling:
                task.cancel()
        self.stop()

    async def work(self) -> None:
        """Work until `stop`, and then leave nothing behind. Raises what the first receive raises."""
        upkeep = [
            asyncio.create_task(self._leases.extend_forever()),
            asyncio.create_task(self._leases.delete_forever()),
        ]
        for task in upkeep:
            task.add_done_callback(self._stop_if_failed)
        try:
            await self._receive_until_stopped()
            if self._handling:
                await asyncio.wait(self._handling)
        finally:
            if self._patience is not None:
                self._patience.cancel()
            settling = asyncio.create_task(self._settle_all(upkeep))
            await wait_until_done(settling)
            settling.result()
        if self._error is not None:
            raise self._error

    async def _settle_all(self, upkeep: Sequence[asyncio.Task[None]]) -> None:
        await _cancel(self._handling)
        await self._end_receive()
        await _cancel(upkeep)
        try:
            await self._leases.flush()
        finally:
            await self._leases.release(self._given_back)

    async def _receive_until_stopped(self) -> None:
        while room := await self._room():
            for message in await self._receive(room):
                self._counters.received += 1
                if not self._leases.hold(message):
                    continue  # it came back while it is being handled
                if self._stopping.is_set():
                    self._given_back.append(message)
                else:
                    self._begin(message)

    async def _room(self) -> int:
        """Wait until messages can be handled, and return how many; 0 when no more are wanted."""
        while not self._stopping.is_set():
            room = self._concurrency - len(self._handling)
            if room and self._leases.undeleted < MOST_UNDELETED:
                return room
            self._changed.clear()
            await self._changed.wait()
        return 0

    async def _receive(self, limit: int) -> Sequence[Message]:
        """Receive messages, trying again until that succeeds or no more are wanted."""
        failures = 0
        while not self._stopping.is_set():
            self._receiving = asyncio.ensure_future(self._queue.receive(limit))
            try:
                messages = await asyncio.shield(self._receiving)
            except Exception as error:
                if not self._has_received:
                    raise
                failures += 1
                self._counters.receive_failures += 1
                delay = LONGEST_DELAY / 2 ** max(0, 6 - failures) * random.random()  # noqa: S311 - no secret
                logger.warning("receiving failed (%s); again in %.1f s", name_of(error), delay)
                with suppress(TimeoutError):
                    async with asyncio.timeout(delay):
                        await self._stopping.wait()
            else:
                self._receiving = None
                self._has_received = True
                return messages
        return ()

    async def _end_receive(self) -> None:
        """Wait for a receive that was under way when `work` was cancelled; what it brings must go back."""
        if self._receiving is not None:
            await asyncio.wait([self._receiving])
            with suppress(Exception, asyncio.CancelledError):  # cancelled where the program is being ended
                self._given_back += filter(self._leases.hold, self._receiving.result())

    def _begin(self, message: Message) -> None:
        task = asyncio.create_task(self._handle_and_settle(message))
        self._handling.add(task)
        task.add_done_callback(partial(self._end, message))

    def _end(self, message: Message, task: asyncio.Task[None]) -> None:
        self._handling.discard(task)
        self._changed.set()
        if task.cancelled() or task.exception() is not None:
            self._given_back.append(message)
        self._stop_if_failed(task)

    def _stop_if_failed(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._error = self._error or error
            self.stop()

    async def _handle_and_settle(self, message: Message) -> None:
        failures = await self._handle(message, self._queue.name)
        if failures:
            self._leases.drop(message)
        else:
            self._leases.delete(message)


async def wait_until_done(task: asyncio.Task[None]) -> None:
    """Wait until a task has ended, even if the waiting is cancelled. The cancellation goes on after that."""
    is_cancelled = False
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            is_cancelled = True
    if is_cancelled:
        raise asyncio.CancelledError


async def _cancel(tasks: "Sequence[asyncio.Task[object]] | set[asyncio.Task[None]]") -> None:
    """Cancel tasks and wait until they have ended."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait([*tasks])
