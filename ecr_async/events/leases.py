"""Messages in a worker's hands: kept invisible to others, and deleted or released in the end.

received ──▶ held ──▶ handled ──▶ deleted      in batches of up to 10
               │ ▲
               └─┘ extended, four times in each visibility timeout
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TypeVar

import attrs

from ecr_async.events.queues import Message, Queue
from ecr_async.events.reports import Counters, logger, name_of

__all__ = ["Leases"]

ItemT = TypeVar("ItemT")

BATCH = 10
DELETE_ATTEMPTS = 5


@attrs.define(eq=False)
class _Lease:
    message: Message
    renew_at: float
    failed_deletes: int = 0
    is_reported: bool = False


class Leases:
    """The messages that a worker has received and neither deleted nor given up."""

    def __init__(self, queue: Queue, counters: Counters, changed: asyncio.Event) -> None:
        self._queue = queue
        self._counters = counters
        self._changed = changed
        """Set whenever messages were deleted."""
        self._held: dict[str, _Lease] = {}
        self._to_delete: list[_Lease] = []
        self._handled = asyncio.Event()
        self._calls: set[asyncio.Future[Sequence[Message]]] = set()
        self._failing: set[str] = set()
        """Calls of the queue that failed the last time."""

    @property
    def undeleted(self) -> int:
        """How many messages were handled and wait to be deleted."""
        return len(self._to_delete)

    def hold(self, message: Message) -> bool:
        """Keep a message that has just been received invisible.

        Returns False if it is held already: then its visibility ended in the meantime, and it was
        received again. The new receipt replaces the old one.
        """
        renew_at = self._now() + self._queue.visibility_timeout / 4
        lease = self._held.get(message.id)
        if lease is None:
            self._held[message.id] = _Lease(message, renew_at)
            return True
        lease.message, lease.renew_at = message, renew_at
        return False

    def drop(self, message: Message) -> None:
        """Leave a message alone: it becomes visible when its visibility timeout ends."""
        self._held.pop(message.id, None)

    def delete(self, message: Message) -> None:
        """Delete a message soon, together with others."""
        self._to_delete.append(self._held[message.id])
        self._handled.set()

    async def release(self, messages: Sequence[Message]) -> None:
        """Make messages visible to other consumers at once.

        An extension that is under way must not come after that, even if the task that awaited it is
        cancelled.
        """
        if self._calls:
            await asyncio.wait(self._calls)
        newest = [self._held.pop(message.id).message for message in messages]
        for batch in _batches(newest):
            failed = await self._try(self._queue.release, batch)
            self._counters.released += len(batch) - len(failed)

    async def extend_forever(self) -> None:
        """Extend the visibility of what is held, until cancelled."""
        period = self._queue.visibility_timeout / 4
        async with asyncio.TaskGroup() as extensions:
            while True:
                await asyncio.sleep(period / 2)
                now = self._now()
                due = [lease for lease in self._held.values() if lease.renew_at <= now]
                for batch in _batches(due):
                    extensions.create_task(self._extend(batch, now + period))

    async def _extend(self, leases: Sequence[_Lease], renew_at: float) -> None:
        """Extend the visibility of up to 10 messages. Due again at `renew_at`, even if this hangs."""
        for lease in leases:
            lease.renew_at = renew_at
        messages = [lease.message for lease in leases]
        failed = await self._try(self._queue.extend, messages)
        for lease, message in zip(leases, messages, strict=True):
            if message not in failed:
                self._counters.extended += 1
            elif lease.message.id in self._held:  # not deleted in the meantime
                self._counters.not_extended += 1
                if lease.renew_at == renew_at:  # no later call has been made
                    lease.renew_at = 0.0
                    self._report(lease)

    def _report(self, lease: _Lease) -> None:
        if not lease.is_reported:
            lease.is_reported = True
            logger.warning(
                "the visibility of message %s could not be extended; it may be received again",
                lease.message.id,
            )

    async def delete_forever(self) -> None:
        """Delete what was handled, until cancelled. While one call is made, the next batch gathers."""
        while True:
            await self._handled.wait()
            retry = await self._delete_batch()
            if retry:
                await asyncio.sleep(0.1 * 2**retry * (0.5 + random.random() / 2))  # noqa: S311 - no secret

    async def flush(self) -> None:
        """Delete what was handled and is not deleted yet."""
        while self._to_delete:
            await self._delete_batch()

    async def _delete_batch(self) -> int:
        """Delete up to 10 messages. Returns how often one of those that are left has failed, at most."""
        batch = self._to_delete[:BATCH]
        messages = [lease.message for lease in batch]
        failed = await self._try(self._queue.delete, messages)
        worst = 0
        for lease, message in zip(batch, messages, strict=True):
            if message not in failed:
                self._counters.deleted += 1
                self._settle(lease)
            else:
                lease.failed_deletes += 1
                worst = max(worst, lease.failed_deletes)
                if lease.failed_deletes == DELETE_ATTEMPTS:
                    self._counters.not_deleted += 1
                    logger.warning("message %s could not be deleted and will come back", lease.message.id)
                    self._settle(lease)
        if not self._to_delete:
            self._handled.clear()
        self._changed.set()
        return worst

    def _settle(self, lease: _Lease) -> None:
        self._to_delete.remove(lease)
        self.drop(lease.message)

    async def _try(
        self, call: Callable[[Sequence[Message]], Awaitable[Sequence[Message]]], batch: Sequence[Message]
    ) -> Sequence[Message]:
        """Make a call of the queue. Returns the messages for which it failed, all of them if it raised."""
        name = getattr(call, "__name__", "call")
        under_way = asyncio.ensure_future(call(batch))
        self._calls.add(under_way)
        under_way.add_done_callback(self._calls.discard)
        try:
            failed = await asyncio.shield(under_way)
        except Exception as error:
            level = logging.DEBUG if name in self._failing else logging.WARNING
            logger.log(level, "the queue's %s failed: %s", name, name_of(error))
            self._failing.add(name)
            return batch
        self._failing.discard(name)
        return failed

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def _batches(items: Sequence[ItemT]) -> Iterator[Sequence[ItemT]]:
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]
