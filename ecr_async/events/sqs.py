"""SQS, through the client that its user has."""

import asyncio
import inspect
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, cast

from ecr_async._arguments import number_fault
from ecr_async.errors import ConfigurationError
from ecr_async.events.queues import Message

__all__ = ["SqsQueue"]

METHODS = (
    "receive_message",
    "delete_message_batch",
    "change_message_visibility_batch",
)
THREADS = 10
"""As many as a client of boto3 has connections; a receive, a delete and an extension need three of them."""


class SqsQueue:
    """An SQS queue that a `Worker` takes messages from, called through your own client.

        queue = SqsQueue(boto3.client("sqs"), "https://sqs.eu-west-1.amazonaws.com/123456789012/pushes")

        async with aiobotocore.session.get_session().create_client("sqs") as client:
            queue = SqsQueue(client, url)

    boto3's and botocore's clients are called on threads of the queue's own; aiobotocore's and aioboto3's are
    awaited. Which one it is shows with the first call.

    The queue should have a redrive policy: messages that fail again and again otherwise come back until
    their retention ends.

    Args:
        client: A client for SQS, of boto3 or botocore, or an opened one of aiobotocore or aioboto3.
        url: The queue's URL.
        visibility_timeout: Seconds for which a received message is invisible to other consumers, 1 to
            43,200; used instead of the queue's own. A worker extends it for as long as a handler works,
            so it is how soon another worker takes over what a dead one had.
        wait_time: Seconds for which a receive waits for messages, up to 20, and less than the client's
            `read_timeout`; with 0, a worker polls without a pause. A worker that stops waits for the receive
            under way, since what it brings would otherwise be invisible to others until the visibility
            timeout ends.

    Raises `ConfigurationError` for arguments that cannot work. Its methods raise what the client raises.

    See https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html
    """

    def __init__(self, client: Any, url: str, *, visibility_timeout: int = 30, wait_time: int = 5) -> None:
        missing = [name for name in METHODS if not callable(getattr(client, name, None))]
        if missing:
            raise ConfigurationError(
                f"client must be a client for SQS, but it has no {missing[0]}; "
                "one of aiobotocore must be opened with `async with` first"
            )
        if not isinstance(cast("object", url), str) or not url.startswith(("https://", "http://")):
            raise ConfigurationError("url must be the queue's URL; get_queue_url finds it for a name")
        _check_seconds("visibility_timeout", visibility_timeout, 1, 43_200)
        _check_seconds("wait_time", wait_time, 0, 20)
        _check_read_timeout(client, wait_time)
        self.url = url
        self.visibility_timeout = visibility_timeout
        self._client = client
        self._wait_time = wait_time
        self._threads: ThreadPoolExecutor | None = None
        self._is_awaited = False

    @property
    def name(self) -> str:
        """The queue's name, from its URL."""
        return self.url.rstrip("/").rpartition("/")[2]

    async def receive(self, limit: int) -> Sequence[Message]:
        """Return up to `limit` messages, at most 10, waiting up to `wait_time` for the first."""
        response = await self._call(
            "receive_message",
            MaxNumberOfMessages=min(limit, 10),
            WaitTimeSeconds=self._wait_time,
            VisibilityTimeout=self.visibility_timeout,
            AttributeNames=["ApproximateReceiveCount"],
        )
        return [
            Message(
                id=message["MessageId"],
                body=message["Body"],
                receipt=message["ReceiptHandle"],
                receive_count=int(message.get("Attributes", {}).get("ApproximateReceiveCount", 1)),
            )
            for message in response.get("Messages") or ()
        ]

    async def delete(self, messages: Sequence[Message]) -> Sequence[Message]:
        """Delete up to 10 messages. Returns those that SQS could not delete."""
        return await self._call_batch("delete_message_batch", messages)

    async def extend(self, messages: Sequence[Message]) -> Sequence[Message]:
        """Keep up to 10 messages invisible for another `visibility_timeout`.

        Returns the others: those that are visible again, or were received 12 hours ago.
        """
        return await self._change_visibility(messages, self.visibility_timeout)

    async def release(self, messages: Sequence[Message]) -> Sequence[Message]:
        """Make up to 10 messages visible to other consumers at once. Returns the others."""
        return await self._change_visibility(messages, 0)

    async def _change_visibility(self, messages: Sequence[Message], timeout: int) -> Sequence[Message]:
        return await self._call_batch("change_message_visibility_batch", messages, VisibilityTimeout=timeout)

    async def _call_batch(self, method: str, messages: Sequence[Message], **what: int) -> Sequence[Message]:
        entries = [
            {"Id": str(place), "ReceiptHandle": message.receipt, **what}
            for place, message in enumerate(messages)
        ]
        response = await self._call(method, Entries=entries)
        return [messages[int(failure["Id"])] for failure in response.get("Failed") or ()]

    async def _call(self, method: str, **arguments: Any) -> Any:
        call = partial(getattr(self._client, method), QueueUrl=self.url, **arguments)
        if not self._is_awaited:
            self._threads = self._threads or ThreadPoolExecutor(THREADS, thread_name_prefix="sqs")
            response = await asyncio.get_running_loop().run_in_executor(self._threads, call)
            if not inspect.isawaitable(response):
                return response
            self._is_awaited = True  # calling it made a coroutine, and nothing else yet
            self._threads.shutdown(wait=False)
            return await response
        return await call()


def _check_seconds(name: str, value: int, least: int, most: int) -> None:
    if fault := number_fault(value, whole=True, unit=" seconds"):
        raise ConfigurationError(f"{name} {fault}")
    if not least <= value <= most:
        raise ConfigurationError(f"{name} must be {least:,} to {most:,} seconds, not {value}")


def _check_read_timeout(client: Any, wait_time: int) -> None:
    """Reject a client that gives up receives while SQS still waits, and hides what comes then for a while."""
    config = getattr(getattr(client, "meta", None), "config", None)
    read_timeout = getattr(config, "read_timeout", None)
    if isinstance(read_timeout, int | float) and read_timeout <= wait_time:
        raise ConfigurationError(
            f"wait_time must be less than the client's read_timeout, {read_timeout:g} seconds, not {wait_time}"
        )
