"""A worker's handlers, and how a message gets to them."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from typing import Any, TypeAlias, TypeVar

import attrs

from ecr_async.errors import ConfigurationError
from ecr_async.events.deduplication import Deduplicator
from ecr_async.events.errors import EventError
from ecr_async.events.event import Event, UnknownEvent
from ecr_async.events.parsing import parse_events
from ecr_async.events.queues import Message
from ecr_async.events.reports import Failure, Reporter

__all__ = ["Handler", "Handlers", "check_event_class"]

EventT = TypeVar("EventT", bound=Event)
Handler: TypeAlias = Callable[[EventT], Awaitable[object]]


class Handlers:
    """Takes the events out of messages and passes them to the handlers of their classes."""

    def __init__(
        self, *, deduplicator: Deduplicator, reporter: Reporter, handler_timeout: float | None
    ) -> None:
        self._handlers: list[tuple[type[Event], Handler[Any]]] = []
        self._deduplicator = deduplicator
        self._reporter = reporter
        self._timeout = handler_timeout

    def add(self, kind: type[EventT], handler: Handler[EventT]) -> None:
        """Call `handler` with every event of a class, subclasses included."""
        check_event_class(kind)
        if not callable(handler):
            raise ConfigurationError("a handler must be an async function that takes an event")
        self._handlers.append((kind, handler))

    async def handle(
        self, message: Message, destination: str, deadline: float | None = None
    ) -> Sequence[Failure]:
        """Handle the events in a message, and return what failed. Without failures it can be deleted.

        At `deadline`, by the event loop's clock, a handler is cancelled, which is a failure.
        """
        delivery = _Delivery(message, destination, deadline)
        try:
            events = parse_events(message.body)
            return [failure for event in events for failure in await self._handle_once(event, delivery)]
        except EventError as error:
            failure = Failure("malformed", message, error)
        except Exception as error:  # a body that was never JSON, say, since it was put into a `MemoryQueue`
            failure = Failure("failed", message, error)
        await self._reporter.fail(failure, destination)
        return [failure]

    async def _handle_once(self, event: Event, delivery: "_Delivery") -> Sequence[Failure]:
        failures: list[Failure] = []

        async def handle() -> bool:
            failure = await self._handle_event(event, delivery)
            if failure is not None:
                failures.append(failure)
                await self._reporter.fail(failure, delivery.destination)
            return failure is None

        handled = await self._deduplicator.once(event, handle)
        if handled is None:
            self._reporter.count("duplicate", delivery.destination)
        elif not handled and not failures:  # it was under way, and failed there
            error = RuntimeError("another delivery of the event has just failed")
            failures.append(Failure("failed", delivery.message, error, event))
        return failures

    async def _handle_event(self, event: Event, delivery: "_Delivery") -> Failure | None:
        handlers = [handler for kind, handler in self._handlers if isinstance(event, kind)]
        if not handlers and (isinstance(event, UnknownEvent) or not self._handlers):
            error = EventError("detail-type", "names a kind of event for which there is no handler")
            return Failure("unhandled", delivery.message, error, event)
        try:
            if handlers:
                await self._call(handlers, event, delivery)
        except Exception as error:
            return Failure("failed", delivery.message, error, event)
        except asyncio.CancelledError:
            if _is_being_cancelled():
                raise
            return Failure("failed", delivery.message, RuntimeError("a handler was cancelled"), event)
        self._reporter.count("handled" if handlers else "ignored", delivery.destination)
        return None

    async def _call(self, handlers: Sequence[Handler[Any]], event: Event, delivery: "_Delivery") -> None:
        """Call an event's handlers, one after the other."""
        telemetry = self._reporter.telemetry
        with (
            nullcontext()
            if telemetry is None
            else telemetry.message(delivery.destination, delivery.message.id, type(event).__name__)
        ):
            for handler in handlers:
                async with asyncio.timeout_at(self._until(delivery.deadline)):
                    made = handler(event)
                    if not inspect.isawaitable(made):
                        raise TypeError("a handler must be an async function")
                    await made

    def _until(self, deadline: float | None) -> float | None:
        """Return when a handler that begins now is cancelled. Raises `TimeoutError` if that is now."""
        now = asyncio.get_running_loop().time()
        if deadline is not None and deadline <= now:
            raise TimeoutError("there is no time left to handle the event")
        own = None if self._timeout is None else now + self._timeout
        return min(filter(None, (own, deadline)), default=None)


def check_event_class(kind: object) -> None:
    """Raise `ConfigurationError` for what isn't a class of events."""
    if not (isinstance(kind, type) and issubclass(kind, Event)):
        shown = kind.__name__ if isinstance(kind, type) else type(kind).__name__
        raise ConfigurationError(f"handlers are for classes of events, ImagePushed say, not {shown}")


@attrs.frozen
class _Delivery:
    """A message on its way to the handlers, and when they must be done."""

    message: Message
    destination: str
    deadline: float | None


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
