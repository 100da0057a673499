"""A worker's reports about its messages: each failure once, counters, traces."""

import collections
import inspect
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Literal, Protocol, TypeAlias

import attrs

from ecr_async.events.errors import EventError
from ecr_async.events.event import Event
from ecr_async.events.queues import Message

__all__ = ["Counters", "Failure", "Outcome", "Reporter", "WorkerTelemetry", "logger", "name_of"]

logger = logging.getLogger("ecr_async.events")

Outcome: TypeAlias = Literal["handled", "failed", "malformed", "unhandled", "ignored", "duplicate"]
"""What became of an event.

- `handled`: its handlers succeeded.
- `failed`: a handler failed. The message comes back, until the queue's redrive policy takes it away.
- `malformed`: the message holds no event. It is left to the redrive policy too.
- `unhandled`: it is an `UnknownEvent` without a handler, or the worker has no handlers at all. It is left
  to the redrive policy too.
- `ignored`: it is of a kind that has no handler. The message is deleted.
- `duplicate`: it was handled already, or is being handled. The message is deleted.
"""

REMEMBERED = 10_000
"""How many messages that failed are remembered, so as to be reported once."""


@attrs.frozen
class Failure:
    """A message that could not be handled, as passed to a worker's `on_failure`."""

    outcome: Outcome
    message: Message
    error: Exception
    """What was raised: an `EventError` for a message that holds no event."""
    event: Event | None = None
    """The event, where there is one."""

    def __str__(self) -> str:
        what = "the message" if self.event is None else type(self.event).__name__
        cause = str(self.error) if isinstance(self.error, EventError) else type(self.error).__name__
        times = f"received {self.message.receive_count} times"
        return f"{what} could not be handled: {cause} (message {self.message.id}, {times})"


@attrs.define
class Counters:
    """What a worker has done so far."""

    received: int = 0
    """Messages that were received."""
    handled: int = 0
    """Events whose handlers succeeded."""
    failed: int = 0
    """Times that an event's handler failed."""
    malformed: int = 0
    """Times that a message was received that holds no event."""
    unhandled: int = 0
    """Times that an `UnknownEvent` without a handler was received, or any event before the first handler."""
    ignored: int = 0
    """Events of kinds that have no handler, whose messages were deleted."""
    duplicate: int = 0
    """Events that had been handled already."""
    deleted: int = 0
    """Messages that were deleted."""
    not_deleted: int = 0
    """Messages that could not be deleted. They come back, and are duplicates then."""
    extended: int = 0
    """Times that a message's visibility timeout was extended."""
    not_extended: int = 0
    """Times that it could not be extended."""
    released: int = 0
    """Messages that were made visible to other consumers when the worker stopped."""
    receive_failures: int = 0
    """Receives that failed, and were tried again."""


class WorkerTelemetry(Protocol):
    """Receives a worker's reports about its messages: `ecr_async.telemetry.OpenTelemetry` is one.

    Both methods are called on the event loop and must not block it.
    """

    def message(self, destination: str, message_id: str, event_type: str) -> AbstractContextManager[object]:
        """Return a context in which an event's handlers run; what they raise goes through it."""
        ...

    def outcome(self, destination: str, outcome: str) -> None:
        """Count what became of an event."""
        ...


class Reporter:
    """Reports each failing message once, however often it comes back, and counts everything."""

    def __init__(
        self, on_failure: Callable[[Failure], object] | None, telemetry: WorkerTelemetry | None
    ) -> None:
        self.counters = Counters()
        self.telemetry = telemetry
        self._on_failure = on_failure or _log
        self._reported: collections.OrderedDict[str, None] = collections.OrderedDict()

    def count(self, outcome: Outcome, destination: str) -> None:
        """Count what became of an event."""
        setattr(self.counters, outcome, getattr(self.counters, outcome) + 1)
        if self.telemetry is not None:
            try:
                self.telemetry.outcome(destination, outcome)
            except Exception:
                logger.exception("the telemetry failed")

    async def fail(self, failure: Failure, destination: str) -> None:
        """Count a failure; report it unless one of the same message was reported before."""
        self.count(failure.outcome, destination)
        message_id = failure.message.id
        if message_id in self._reported:
            self._reported.move_to_end(message_id)
            logger.debug("again: %s", failure)
            return
        self._reported[message_id] = None
        if len(self._reported) > REMEMBERED:
            self._reported.popitem(last=False)
        try:
            made = self._on_failure(failure)
            if inspect.isawaitable(made):
                await made
        except Exception:
            logger.exception("on_failure failed")


def name_of(error: Exception) -> str:
    """Return what to call a queue client's error in the log: its class, and the code that AWS gave it.

    Not its text, which may hold anything.
    """
    match getattr(error, "response", None):
        case {"Error": {"Code": str(code)}}:
            return f"{type(error).__name__} {code}"
        case _:
            return type(error).__name__


def _log(failure: Failure) -> None:
    unexpected = failure.error if not isinstance(failure.error, EventError) else None
    logger.warning("%s", failure, exc_info=unexpected)
