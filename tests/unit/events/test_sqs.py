"""SqsQueue, with clients that are called and clients that are awaited."""

import threading
from typing import Any

import boto3
import pytest
from botocore.config import Config

import ecr_async as ecr
from ecr_async.events import Message, SqsQueue

URL = "https://sqs.eu-west-1.amazonaws.com/012345678901/pushes"
MESSAGES = [Message(str(number), "body", f"receipt-{number}") for number in range(3)]


class Client:
    """A client like boto3's, which blocks."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.threads: set[threading.Thread] = set()
        self.response: dict[str, Any] = {}

    def receive_message(self, **arguments: Any) -> Any:
        return self._respond("receive_message", arguments)

    def delete_message_batch(self, **arguments: Any) -> Any:
        return self._respond("delete_message_batch", arguments)

    def change_message_visibility_batch(self, **arguments: Any) -> Any:
        return self._respond("change_message_visibility_batch", arguments)

    def _respond(self, name: str, arguments: dict[str, Any]) -> Any:
        self.calls.append((name, arguments))
        self.threads.add(threading.current_thread())
        return self.response


class AwaitedClient(Client):
    """A client like aiobotocore's, whose methods return coroutines."""

    def _respond(self, name: str, arguments: dict[str, Any]) -> Any:
        async def respond() -> Any:
            return super(AwaitedClient, self)._respond(name, arguments)

        return respond()


@pytest.fixture(params=[Client, AwaitedClient])
def client(request: pytest.FixtureRequest) -> Client:
    made: Client = request.param()
    return made


async def test_messages_are_received(client: Client) -> None:
    queue = SqsQueue(client, URL, visibility_timeout=45, wait_time=20)
    assert await queue.receive(3) == []
    client.response = {
        "Messages": [
            {
                "MessageId": "1",
                "ReceiptHandle": "r",
                "Body": "text",
                "Attributes": {"ApproximateReceiveCount": "4"},
            }
        ]
    }
    (message,) = await queue.receive(100)
    assert (message.id, message.body, message.receipt, message.receive_count) == ("1", "text", "r", 4)
    name, arguments = client.calls[-1]
    assert name == "receive_message"
    assert arguments == {
        "QueueUrl": URL,
        "MaxNumberOfMessages": 10,
        "WaitTimeSeconds": 20,
        "VisibilityTimeout": 45,
        "AttributeNames": ["ApproximateReceiveCount"],
    }


async def test_batches_return_what_failed_in_them(client: Client) -> None:
    queue = SqsQueue(client, URL)
    assert await queue.delete(MESSAGES) == []
    client.response = {"Successful": [{"Id": "0"}], "Failed": [{"Id": "1", "Code": "InternalError"}]}
    assert await queue.delete(MESSAGES) == [MESSAGES[1]]
    assert await queue.extend(MESSAGES) == [MESSAGES[1]]
    assert await queue.release(MESSAGES) == [MESSAGES[1]]
    extended, released = client.calls[-2:]
    assert [entry["VisibilityTimeout"] for entry in extended[1]["Entries"]] == [30, 30, 30]
    assert [entry["VisibilityTimeout"] for entry in released[1]["Entries"]] == [0, 0, 0]
    assert [entry["ReceiptHandle"] for entry in released[1]["Entries"]] == [
        "receipt-0",
        "receipt-1",
        "receipt-2",
    ]


async def test_a_client_that_blocks_is_called_on_threads_of_the_queue() -> None:
    client = Client()
    await SqsQueue(client, URL).receive(1)
    (thread,) = client.threads
    assert thread.name.startswith("sqs")


async def test_a_client_that_is_awaited_does_its_work_on_the_event_loop() -> None:
    client = AwaitedClient()
    queue = SqsQueue(client, URL)
    for _ in range(3):
        await queue.receive(1)
    assert client.threads == {threading.current_thread()}


async def test_what_the_client_raises_is_raised(client: Client) -> None:
    client.response = {"Messages": [{}]}
    with pytest.raises(KeyError):
        await SqsQueue(client, URL).receive(1)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((object(), URL), "client must be a client for SQS, but it has no receive_message"),
        ((Client(), "pushes"), "url must be the queue's URL"),
        ((Client(), "arn:aws:sqs:eu-west-1:012345678901:pushes"), "url must be the queue's URL"),
    ],
)
def test_what_cannot_be_a_queue(arguments: tuple[Any, str], problem: str) -> None:
    with pytest.raises(ecr.ConfigurationError, match=problem):
        SqsQueue(*arguments)


def test_times_that_sqs_does_not_allow() -> None:
    with pytest.raises(ecr.ConfigurationError, match="visibility_timeout must be 1 to 43,200 seconds, not 0"):
        SqsQueue(Client(), URL, visibility_timeout=0)
    with pytest.raises(ecr.ConfigurationError, match="wait_time must be 0 to 20 seconds, not 21"):
        SqsQueue(Client(), URL, wait_time=21)


def test_a_client_that_does_not_wait_long_enough() -> None:
    """It would end each receive while SQS is still waiting, and hide the messages that come then."""
    config = Config(read_timeout=20, region_name="eu-west-1")
    client = boto3.client("sqs", config=config, aws_access_key_id="test", aws_secret_access_key="test")
    assert SqsQueue(client, URL, wait_time=19).name == "pushes"
    with pytest.raises(
        ecr.ConfigurationError,
        match="wait_time must be less than the client's read_timeout, 20 seconds, not 20",
    ):
        SqsQueue(client, URL, wait_time=20)


def test_a_queue_is_named_by_its_url() -> None:
    assert SqsQueue(Client(), URL).name == "pushes"
