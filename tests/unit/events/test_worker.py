"""The worker, with a queue in memory and in virtual time."""

import asyncio
import logging
import os
import signal
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import pytest

import ecr_async as ecr
from ecr_async.events import (
    Event,
    EventError,
    Failure,
    ImageAction,
    ImageDeleted,
    ImagePushed,
    MemoryQueue,
    Message,
    UnknownEvent,
    Worker,
)
from tests.unit.events.documents import event, notification, push
from tests.virtual_time import in_virtual_time, run


async def fill(queue: MemoryQueue, count: int) -> None:
    for number in range(count):
        await queue.put(push(number))


class Recorder:
    """A handler that remembers the events it was given, and takes its time."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.ids: list[str] = []
        self.working = 0
        self.most_working = 0

    async def __call__(self, event: Event) -> None:
        self.ids.append(event.id)
        self.working += 1
        self.most_working = max(self.most_working, self.working)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.working -= 1


@in_virtual_time
async def test_each_event_is_handled_once_and_its_message_deleted() -> None:
    queue, handle = MemoryQueue(), Recorder()
    await fill(queue, 100)
    async with Worker(queue) as worker:
        worker.on(ImagePushed, handle)
        await queue.join()
    assert sorted(handle.ids) == sorted(f"event-{number}" for number in range(100))
    assert worker.counters.received == worker.counters.handled == worker.counters.deleted == 100


@in_virtual_time
async def test_no_more_is_received_than_there_is_room_for() -> None:
    """Prefetched messages become visible again before they are begun (spulec/PyQS #29, #76)."""
    queue, handle = MemoryQueue(), Recorder(seconds=60)
    await fill(queue, 50)
    async with Worker(queue, concurrency=7) as worker:
        worker.on(ImagePushed, handle)
        await asyncio.sleep(59)
        assert worker.counters.received == 7  # none wait in the worker, where their visibility would run out
        await queue.join()
    assert handle.most_working == 7
    assert len(handle.ids) == 50


@in_virtual_time
async def test_a_handler_may_take_much_longer_than_the_visibility_timeout() -> None:
    queue, handle = MemoryQueue(visibility_timeout=2, wait_time=20), Recorder(seconds=3600)
    await fill(queue, 3)
    async with Worker(queue, deduplication_window=0) as worker, Worker(queue) as other:
        worker.on(ImagePushed, handle)
        other.on(ImagePushed, handle)
        await queue.join()
    assert sorted(handle.ids) == ["event-0", "event-1", "event-2"]
    assert worker.counters.received + other.counters.received == 3
    assert worker.counters.extended + other.counters.extended >= 3 * 1800


@in_virtual_time
async def test_a_handler_of_a_base_class_gets_all_and_several_are_called_in_order() -> None:
    called: list[str] = []
    queue = MemoryQueue()
    worker = Worker(queue)

    @worker.on(ImagePushed)
    async def pushed(event: ImagePushed) -> None:
        called.append(f"pushed {event.image_tag}")

    @worker.on(ImageAction)
    async def action(event: ImageAction) -> None:
        called.append(f"action {event.action_type}")

    async with worker:
        await queue.put(push())
        await queue.join()
        await queue.put(push(**{"action-type": "DELETE"}))
        await queue.join()
    assert called == ["pushed 1.0", "action PUSH", "action DELETE"]


@in_virtual_time
async def test_poison_malformed_and_foreign_messages_are_reported_once_and_stop_nothing() -> None:
    reported: list[Failure] = []
    queue, handle = MemoryQueue(visibility_timeout=5, max_receives=3), Recorder()

    async def fail(event: ImageDeleted) -> None:
        raise ValueError("poison")

    await queue.put(push(1, **{"action-type": "DELETE"}))
    await queue.put("no JSON")
    await queue.put(event("Object Created", {}, source="aws.s3"))
    await queue.put("x" * (9 * 1024 * 1024))
    await queue.put({"Records": []})  # nothing to be done
    await fill(queue, 20)
    async with Worker(queue, on_failure=reported.append) as worker:
        worker.on(ImagePushed, handle)
        worker.on(ImageDeleted, fail)
        await queue.join()
    assert len(handle.ids) == 20
    assert [failure.outcome for failure in reported] == ["failed", "malformed", "unhandled", "malformed"]
    assert len(queue.dead_letters) == 4
    counted = worker.counters
    assert (counted.failed, counted.malformed, counted.unhandled, counted.deleted) == (3, 6, 3, 21)
    poison = reported[0]
    assert isinstance(poison.error, ValueError)
    assert isinstance(poison.event, ImageDeleted)
    assert str(poison) == (
        "ImageDeleted could not be handled: ValueError (message memory-1, received 1 times)"
    )
    assert str(reported[1]).startswith("the message could not be handled: document: is not JSON")


@in_virtual_time
async def test_a_kind_without_a_handler_is_deleted_and_an_unknown_one_if_there_is_a_handler() -> None:
    queue, handle = MemoryQueue(), Recorder()
    await queue.put(push(1, **{"action-type": "DELETE"}))
    await queue.put(event("ECR Artifact Action", {}))
    async with Worker(queue) as worker:
        worker.on(UnknownEvent, handle)
        await queue.join()
    assert len(handle.ids) == 1
    assert (worker.counters.ignored, worker.counters.deleted) == (1, 2)


@in_virtual_time
async def test_what_comes_before_the_first_handler_is_not_lost() -> None:
    reported: list[Failure] = []
    queue, handle = MemoryQueue(visibility_timeout=30), Recorder()
    await fill(queue, 2)
    async with Worker(queue, on_failure=reported.append) as worker:
        await asyncio.sleep(10)
        worker.on(ImagePushed, handle)
        await queue.join()
    assert len(handle.ids) == 2
    assert [failure.outcome for failure in reported] == ["unhandled", "unhandled"]


@in_virtual_time
async def test_an_event_delivered_again_is_handled_once() -> None:
    queue, handle = MemoryQueue(), Recorder(seconds=10)
    async with Worker(queue) as worker:
        worker.on(ImagePushed, handle)
        await queue.put(push())
        await queue.put(notification(push()))  # while the first is being handled, by another way
        await queue.join()
        await queue.put(push())
        await queue.join()
        assert handle.ids == ["event-0"]
        assert worker.counters.duplicate == 2
        await asyncio.sleep(301)
        await queue.put(push())
        await queue.join()
    assert handle.ids == ["event-0", "event-0"]


@in_virtual_time
async def test_another_event_with_the_same_id_is_not_a_duplicate() -> None:
    queue, handle = MemoryQueue(), Recorder()
    async with Worker(queue) as worker:
        worker.on(ImageAction, handle)
        await queue.put(push())
        await queue.put(push(**{"action-type": "DELETE"}))
        await queue.join()
    assert len(handle.ids) == 2


@in_virtual_time
async def test_an_event_that_failed_is_handled_again_when_it_comes_back() -> None:
    queue = MemoryQueue(visibility_timeout=30)
    failed_at: list[float] = []
    loop = asyncio.get_running_loop()

    async def handle(event: ImagePushed) -> None:
        if not failed_at:
            failed_at.append(loop.time())
            raise OSError("no network")

    await queue.put(push())
    async with Worker(queue, on_failure=lambda failure: None) as worker:
        worker.on(ImagePushed, handle)
        await queue.join()
    assert 30 <= loop.time() - failed_at[0] < 31  # left to the queue, not given back at once
    assert (worker.counters.failed, worker.counters.handled) == (1, 1)


@in_virtual_time
async def test_of_several_events_in_a_message_those_that_succeeded_are_not_handled_again() -> None:
    queue, handle = MemoryQueue(visibility_timeout=5), Recorder()
    fails = True

    async def fail_once(event: ImageDeleted) -> None:
        nonlocal fails
        if fails:
            fails = False
            raise OSError

    await queue.put([push(1), push(2, **{"action-type": "DELETE"}), push(3)])
    async with Worker(queue, on_failure=lambda failure: None) as worker:
        worker.on(ImagePushed, handle)
        worker.on(ImageDeleted, fail_once)
        await queue.join()
    assert handle.ids == ["event-1", "event-3"]
    assert worker.counters.duplicate == 2


@in_virtual_time
async def test_a_handler_that_hangs_is_cancelled_in_time() -> None:
    reported: list[Failure] = []
    queue, handle = MemoryQueue(max_receives=1), Recorder(seconds=1e6)
    await queue.put(push())
    async with Worker(queue, handler_timeout=90, on_failure=reported.append) as worker:
        worker.on(ImagePushed, handle)
        await queue.join()
    assert handle.working == 0
    assert isinstance(reported[0].error, TimeoutError)


@in_virtual_time
async def test_a_handler_may_be_cancelled_by_its_own_doing() -> None:
    reported: list[Failure] = []
    queue = MemoryQueue(max_receives=1)

    async def handle(event: Event) -> None:
        if event.id == "event-0":
            raise asyncio.CancelledError

    await fill(queue, 3)
    async with Worker(queue, on_failure=reported.append) as worker:
        worker.on(Event, handle)
        await queue.join()
    assert len(reported) == 1
    assert worker.counters.handled == 2


@in_virtual_time
async def test_leaving_the_block_finishes_what_is_in_hand_and_gives_back_the_rest() -> None:
    queue, handle = MemoryQueue(wait_time=20), Recorder(seconds=100)
    await fill(queue, 2)
    async with Worker(queue, concurrency=3) as worker:
        worker.on(ImagePushed, handle)
        await asyncio.sleep(50)
        worker.stop()
        await queue.put(push(2))  # which the receive under way brings
    assert handle.ids == ["event-0", "event-1"]
    assert (worker.counters.handled, worker.counters.deleted, worker.counters.released) == (2, 2, 1)
    (message,) = await queue.receive(10)
    assert message.receive_count == 2
    assert asyncio.get_running_loop().time() == 100


@in_virtual_time
async def test_a_stop_timeout_cancels_handlers_and_gives_their_messages_back() -> None:
    queue, handle = MemoryQueue(), Recorder(seconds=100)
    await fill(queue, 2)
    async with Worker(queue, stop_timeout=25) as worker:
        worker.on(ImagePushed, handle)
        await asyncio.sleep(50)
    assert asyncio.get_running_loop().time() == pytest.approx(75, abs=0.2)
    assert (worker.counters.handled, worker.counters.released) == (0, 2)
    assert len(await queue.receive(10)) == 2


@in_virtual_time
async def test_cancelling_leaves_no_task_and_gives_messages_back() -> None:
    queue, handle = MemoryQueue(), Recorder(seconds=100)
    await fill(queue, 2)
    worker = Worker(queue)
    worker.on(ImagePushed, handle)
    running = asyncio.create_task(worker.run())
    await asyncio.sleep(50)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert len(asyncio.all_tasks()) == 1
    assert len(await queue.receive(10)) == 2


@in_virtual_time
async def test_a_block_that_is_cancelled_cancels_the_handlers() -> None:
    queue, handle = MemoryQueue(), Recorder(seconds=100)
    worker = Worker(queue)
    worker.on(ImagePushed, handle)
    await fill(queue, 2)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(10), worker:
            await asyncio.Event().wait()
    assert asyncio.get_running_loop().time() < 11
    assert worker.counters.released == 2
    assert len(asyncio.all_tasks()) == 1


@in_virtual_time
async def test_what_the_receive_under_way_brings_goes_back_when_the_worker_is_cancelled() -> None:
    """Messages that arrive while a consumer stops are often left invisible (celery/celery #8875, kombu
    #1819).
    """
    queue = MemoryQueue(wait_time=20, visibility_timeout=600)
    running = asyncio.create_task(Worker(queue).run())
    await asyncio.sleep(1)
    running.cancel()
    await asyncio.sleep(1)
    await queue.put(push())
    with pytest.raises(asyncio.CancelledError):
        await running
    (message,) = await queue.receive(1)
    assert message.receive_count == 2
    assert asyncio.get_running_loop().time() < 25


@in_virtual_time
async def test_an_extension_under_way_does_not_come_after_the_release() -> None:
    """A message that is given back and then extended stays invisible to others (celery/kombu #1835)."""

    class SlowQueue(MemoryQueue):
        """A queue like one that is called on threads: a call goes on when its caller is cancelled."""

        async def extend(self, messages: Sequence[Message]) -> Sequence[Message]:
            return await asyncio.shield(asyncio.create_task(self.extend_slowly(messages)))

        async def extend_slowly(self, messages: Sequence[Message]) -> Sequence[Message]:
            await asyncio.sleep(30)
            return await super().extend(messages)

    queue, handle = SlowQueue(visibility_timeout=120), Recorder(seconds=1e6)
    await queue.put(push())
    async with Worker(queue, stop_timeout=1) as worker:
        worker.on(ImagePushed, handle)
        await asyncio.sleep(50)  # an extension is under way
    assert worker.counters.released == 1
    await asyncio.sleep(60)
    assert len(await queue.receive(1)) == 1


@in_virtual_time
async def test_signals_stop_the_worker_gracefully_and_then_at_once() -> None:
    queue, handle = MemoryQueue(), Recorder(seconds=100)
    await fill(queue, 1)
    before = signal.getsignal(signal.SIGTERM)
    worker = Worker(queue)
    worker.on(ImagePushed, handle)
    running = asyncio.create_task(worker.run(stop_on=[signal.SIGTERM]))
    await asyncio.sleep(10)
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.sleep(10)
    assert not running.done()
    os.kill(os.getpid(), signal.SIGTERM)
    await running
    assert asyncio.get_running_loop().time() < 100
    assert (worker.counters.handled, worker.counters.released) == (0, 1)
    assert signal.getsignal(signal.SIGTERM) is before


async def test_signals_are_for_the_main_thread() -> None:
    queue = MemoryQueue()
    worker = Worker(queue)

    def run_elsewhere() -> None:
        asyncio.run(worker.run(stop_on=[signal.SIGTERM]))

    with pytest.raises(ecr.ConfigurationError, match="stop_on works in the main thread only"):
        await asyncio.to_thread(run_elsewhere)
    async with worker:  # which is not running yet
        pass


class FaultyQueue(MemoryQueue):
    """A queue whose calls fail as a test wants them to."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.failing: dict[str, int] = {}
        self.calls: list[str] = []

    async def receive(self, limit: int) -> Sequence[Message]:
        self._maybe_fail("receive")
        return await super().receive(limit)

    async def delete(self, messages: Sequence[Message]) -> Sequence[Message]:
        self.calls.append(f"delete {len(messages)}")
        self._maybe_fail("delete")
        if self._fails("delete one"):
            await super().delete(messages[1:])
            return messages[:1]
        return await super().delete(messages)

    async def extend(self, messages: Sequence[Message]) -> Sequence[Message]:
        self._maybe_fail("extend")
        return await super().extend(messages)

    def _fails(self, call: str) -> bool:
        left = self.failing.get(call, 0)
        self.failing[call] = max(0, left - 1)
        return left > 0

    def _maybe_fail(self, call: str) -> None:
        if self._fails(call):
            raise ConnectionError(call)


@in_virtual_time
async def test_a_receive_that_fails_is_tried_again_for_as_long_as_it_takes() -> None:
    """Consumers that stop polling after an error are a frequent complaint (bbc/sqs-consumer #130, #151,
    #241).
    """
    queue, handle = FaultyQueue(), Recorder()
    async with Worker(queue) as worker:
        worker.on(ImagePushed, handle)
        await asyncio.sleep(10)
        queue.failing["receive"] = 2_000  # some eight hours
        await queue.put(push())
        await queue.join()
    assert handle.ids == ["event-0"]
    assert worker.counters.receive_failures == 2_000


@in_virtual_time
async def test_a_first_receive_that_fails_ends_the_worker() -> None:
    queue = FaultyQueue()
    queue.failing["receive"] = 1
    with pytest.raises(ConnectionError):
        await Worker(queue).run()
    queue.failing["receive"] = 1
    with pytest.raises(ConnectionError):
        async with Worker(queue):
            await asyncio.Event().wait()
    assert len(asyncio.all_tasks()) == 1


@in_virtual_time
async def test_a_worker_that_fails_as_its_block_ends_leaves_no_cancellation_behind() -> None:
    queue = FaultyQueue()

    failures = 0
    for turns in range(8):  # after one of them the block is cancelled while it ends
        queue.failing["receive"] = 1
        try:
            async with Worker(queue):
                for _ in range(turns):
                    await asyncio.sleep(0)
        except ConnectionError:
            failures += 1
    assert failures >= 4
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    await asyncio.sleep(0)


@in_virtual_time
async def test_a_worker_may_be_stopped_in_its_block() -> None:
    queue, handle = MemoryQueue(), Recorder()
    async with Worker(queue) as worker:
        worker.on(ImagePushed, handle)
        await queue.put(push())
        await queue.join()
        worker.stop()
        await asyncio.sleep(10)
        await queue.put(push(1))
    assert handle.ids == ["event-0"]


@in_virtual_time
async def test_each_failure_in_a_batch_of_deletes_is_seen_and_tried_again() -> None:
    """Individual failures of a batch that "succeeded" are often overlooked (bbc/sqs-consumer #193)."""
    queue, handle = FaultyQueue(), Recorder(seconds=1)
    queue.failing |= {"delete one": 2, "delete": 1}
    await fill(queue, 10)
    async with Worker(queue) as worker:
        worker.on(ImagePushed, handle)
        await queue.join()
    assert len(handle.ids) == 10
    assert (worker.counters.deleted, worker.counters.not_deleted) == (10, 0)


@in_virtual_time
async def test_a_message_that_cannot_be_deleted_comes_back_and_is_not_handled_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    queue, handle = FaultyQueue(visibility_timeout=30), Recorder()
    queue.failing["delete"] = 5
    await queue.put(push())
    async with Worker(queue) as worker:
        worker.on(ImagePushed, handle)
        await queue.join()
    assert handle.ids == ["event-0"]
    assert (worker.counters.not_deleted, worker.counters.duplicate, worker.counters.deleted) == (1, 1, 1)
    assert "message memory-1 could not be deleted and will come back" in caplog.messages


@in_virtual_time
async def test_deletes_are_made_in_batches() -> None:
    queue, handle = FaultyQueue(), Recorder(seconds=1)
    await fill(queue, 40)
    async with Worker(queue, concurrency=20) as worker:
        worker.on(ImagePushed, handle)
        await queue.join()
    assert worker.counters.deleted == 40
    assert len(queue.calls) <= 10
    assert "delete 10" in queue.calls


@in_virtual_time
async def test_an_extension_that_fails_is_made_up_for_before_the_timeout_ends() -> None:
    queue, handle = FaultyQueue(visibility_timeout=8), Recorder(seconds=100)
    queue.failing["extend"] = 3
    await queue.put(push())
    async with Worker(queue) as worker:
        worker.on(ImagePushed, handle)
        await queue.join()
    assert worker.counters.received == 1
    assert worker.counters.not_extended == 3


@in_virtual_time
async def test_a_message_that_cannot_be_extended_any_more_is_reported_once_and_finished(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """SQS extends for 12 hours and then fails (aws/aws-sdk-js-v3 #2983)."""
    queue, handle = FaultyQueue(visibility_timeout=8), Recorder(seconds=100)
    queue.failing["extend"] = 10_000
    await queue.put(push())
    async with Worker(queue) as worker:
        worker.on(ImagePushed, handle)
        await queue.join()
    assert handle.ids == ["event-0"]
    warnings = [text for text in caplog.messages if "visibility of message memory-1" in text]
    assert len(warnings) == 1
    assert worker.counters.received > 10  # it came back, and the handler that works on it goes on
    assert worker.counters.deleted == 1


@in_virtual_time
async def test_what_on_failure_raises_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    queue, handle = MemoryQueue(max_receives=1), Recorder()

    def fail(failure: Failure) -> None:
        raise ZeroDivisionError

    await queue.put("no JSON")
    await queue.put(push())
    async with Worker(queue, on_failure=fail) as worker:
        worker.on(ImagePushed, handle)
        await queue.join()
    assert handle.ids == ["event-0"]
    assert "on_failure failed" in caplog.messages


@in_virtual_time
async def test_failures_are_logged_without_the_message(caplog: pytest.LogCaptureFixture) -> None:
    queue = MemoryQueue(max_receives=2, visibility_timeout=1)
    await queue.put('{"password": "hunter2"')
    with caplog.at_level(logging.WARNING, "ecr_async.events"):
        async with Worker(queue):
            await queue.join()
    (line,) = caplog.messages
    assert line.startswith("the message could not be handled: document: is not JSON")
    assert "hunter2" not in caplog.text


async def test_events_can_be_handled_without_a_queue() -> None:
    reported: list[Failure] = []
    worker, handle = Worker(on_failure=reported.append), Recorder()
    worker.on(ImagePushed, handle)
    await worker.handle(push())
    assert handle.ids == ["event-0"]
    for _ in range(2):
        with pytest.raises(EventError):
            await worker.handle("no JSON")
    assert len(reported) == 2
    with pytest.raises(ecr.ConfigurationError, match="has no queue"):
        await worker.run()


async def test_a_plain_function_is_not_a_handler() -> None:
    worker = Worker(on_failure=lambda failure: None)
    worker.on(ImagePushed, lambda event: None)  # type: ignore[arg-type,return-value]
    with pytest.raises(TypeError, match="must be an async function"):
        await worker.handle(push())


def test_arguments_that_cannot_work() -> None:
    with pytest.raises(ecr.ConfigurationError, match="concurrency must be at least 1, not 0"):
        Worker(concurrency=0)
    with pytest.raises(ecr.ConfigurationError, match="handler_timeout must be more than 0 seconds, not 0"):
        Worker(handler_timeout=0)
    with pytest.raises(ecr.ConfigurationError, match="for classes of events"):
        Worker().on(int, Recorder())  # type: ignore[type-var,arg-type]
    with pytest.raises(ecr.ConfigurationError, match="must be an async function"):
        Worker().on(ImagePushed, 5)  # type: ignore[call-overload]
    with pytest.raises(ecr.ConfigurationError, match="visibility_timeout must be more than 0 seconds"):
        MemoryQueue(visibility_timeout=0)
    with pytest.raises(ecr.ConfigurationError, match="max_receives must be at least 1"):
        MemoryQueue(max_receives=0)


@in_virtual_time
async def test_a_worker_runs_once_at_a_time_and_may_run_again() -> None:
    queue, handle = MemoryQueue(), Recorder()
    worker = Worker(queue)
    worker.on(ImagePushed, handle)
    for number in range(2):
        async with worker:
            with pytest.raises(ecr.ConfigurationError, match="running already"):
                await worker.run()
            await queue.put(push(number))
            await queue.join()
    assert handle.ids == ["event-0", "event-1"]
    worker.stop()  # nothing to stop


@in_virtual_time
async def test_a_full_queue_holds_up_whoever_fills_it() -> None:
    queue, handle = MemoryQueue(maxsize=5), Recorder(seconds=10)
    async with Worker(queue, concurrency=1) as worker:
        worker.on(ImagePushed, handle)
        await fill(queue, 8)
        assert len(queue) == 5
        await queue.join()
    assert len(handle.ids) == 8


@in_virtual_time
async def test_a_second_signal_does_not_wait_for_the_receive_under_way() -> None:
    queue, handle = MemoryQueue(wait_time=20), Recorder(seconds=100)
    await fill(queue, 1)
    worker = Worker(queue)
    worker.on(ImagePushed, handle)
    running = asyncio.create_task(worker.run(stop_on=[signal.SIGTERM]))
    await asyncio.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.sleep(1)
    assert handle.working == 0
    await running
    assert worker.counters.released == 1


@in_virtual_time
async def test_a_stop_timeout_counts_from_the_moment_of_stopping() -> None:
    """Not from the end of the receive under way: the platform doesn't wait for their sum."""
    queue, handle = MemoryQueue(wait_time=20), Recorder(seconds=100)
    await fill(queue, 2)
    async with Worker(queue, stop_timeout=15) as worker:
        worker.on(ImagePushed, handle)
        await asyncio.sleep(1)  # the next receive has just begun
        worker.stop()
        await asyncio.sleep(15.5)
        assert handle.working == 0
    assert worker.counters.released == 2
    assert asyncio.get_running_loop().time() < 21


@in_virtual_time
async def test_a_second_cancellation_leaves_no_task_and_no_message_behind() -> None:
    class SlowQueue(MemoryQueue):
        async def release(self, messages: Sequence[Message]) -> Sequence[Message]:
            await asyncio.sleep(5)
            return await super().release(messages)

    for begin in (Worker.run, in_its_block):
        queue, handle = SlowQueue(visibility_timeout=600), Recorder(seconds=100)
        await fill(queue, 2)
        worker = Worker(queue)
        worker.on(ImagePushed, handle)
        running = asyncio.create_task(begin(worker))
        await asyncio.sleep(10)
        for _ in range(3):
            running.cancel()
            await asyncio.sleep(1)
        with pytest.raises(asyncio.CancelledError):
            await running
        assert len(asyncio.all_tasks()) == 1
        assert worker.counters.released == 2
        assert len(await queue.receive(10)) == 2


async def in_its_block(worker: Worker) -> None:
    async with worker:
        await asyncio.Event().wait()


@in_virtual_time
async def test_an_extension_that_hangs_holds_up_no_other() -> None:
    """One stalled call must not cost the messages in hand their visibility, its own included."""

    class StallingQueue(MemoryQueue):
        """A queue one of whose calls takes as long as boto3 waits for a response, and fails."""

        stalled = False

        async def extend(self, messages: Sequence[Message]) -> Sequence[Message]:
            if not self.stalled:
                self.stalled = True
                await asyncio.sleep(60)
                raise TimeoutError
            return await super().extend(messages)

    queue, handle = StallingQueue(visibility_timeout=30), Recorder(seconds=100)
    await fill(queue, 30)
    async with Worker(queue, concurrency=31) as worker:  # so that it receives what is visible again
        worker.on(ImagePushed, handle)
        await queue.join()
    assert (worker.counters.received, worker.counters.not_extended) == (30, 10)


@in_virtual_time
async def test_a_document_that_is_not_json_is_a_failure_like_any_other() -> None:
    reported: list[Failure] = []
    queue, handle = MemoryQueue(max_receives=2), Recorder()
    await queue.put(push(0, pushed=object()))
    await queue.put(push(1))
    async with Worker(queue, on_failure=reported.append) as worker:
        worker.on(ImagePushed, handle)
        await queue.join()
    assert handle.ids == ["event-1"]
    (failure,) = reported
    assert isinstance(failure.error, TypeError)
    assert len(queue.dead_letters) == 1


@in_virtual_time
async def test_what_is_no_exception_ends_the_worker_and_gives_the_message_back() -> None:
    """`pytest.fail` in a handler, say. Swallowed, it would leave its message invisible for ever."""

    class End(BaseException):
        pass

    async def end(event: Event) -> None:
        raise End

    queue = MemoryQueue(visibility_timeout=600)
    await fill(queue, 1)
    worker = Worker(queue)
    worker.on(Event, end)
    with pytest.raises(End):
        await worker.run()
    with pytest.raises(End):
        async with worker:
            await asyncio.Event().wait()
    assert worker.counters.released == 2
    assert len(await queue.receive(1)) == 1


@pytest.mark.parametrize("end", [SystemExit, KeyboardInterrupt])
def test_a_program_that_ends_in_a_handler_gives_all_messages_back(end: type[BaseException]) -> None:
    """Also those that are received but not begun, and whatever the event loop cancels first."""

    async def handle(event: Event) -> None:
        raise end

    async def work() -> None:
        await fill(queue, 3)
        await worker.run()

    queue = MemoryQueue(visibility_timeout=600)
    worker = Worker(queue)
    worker.on(Event, handle)
    with pytest.raises(end):
        run(work())
    assert worker.counters.released == worker.counters.received == 3


@pytest.mark.parametrize("method", ["delete", "extend"])
def test_a_queue_that_breaks_its_contract_ends_the_worker(method: str) -> None:
    """Otherwise nothing would be deleted or extended any more, and nobody told."""

    async def return_nothing(messages: Sequence[Message]) -> None:
        pass

    @in_virtual_time
    async def work() -> None:
        queue, handle = MemoryQueue(), Recorder(seconds=60)
        setattr(queue, method, return_nothing)
        await fill(queue, 20)
        worker = Worker(queue)
        worker.on(ImagePushed, handle)
        await worker.run()

    with pytest.raises((TypeError, ExceptionGroup), match=r"NoneType|TaskGroup"):
        work()


@in_virtual_time
async def test_failures_may_be_reported_by_an_async_function() -> None:
    reported: list[str] = []

    async def report(failure: Failure) -> None:
        await asyncio.sleep(1)
        reported.append(failure.message.id)

    queue = MemoryQueue(max_receives=2, visibility_timeout=1)
    await queue.put("no JSON")
    async with Worker(queue, on_failure=report):
        await queue.join()
    assert reported == ["memory-1"]


@in_virtual_time
async def test_telemetry_that_fails_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    class Telemetry:
        def message(self, destination: str, message_id: str, event_type: str) -> nullcontext[None]:
            return nullcontext()

        def outcome(self, destination: str, outcome: str) -> None:
            raise ZeroDivisionError

    queue, handle = MemoryQueue(), Recorder()
    await fill(queue, 1)
    async with Worker(queue, telemetry=Telemetry()) as worker:
        worker.on(ImagePushed, handle)
        await queue.join()
    assert worker.counters.deleted == 1
    assert "the telemetry failed" in caplog.messages
