"""The worker on a real queue of SQS's protocol: failures, stopping, what the queue says no to."""

import asyncio
import json
import logging
from collections.abc import Callable

import botocore.session
import pytest
from botocore.exceptions import ClientError

from ecr_async.events import Event, Failure, ImageDeleted, ImagePushed, SqsQueue, Worker
from tests.integration.events.conftest import SQS
from tests.unit.events.documents import event, notification, push


async def test_bad_messages_of_all_kinds_go_to_the_dead_letter_queue_and_stop_nothing(queue: SQS) -> None:
    handled: list[str] = []
    reported: list[Failure] = []
    all_handled = asyncio.Event()

    async def handle(event: ImagePushed) -> None:
        handled.append(event.id)
        if len(handled) == 12:
            all_handled.set()

    async def fail(event: ImageDeleted) -> None:
        raise ValueError("poison")

    bad = [
        json.dumps(push(1, **{"action-type": "DELETE"})),
        "no JSON",
        json.dumps(event("Object Created", {}, source="aws.s3")),
        json.dumps({"Records": [{"eventSource": "aws:s3", "s3": {}}]}),
        json.dumps(["software.amazon.payloadoffloading.PayloadS3Pointer", {"s3Key": "k"}]),
    ]
    for number in range(10):
        queue.send(json.dumps(push(number)), *bad[number : number + 1])
    queue.send(json.dumps(notification(push(10))))
    queue.send(json.dumps(push(11, padding="x" * 1_000_000)))  # SQS takes up to 1 MiB
    source = SqsQueue(queue.client, queue.url, visibility_timeout=1, wait_time=1)
    async with Worker(source, on_failure=reported.append) as worker:
        worker.on(ImagePushed, handle)
        worker.on(ImageDeleted, fail)
        await all_handled.wait()
        async with asyncio.timeout(60):
            while queue.count(queue.dead_letters) < len(bad):
                await source.receive(1)  # moves what was received twice
    assert sorted(handled) == sorted(f"event-{number}" for number in range(12))
    assert len({failure.message.id for failure in reported}) == len(reported) == len(bad)
    assert queue.count() == 0


async def test_what_a_worker_gives_back_when_it_stops_is_there_for_others_at_once(queue: SQS) -> None:
    begun = asyncio.Event()

    async def hang(event: Event) -> None:
        begun.set()
        await asyncio.Event().wait()

    queue.send(*(json.dumps(push(number)) for number in range(5)))
    source = SqsQueue(queue.client, queue.url, visibility_timeout=600, wait_time=1)
    worker = Worker(source, stop_timeout=0.01)
    worker.on(ImagePushed, hang)
    async with worker:
        await begun.wait()
    assert worker.counters.released == worker.counters.received > 0
    assert worker.counters.deleted == 0
    visible = queue.client.get_queue_attributes(
        QueueUrl=queue.url, AttributeNames=["ApproximateNumberOfMessages"]
    )
    assert visible["Attributes"]["ApproximateNumberOfMessages"] == "5"


async def test_a_queue_that_does_not_exist(queue: SQS) -> None:
    worker = Worker(SqsQueue(queue.client, f"{queue.url}-gone"))
    with pytest.raises(ClientError, match="NonExistentQueue"):
        await worker.run()


async def test_a_queue_that_disappears_is_named_by_awss_code_and_waited_for(
    queue: SQS, monkeypatch: pytest.MonkeyPatch
) -> None:
    warned: asyncio.Queue[str] = asyncio.Queue()
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: warned.put_nowait(record.getMessage())  # type: ignore[method-assign]
    monkeypatch.setattr(logging.getLogger("ecr_async.events"), "handlers", [handler])
    source = SqsQueue(queue.client, queue.url, wait_time=0)
    handled = asyncio.Event()

    async def handle(event: Event) -> None:
        handled.set()

    async with Worker(source) as worker:
        worker.on(Event, handle)
        queue.send(json.dumps(push()))
        await handled.wait()
        queue.client.delete_queue(QueueUrl=queue.url)
        line = await warned.get()
    assert "QueueDoesNotExist AWS.SimpleQueueService.NonExistentQueue" in line


async def test_a_receipt_that_is_gone_is_returned_as_failed(queue: SQS) -> None:
    queue.send(json.dumps(push()))
    source = SqsQueue(queue.client, queue.url, wait_time=1)
    (message,) = await source.receive(10)
    assert await source.extend([message]) == []
    assert await source.delete([message]) == []
    assert await source.extend([message]) == [message]


async def test_the_clients_of_botocore_are_like_those_of_boto3(
    queue: SQS, make_queue: Callable[[], SQS]
) -> None:
    session = botocore.session.get_session()
    client = session.create_client(
        "sqs",
        endpoint_url=queue.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    queue.send(json.dumps(push()))
    (message,) = await SqsQueue(client, queue.url, wait_time=1).receive(1)
    assert json.loads(str(message.body)) == push()
