"""What a worker needs of a queue, and one in memory."""

import asyncio
import collections
import itertools
from collections.abc import Sequence
from typing import Protocol

import attrs

from ecr_async._arguments import number_fault
from ecr_async.errors import ConfigurationError
from ecr_async.events.envelopes import Document

__all__ = ["MemoryQueue", "Message", "Queue"]


@attrs.frozen(eq=False)
class Message:
    """A message, as a queue handed it out."""

    id: str
    """The queue's identifier of the message, the same each time that it is received."""
    body: Document = attrs.field(repr=False)
    receipt: str = attrs.field(default="", repr=False)
    """What the queue wants to see when the message is deleted or its visibility changed."""
    receive_count: int = 1
    """How often the message was received, this time included."""


class Queue(Protocol):
    """What a `Worker` takes messages from: `SqsQueue`, `MemoryQueue`, or one of your own.

    A message that is received is invisible for `visibility_timeout` seconds and then, unless it was deleted,
    received again.
    """

    @property
    def name(self) -> str:
        """What to call the queue in traces and metrics."""
        ...

    @property
    def visibility_timeout(self) -> float:
        """Seconds for which a message that is received is invisible to other consumers."""
        ...

    async def receive(self, limit: int) -> Sequence[Message]:
        """Return up to `limit` messages, at most 10; none if there were none for a while."""
        ...

    async def delete(self, messages: Sequence[Message]) -> Sequence[Message]:
        """Delete up to 10 messages. Returns those that could not be deleted."""
        ...

    async def extend(self, messages: Sequence[Message]) -> Sequence[Message]:
        """Keep up to 10 messages invisible for another `visibility_timeout`. Returns the others."""
        ...

    async def release(self, messages: Sequence[Message]) -> Sequence[Message]:
        """Make up to 10 messages visible to other consumers at once. Returns the others."""
        ...


@attrs.define(eq=False)
class _Entry:
    id: str
    body: Document
    receives: int = 0
    visible_at: float = 0.0


class MemoryQueue:
    """A queue in this process: to test handlers with, or to feed a `Worker` from elsewhere.

        queue = MemoryQueue()
        async with Worker(queue) as worker:
            worker.on(ImagePushed, handle)
            await queue.put(document)
            await queue.join()

    It behaves as SQS does: messages that are not deleted come back when their visibility timeout ends.
    For one event loop.

    Args:
        visibility_timeout: Seconds for which a message that is received is invisible.
        wait_time: Seconds for which `receive` waits for a message, and a worker that stops for `receive`.
        max_receives: How often a message is received before it is moved to `dead_letters`.
        maxsize: How many messages the queue holds; `put` waits while it is full. 0 for any number.
    """

    name = "memory"

    def __init__(
        self,
        *,
        visibility_timeout: float = 30.0,
        wait_time: float = 0.1,
        max_receives: int | None = None,
        maxsize: int = 0,
    ) -> None:
        if fault := number_fault(visibility_timeout, above=0, unit=" seconds"):
            raise ConfigurationError(f"visibility_timeout {fault}")
        if fault := number_fault(wait_time, least=0, unit=" seconds"):
            raise ConfigurationError(f"wait_time {fault}")
        if max_receives is not None and (fault := number_fault(max_receives, least=1, whole=True)):
            raise ConfigurationError(f"max_receives {fault}")
        if fault := number_fault(maxsize, least=0, whole=True):
            raise ConfigurationError(f"maxsize {fault}")
        self.visibility_timeout = visibility_timeout
        self.dead_letters: list[Message] = []
        """Messages that were received `max_receives` times and never deleted."""
        self._wait_time = wait_time
        self._max_receives = max_receives
        self._maxsize = maxsize
        self._entries: collections.OrderedDict[str, _Entry] = collections.OrderedDict()
        self._numbers = itertools.count(1)
        self._changed = asyncio.Condition()

    def __len__(self) -> int:
        """Return how many messages are in the queue, including those that were received and not deleted."""
        return len(self._entries)

    async def put(self, body: Document) -> None:
        """Add a message: an event's document, in any envelope."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._maxsize or len(self._entries) < self._maxsize)
            entry = _Entry(f"memory-{next(self._numbers)}", body)
            self._entries[entry.id] = entry
            self._changed.notify_all()

    async def join(self) -> None:
        """Wait until every message was deleted or has become a dead letter."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._entries)

    async def receive(self, limit: int) -> Sequence[Message]:
        """Return up to `limit` messages, at most 10, the oldest first."""
        clock = asyncio.get_running_loop().time
        now = clock()
        end = now + self._wait_time
        async with self._changed:
            while True:
                received = self._take(min(limit, 10), now)
                until = min(end, self._next_visible(end))
                if received or until <= now:
                    return received
                try:
                    async with asyncio.timeout_at(until):
                        await self._changed.wait()
                    now = clock()
                except TimeoutError:
                    now = max(until, clock())  # a loop's timer may end within its clock's resolution before

    def _next_visible(self, otherwise: float) -> float:
        return min((entry.visible_at for entry in self._entries.values()), default=otherwise)

    def _take(self, limit: int, now: float) -> list[Message]:
        visible = [entry for entry in self._entries.values() if entry.visible_at <= now]
        dead = [entry for entry in visible if entry.receives == self._max_receives]
        for entry in dead:
            del self._entries[entry.id]
            self.dead_letters.append(Message(entry.id, entry.body, receive_count=entry.receives))
        if dead:
            self._changed.notify_all()
        taken = [entry for entry in visible if entry.id in self._entries][:limit]
        for entry in taken:
            entry.receives += 1
            entry.visible_at = now + self.visibility_timeout
        return [
            Message(entry.id, entry.body, str(entry.receives), receive_count=entry.receives)
            for entry in taken
        ]

    async def delete(self, messages: Sequence[Message]) -> Sequence[Message]:
        """Delete messages; those that are gone already count as deleted."""
        async with self._changed:
            for message in messages:
                self._entries.pop(message.id, None)
            self._changed.notify_all()
        return ()

    async def extend(self, messages: Sequence[Message]) -> Sequence[Message]:
        """Keep messages invisible for another `visibility_timeout`. Returns those that are gone."""
        return await self._show_in(self.visibility_timeout, messages)

    async def release(self, messages: Sequence[Message]) -> Sequence[Message]:
        """Make messages visible at once. Returns those that are gone."""
        return await self._show_in(0.0, messages)

    async def _show_in(self, seconds: float, messages: Sequence[Message]) -> Sequence[Message]:
        visible_at = asyncio.get_running_loop().time() + seconds
        gone: list[Message] = []
        async with self._changed:
            for message in messages:
                entry = self._entries.get(message.id)
                if entry is None or str(entry.receives) != message.receipt:
                    gone.append(message)
                else:
                    entry.visible_at = visible_at
            self._changed.notify_all()
        return gone
