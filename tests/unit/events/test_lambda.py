"""The function that AWS Lambda calls: which batches it takes, and what it says failed."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any

import attrs
import pytest

from ecr_async.events import (
    Event,
    EventError,
    Failure,
    ImageDeleted,
    ImagePushed,
    LambdaHandler,
    Worker,
    lambda_handler,
)
from tests.unit.events.documents import event, notification, push, sqs_record

DELETE = {"action-type": "DELETE"}


@attrs.define
class Context:
    """What Lambda passes to a function about the invocation."""

    milliseconds: int = 30_000
    aws_request_id: str = "6f0b8e1c"

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


class Function:
    """A function whose handler succeeds with pushes, fails with deletions, and hangs with tag `hang`."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.opened = 0
        self.loops: set[asyncio.AbstractEventLoop] = set()
        self.lock: asyncio.Lock | None = None
        self.worker = Worker(on_failure=lambda failure: None, concurrency=3)
        self.worker.on(ImagePushed, self.handle)
        self.worker.on(ImageDeleted, self.fail)
        self.handler = lambda_handler(self.worker, self.resource())

    @asynccontextmanager
    async def resource(self) -> AsyncGenerator[None]:
        self.opened += 1
        self.lock = asyncio.Lock()
        yield
        self.opened -= 1

    async def handle(self, event: ImagePushed) -> None:
        assert self.lock is not None
        self.loops.add(asyncio.get_running_loop())
        async with self.lock:
            await asyncio.sleep(0)
        if event.image_tag == "hang":
            await asyncio.Event().wait()
        self.ids.append(event.id)

    async def fail(self, event: Event) -> None:
        raise ValueError(event.id)

    def __call__(self, document: Any, milliseconds: int = 30_000) -> Any:
        return self.handler(document, Context(milliseconds))


@pytest.fixture
def function() -> Iterator[Function]:
    made = Function()
    yield made
    made.handler.close()
    assert made.opened == 0


def failed(*identifiers: str) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in identifiers]}


def test_a_batch_of_sqs(function: Function) -> None:
    batch = {"Records": [sqs_record(push(number), f"m-{number}") for number in range(10)]}
    assert function(batch) == failed()
    assert sorted(function.ids) == sorted(f"event-{number}" for number in range(10))


def test_what_fails_in_a_batch_is_named(function: Function) -> None:
    records = [
        sqs_record(push(1), "good"),
        sqs_record(push(2, **DELETE), "poison"),
        sqs_record("no JSON", "malformed"),
        sqs_record(event("Object Created", {}, source="aws.s3"), "foreign"),
        sqs_record(notification(push(3)), "wrapped"),
    ]
    assert function({"Records": records}) == failed("poison", "malformed", "foreign")
    assert sorted(function.ids) == ["event-1", "event-3"]


def test_a_batch_that_fails_as_a_whole_does_not_raise(function: Function) -> None:
    """Powertools' raise in this case, which counts as an error of the function (powertools-lambda-python
    #4691).
    """
    records = [sqs_record(push(number, **DELETE), str(number)) for number in range(2)]
    assert function({"Records": records}) == failed("0", "1")


def test_a_pipe(function: Function) -> None:
    assert function([sqs_record(push(1), "a"), sqs_record(push(2, **DELETE), "b")]) == failed("b")
    assert function([push(3), push(4)]) is None
    assert function.ids == ["event-1", "event-3", "event-4"]


def test_the_order_of_a_fifo_queue_is_kept(function: Function) -> None:
    fifo = {"eventSourceARN": "arn:aws:sqs:eu-west-1:012345678901:pushes.fifo"}
    records = [
        sqs_record(push(1), "1", **fifo),
        sqs_record(push(2, **DELETE), "2", **fifo),
        sqs_record(push(3), "3", **fifo),
    ]
    assert function({"Records": records}) == failed("2", "3")
    assert function.ids == ["event-1"]


def test_an_event_directly_from_eventbridge(function: Function) -> None:
    assert function(push(1)) is None
    with pytest.raises(ValueError, match="event-2"):
        function(push(2, **DELETE))
    with pytest.raises(EventError):
        function({"hello": "world"})
    assert function.ids == ["event-1"]


def test_each_invocation_that_fails_is_reported_once() -> None:
    reported: list[Failure] = []
    handler = lambda_handler(Worker(on_failure=reported.append))
    for request_id in ("first", "first", "second"):  # Lambda tries an invocation again
        with pytest.raises(EventError):
            handler({"hello": "world"}, Context(aws_request_id=request_id))
    handler.close()
    assert [failure.message.id for failure in reported] == ["first", "second"]


def test_a_notification_of_sns(function: Function) -> None:
    record = {"EventSource": "aws:sns", "Sns": notification(push(1))}
    assert function({"Records": [record]}) is None
    record = {"EventSource": "aws:sns", "Sns": notification(push(2, **DELETE))}
    with pytest.raises(ValueError, match="event-2"):
        function({"Records": [record]})


def test_invocations_share_a_loop_and_what_was_opened(function: Function) -> None:
    """A loop for each invocation breaks locks and connections (powertools-lambda-python #7792, aioboto3
    #185).
    """
    assert function.opened == 0  # not while the module is imported
    for number in range(3):
        function(push(number))
        assert function.opened == 1
    assert len(function.loops) == 1


def test_an_event_that_comes_in_two_invocations_is_handled_once(function: Function) -> None:
    assert function({"Records": [sqs_record(push(1))]}) == failed()
    assert function({"Records": [sqs_record(push(1))]}) == failed()
    assert function.ids == ["event-1"]
    assert function.worker.counters.duplicate == 1


def test_a_handler_that_hangs_fails_before_the_time_is_up(function: Function) -> None:
    hanging = sqs_record(push(1, **{"image-tag": "hang"}), "hanging")
    assert function({"Records": [hanging, sqs_record(push(2), "good")]}, 1_050) == failed("hanging")
    assert function({"Records": [sqs_record(push(3), "late")]}, 900) == failed("late")
    assert function.ids == ["event-2"]
    with pytest.raises(TimeoutError):
        function(push(4), 900)


def test_a_context_is_not_needed() -> None:
    worker = Worker()
    handled: list[Event] = []

    async def handle(event: Event) -> None:
        handled.append(event)

    worker.on(Event, handle)
    handler = LambdaHandler(worker, ())
    assert handler(push()) is None
    handler.close()
    handler.close()
    assert len(handled) == 1


def test_what_cannot_be_opened_is_tried_again_with_the_next_invocation() -> None:
    attempts: list[int] = []

    class Flaky:
        async def __aenter__(self) -> None:
            attempts.append(1)
            if len(attempts) == 1:
                raise OSError("no credentials yet")

        async def __aexit__(self, *_: object) -> None:
            pass

    async def handle(event: Event) -> None:
        pass

    worker = Worker()
    worker.on(Event, handle)
    handler = lambda_handler(worker, Flaky())
    with pytest.raises(OSError, match="no credentials yet"):
        handler({"Records": [sqs_record(push())]})
    assert handler({"Records": [sqs_record(push())]}) == failed()
    handler.close()


def test_each_invocation_has_its_own_context(function: Function) -> None:
    """The span of the invocation at hand is the parent of the worker's, not that of the first one."""
    invocation: ContextVar[int] = ContextVar("invocation")
    seen: list[int] = []

    @function.worker.on(ImagePushed)
    async def see(event: ImagePushed) -> None:
        seen.append(invocation.get())

    for number in range(3):
        invocation.set(number)
        function(push(number))
    assert seen == [0, 1, 2]
