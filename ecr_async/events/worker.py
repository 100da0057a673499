"""The worker: takes messages from a queue and passes their events to handlers."""

import asyncio
import signal
import threading
import uuid
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self, TypeVar, overload

import attrs

from ecr_async._arguments import number_fault
from ecr_async.errors import ConfigurationError
from ecr_async.events.deduplication import Deduplicator
from ecr_async.events.envelopes import Document
from ecr_async.events.event import Event
from ecr_async.events.handlers import Handler, Handlers, check_event_class
from ecr_async.events.queues import Message, Queue
from ecr_async.events.reports import Counters, Failure, Reporter, WorkerTelemetry
from ecr_async.events.worker_run import WorkerRun, wait_until_done

__all__ = ["Worker"]

EventT = TypeVar("EventT", bound=Event)

QUEUE_METHODS = ("receive", "delete", "extend", "release")


class Worker:
    """Handles the events in a queue, several at a time, and loses none.

        worker = Worker(SqsQueue(boto3.client("sqs"), url), concurrency=20)
        worker.on(ImagePushed, look_at_image)
        await worker.run(stop_on=(signal.SIGTERM, signal.SIGINT))

    As many messages are received as there are free places; none wait in the worker. While a handler works,
    its message stays invisible to other consumers, however long it takes, up to SQS's 12 hours. After
    success the message is deleted; after failure it is left to the queue's redrive policy, and the worker
    goes on. A message that fails is reported once, however often it comes back. An event that is delivered
    again within `deduplication_window` is handled once by this worker; other workers don't know of it, so
    handlers should be idempotent. Order is not kept.

    An event of a kind without a handler is deleted, except an `UnknownEvent`, which is left to the redrive
    policy and reported; a handler for `UnknownEvent` changes that. Events that come before the first handler
    is added are left to it as well.

    Stopping is graceful: the receive under way ends, handlers finish, and messages whose handlers didn't
    begin or were cancelled become visible to other workers at once. `async with worker:` handles events in
    the background for as long as the block lasts; a block that is cancelled cancels the handlers.

    Handlers run on the event loop and must not block it.

    Args:
        queue: Where messages come from. Without one, the worker is for `lambda_handler` and `handle`.
        concurrency: How many messages are handled at a time.
        deduplication_window: Seconds for which handled events are remembered; 0 for none.
        handler_timeout: Seconds after which a handler is cancelled, which is a failure.
        stop_timeout: Seconds after which handlers are cancelled when the worker is told to stop. By default
            they may take their time; a second signal of `run` cancels them as well.
        on_failure: A function, sync or async, that is called with each `Failure` that is reported. By
            default they are logged as warnings, by the logger `ecr_async.events`.
        telemetry: Receives a report of each event, for instance `ecr_async.telemetry.OpenTelemetry()`.

    Raises `ConfigurationError` for arguments that cannot work.
    """

    def __init__(
        self,
        queue: Queue | None = None,
        *,
        concurrency: int = 10,
        deduplication_window: float = 300.0,
        handler_timeout: float | None = None,
        stop_timeout: float | None = None,
        on_failure: Callable[[Failure], object] | None = None,
        telemetry: WorkerTelemetry | None = None,
    ) -> None:
        if fault := number_fault(concurrency, least=1, whole=True):
            raise ConfigurationError(f"concurrency {fault}")
        if handler_timeout is not None and (fault := number_fault(handler_timeout, above=0, unit=" seconds")):
            raise ConfigurationError(f"handler_timeout {fault}")
        if stop_timeout is not None and (fault := number_fault(stop_timeout, least=0, unit=" seconds")):
            raise ConfigurationError(f"stop_timeout {fault}")
        if fault := number_fault(deduplication_window, least=0, unit=" seconds"):
            raise ConfigurationError(f"deduplication_window {fault}")
        missing = [name for name in QUEUE_METHODS if not callable(getattr(queue, name, None))]
        if queue is not None and missing:
            raise ConfigurationError(
                f"queue must be an SqsQueue, a MemoryQueue or the like, but {type(queue).__name__} "
                f"has no method {missing[0]}"
            )
        if on_failure is not None and not callable(on_failure):
            raise ConfigurationError(f"on_failure must be a function, not {type(on_failure).__name__}")
        if telemetry is not None and not callable(getattr(telemetry, "message", None)):
            raise ConfigurationError(
                f"telemetry must have a method message, and {type(telemetry).__name__} has none"
            )
        self.concurrency = concurrency
        self._queue = queue
        self._stop_timeout = stop_timeout
        self._reporter = Reporter(on_failure, telemetry)
        self._handlers = Handlers(
            deduplicator=Deduplicator(deduplication_window),
            reporter=self._reporter,
            handler_timeout=handler_timeout,
        )
        self._run: WorkerRun | None = None
        self._background: asyncio.Task[None] | None = None
        self._has_cancelled_block = False

    @overload
    def on(self, kind: type[EventT], handler: Handler[EventT]) -> Handler[EventT]: ...
    @overload
    def on(self, kind: type[EventT]) -> Callable[[Handler[EventT]], Handler[EventT]]: ...

    def on(
        self, kind: type[EventT], handler: Handler[EventT] | None = None
    ) -> Handler[EventT] | Callable[[Handler[EventT]], Handler[EventT]]:
        """Call an async function with every event of a class; also as a decorator, `@worker.on(ImagePushed)`.

        Subclasses are included: a handler for `ImageAction` gets every `ImagePushed`, one for `Event` all
        events. An event that has several handlers is given to them one after the other, in the order in
        which they were added; if one fails, the event comes back to all of them.
        """
        check_event_class(kind)

        def add(handler: Handler[EventT]) -> Handler[EventT]:
            self._handlers.add(kind, handler)
            return handler

        return add if handler is None else add(handler)

    @property
    def counters(self) -> Counters:
        """What the worker has done so far."""
        return attrs.evolve(self._reporter.counters)

    async def handle(self, document: Document) -> None:
        """Handle the events in a document now, without the queue.

        Raises what a handler raised, and `EventError` for a document that holds no event.
        """
        for failure in await self.handle_message(Message(str(uuid.uuid4()), document), "direct"):
            raise failure.error

    async def handle_message(
        self, message: Message, destination: str, *, deadline: float | None = None
    ) -> Sequence[Failure]:
        """Handle the events in a message that was received elsewhere; return what failed.

        `destination` is the queue's name in traces and metrics; at `deadline`, by the event loop's clock,
        handlers are cancelled.
        """
        self._reporter.counters.received += 1
        return await self._handlers.handle(message, destination, deadline)

    async def run(self, *, stop_on: Iterable[signal.Signals] = ()) -> None:
        """Handle events until `stop` is called, or one of the signals in `stop_on` comes.

        The first such signal stops the worker gracefully, a second one cancels the handlers too. Cancelling
        this does the same as a second signal. Receives that fail are tried again, with growing delays.

        Raises what the first receive raises if it fails, since the queue's URL or the credentials are
        wrong then, and `ConfigurationError` for signals outside the main thread, where Python handles none.
        """
        with _handling_signals(stop_on, self._hurry):
            await self._work(self._begin())

    def stop(self) -> None:
        """Stop gracefully: finish the messages being handled, and return the others to the queue.

        `run` returns when that is done.
        """
        if self._run is not None:
            self._run.stop()

    def _hurry(self) -> None:
        if self._run is not None:
            self._run.hurry()

    async def __aenter__(self) -> Self:
        """Begin to handle events in the background. If that fails, the block is cancelled and raises why."""
        block = asyncio.current_task()
        assert block is not None
        background = asyncio.create_task(self._work(self._begin()), name="ecr_async worker")

        def end_block(_: object) -> None:
            if self._background is background and not background.cancelled() and background.exception():
                self._has_cancelled_block = block.cancel()

        self._background = background
        background.add_done_callback(end_block)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        background, self._background = self._background, None
        block = asyncio.current_task()
        assert background is not None
        assert block is not None
        if self._has_cancelled_block:
            self._has_cancelled_block = False
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0)  # where the block ended before the cancellation came
            block.uncancel()
        elif kind is not None and issubclass(kind, asyncio.CancelledError):
            background.cancel()
        self.stop()
        try:
            await asyncio.shield(background)
        except asyncio.CancelledError:
            background.cancel()
            await wait_until_done(background)
            raise

    def _begin(self) -> WorkerRun:
        if self._queue is None:
            raise ConfigurationError("the worker has no queue to receive messages from")
        if self._run is not None:
            raise ConfigurationError("the worker is running already")
        self._run = WorkerRun(
            self._queue,
            self._handlers.handle,
            counters=self._reporter.counters,
            concurrency=self.concurrency,
            stop_timeout=self._stop_timeout,
        )
        return self._run

    async def _work(self, run: WorkerRun) -> None:
        try:
            await run.work()
        finally:
            self._run = None


@contextmanager
def _handling_signals(
    signals: Iterable[signal.Signals], handle: Callable[[], object]
) -> Generator[None, None, None]:
    """Call `handle` on the event loop for each of these signals, in the block."""
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in signals}
    if before and threading.current_thread() is not threading.main_thread():
        raise ConfigurationError(
            "stop_on works in the main thread only; elsewhere, loop.call_soon_threadsafe(worker.stop) does"
        )
    try:
        for number in before:
            with suppress(NotImplementedError):  # on Windows, where Ctrl+C cancels the main task
                loop.add_signal_handler(number, handle)
        yield
    finally:
        for number, previous in before.items():
            with suppress(NotImplementedError):
                loop.remove_signal_handler(number)
                if previous is not None:  # one that Python code has installed
                    signal.signal(number, previous)
