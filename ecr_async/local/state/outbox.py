"""Outgoing events: recorded in the transaction that they report, and sent once it is committed."""

import asyncio
import itertools
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from inspect import isawaitable
from typing import Any, Protocol, TypeAlias

from ecr_async.events import Event, parse_event
from ecr_async.local.state.store import Store, Transaction

__all__ = ["EventSink", "OnEvent", "Outbox"]

BATCH = 100
SCAN_SECONDS = 1.0
"""Seconds after which a scan is complete that is not polled."""
CLOSING_SECONDS = 10.0
"""Seconds that sending may take when the server ends."""
RETRY_DELAYS = (0.1, 0.5, 1.0, 2.0, 5.0)
"""Seconds between attempts to send; the last one is repeated."""

logger = logging.getLogger("ecr_async.local")


class EventSink(Protocol):
    """Takes events several at a time, in the order in which they happened."""

    async def send(self, events: Sequence[Event]) -> None:
        """Send events. What this raises is logged, and the same events are sent again after a while."""
        ...


OnEvent: TypeAlias = Callable[[Event], object] | EventSink
"""A function, sync or async, that is called with one event after the other, or an `EventSink`."""


class Outbox:
    """The events that are recorded in the database and not sent yet.

    An event is recorded in the transaction that it reports, so that neither is there without the other, and
    deleted after it was sent. A crash between the two makes it be sent again.
    """

    def __init__(self, on_event: OnEvent) -> None:
        self._on_event = on_event
        self._changed = asyncio.Event()
        """Set when an event was recorded, or a scan has begun."""
        self._closing = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sending: asyncio.Task[None] | None = None

    def record(self, transaction: Transaction, document: Mapping[str, Any]) -> None:
        """Record an event; on the writing thread."""
        text = json.dumps(document, separators=(",", ":"))
        transaction.db.execute("INSERT INTO events (document) VALUES (?)", (text,))
        transaction.after_commit(self._wake)

    def expect_scan(self, transaction: Transaction) -> None:
        """Make sure that a scan which has begun will be complete, even if nobody polls it."""
        transaction.after_commit(self._wake)

    def open(self, store: Store, complete_scans: Callable[[], Awaitable[None]]) -> None:
        """Begin to send what is recorded, and what was left from the last time."""
        self._loop = asyncio.get_running_loop()
        self._sending = asyncio.create_task(self._send_until_closed(store, complete_scans))

    async def aclose(self) -> None:
        """Send what is recorded, giving up at the first failure, and end."""
        self._closing.set()
        self._changed.set()
        if self._sending is not None:
            await asyncio.wait([self._sending], timeout=CLOSING_SECONDS)
            self._sending.cancel()
            await asyncio.wait([self._sending])

    def _wake(self) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._changed.set)

    async def _send_until_closed(self, store: Store, complete_scans: Callable[[], Awaitable[None]]) -> None:
        complete_at: float | None = None
        while True:
            self._changed.clear()
            if await self._send_batch(store):
                continue
            if self._closing.is_set():
                return
            if complete_at is None and await store.read(_is_scanning):
                complete_at = asyncio.get_running_loop().time() + SCAN_SECONDS
            try:
                async with asyncio.timeout_at(complete_at):
                    await self._changed.wait()
            except TimeoutError:
                complete_at = None
                await complete_scans()

    async def _send_batch(self, store: Store) -> bool:
        """Send the events that were recorded first. Returns whether any were sent."""
        rows = await store.read(_first)
        sent = await self._send([parse_event(document) for _, document in rows])
        if not sent:
            return False
        last = rows[sent - 1][0]
        await store.write(
            lambda transaction: transaction.db.execute("DELETE FROM events WHERE id <= ?", (last,))
        )
        return True

    async def _send(self, events: Sequence[Event]) -> int:
        """Send events. Returns how many were sent: all, unless sending fails while this is being closed."""
        if callable(self._on_event):
            for event in events:
                await _call(self._on_event, event)
            return len(events)
        delays = itertools.chain(RETRY_DELAYS, itertools.repeat(RETRY_DELAYS[-1]))
        while events:
            try:
                await self._on_event.send(events)
            except Exception as error:
                logger.warning("events could not be sent, and will be sent again: %r", error)
                if self._closing.is_set():
                    return 0
                with suppress(TimeoutError):
                    async with asyncio.timeout(next(delays)):
                        await self._closing.wait()
            else:
                break
        return len(events)


def _is_scanning(transaction: Transaction) -> bool:
    return transaction.db.execute("SELECT 1 FROM scans WHERE polls_left > 0").fetchone() is not None


def _first(transaction: Transaction) -> list[tuple[int, str]]:
    found = transaction.db.execute("SELECT id, document FROM events ORDER BY id LIMIT ?", (BATCH,))
    return found.fetchall()


async def _call(on_event: Callable[[Event], object], event: Event) -> None:
    try:
        made = on_event(event)
        if isawaitable(made):
            await made
    except Exception:
        logger.exception("on_event failed with %s %s", type(event).__name__, event.id)
