"""Handling an event once, even if it is delivered twice."""

import asyncio
import collections
import hashlib
import json
from collections.abc import Awaitable, Callable

from ecr_async.events.event import Event

__all__ = ["Deduplicator"]

REMEMBERED = 100_000
"""How many handled events are remembered at most, in some 20 MB."""


class Deduplicator:
    """Remembers for `window` seconds which events were handled.

    EventBridge and SQS deliver at least once; a repeated delivery has the same document. An event whose
    handling failed is not remembered.
    """

    def __init__(self, window: float) -> None:
        self._window = window
        self._under_way: dict[bytes, asyncio.Future[bool]] = {}
        self._handled: collections.OrderedDict[bytes, float] = collections.OrderedDict()
        """When to forget the events, in that order."""

    async def once(self, event: Event, handle: Callable[[], Awaitable[bool]]) -> bool | None:
        """Handle an event and return whether that succeeded; return None if it was handled before.

        While the same event is being handled, wait for that: None if it succeeds, False if it doesn't.
        """
        if self._window <= 0:
            return await handle()
        loop = asyncio.get_running_loop()
        self._forget(loop.time())
        key = _digest(event)
        if key in self._handled:
            return None
        if key in self._under_way:
            return None if await asyncio.shield(self._under_way[key]) else False
        outcome = self._under_way[key] = loop.create_future()
        handled = False
        try:
            handled = await handle()
        finally:
            del self._under_way[key]
            outcome.set_result(handled)
        if handled:
            self._handled[key] = loop.time() + self._window
        return handled

    def _forget(self, now: float) -> None:
        while self._handled:
            forget_at = next(iter(self._handled.values()))
            if forget_at > now and len(self._handled) <= REMEMBERED:
                break
            self._handled.popitem(last=False)


def _digest(event: Event) -> bytes:
    canonical = json.dumps(event.document, sort_keys=True)
    return hashlib.sha256(canonical.encode()).digest()
