"""A worker as the function that AWS Lambda calls."""

import asyncio
import contextvars
import uuid
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any, cast

from ecr_async.errors import ConfigurationError
from ecr_async.events.queues import Message
from ecr_async.events.worker import Worker

__all__ = ["LambdaHandler", "lambda_handler"]

MARGIN = 1.0
"""Seconds before Lambda's time limit at which handlers are cancelled, so that there is a response."""


def lambda_handler(worker: Worker, *resources: AbstractAsyncContextManager[Any]) -> "LambdaHandler":
    """Return the function that AWS Lambda calls with events of ECR.

        session = ecr.Session()
        worker = ecr.events.Worker()
        worker.on(ecr.events.ImagePushed, look_at_image)
        handler = ecr.events.lambda_handler(worker, session)

    It takes what Lambda's event sources deliver: batches of an SQS queue or of a pipe, SNS
    notifications, and events directly from EventBridge. For messages with an identifier it reports those
    that failed as `batchItemFailures`, so the event source needs `ReportBatchItemFailures` among its function
    response types; otherwise Lambda deletes all of a batch. Without identifiers it raises what a handler
    raised, and Lambda invokes it again. Of a FIFO queue, the messages behind one that failed are not
    handled but reported with it, so that their order is kept.

    All invocations of a warm process share one event loop. `resources`, a `Session` for instance, are
    entered with the first invocation and stay open; if one cannot be opened, that invocation raises why, and
    the next one tries again. Handlers that are still working one second before the function's time is up are
    cancelled, which is a failure of these messages only.

    Args:
        worker: What handles the events. Its queue, if it has one, is not used.
        resources: Asynchronous context managers that handlers use.

    Raises `ConfigurationError` for arguments that cannot work.

    See https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """
    if not isinstance(cast("object", worker), Worker):
        raise ConfigurationError(f"worker must be a Worker, not {type(worker).__name__}")
    for index, resource in enumerate(resources):
        if not isinstance(cast("object", resource), AbstractAsyncContextManager):
            kind = type(resource).__name__
            raise ConfigurationError(
                f"resources[{index}] must be opened by `async with`, as a Session is, not {kind}"
            )
    return LambdaHandler(worker, resources)


class LambdaHandler:
    """What `lambda_handler` returns: call it with an event and a context."""

    def __init__(self, worker: Worker, resources: Sequence[AbstractAsyncContextManager[Any]]) -> None:
        self._worker = worker
        self._resources = resources
        self._runner: asyncio.Runner | None = None
        self._opened = AsyncExitStack()

    def __call__(self, event: Any, context: Any = None) -> dict[str, Any] | None:
        """Handle one invocation.

        Returns which messages of a batch failed, in Lambda's form, and None for what isn't a batch. Then it
        raises what a handler raised, and an `EventError` for what holds no event.
        """
        if self._runner is None:
            runner = asyncio.Runner()
            try:
                runner.run(self._open())
            except BaseException:
                runner.close()
                raise
            self._runner = runner
        # In the invocation's own context, not the first one's: it has the span that is the parent of ours.
        return self._runner.run(self._handle(event, context), context=contextvars.copy_context())

    def close(self) -> None:
        """Close what was opened. Lambda needs no such call; tests do."""
        runner, self._runner = self._runner, None
        if runner is not None:
            runner.run(self._opened.aclose())
            runner.close()

    async def _open(self) -> None:
        async with AsyncExitStack() as stack:
            for resource in self._resources:
                await stack.enter_async_context(resource)
            self._opened = stack.pop_all()

    async def _handle(self, event: Any, context: Any) -> dict[str, Any] | None:
        seconds = _seconds_left(context)
        deadline = None if seconds is None else asyncio.get_running_loop().time() + seconds
        records = _records(event)
        if records is None:
            # Lambda tries the same invocation again under the same identifier.
            message = Message(getattr(context, "aws_request_id", None) or str(uuid.uuid4()), event)
            for failure in await self._worker.handle_message(message, "lambda", deadline=deadline):
                raise failure.error
            return None
        messages = [_message(record) for record in records]
        if _is_fifo(records[0]):
            failed = await self._handle_in_order(messages, deadline)
        else:
            failed = await self._handle_all(messages, deadline)
        return {"batchItemFailures": [{"itemIdentifier": message.id} for message in failed]}

    async def _handle_all(self, messages: Sequence[Message], deadline: float | None) -> list[Message]:
        places = asyncio.Semaphore(self._worker.concurrency)

        async def handle(message: Message) -> bool:
            async with places:
                return await self._succeeds(message, deadline)

        succeeded = await asyncio.gather(*(handle(message) for message in messages))
        return [message for message, ok in zip(messages, succeeded, strict=True) if not ok]

    async def _handle_in_order(self, messages: Sequence[Message], deadline: float | None) -> list[Message]:
        for place, message in enumerate(messages):
            if not await self._succeeds(message, deadline):
                return list(messages[place:])
        return []

    async def _succeeds(self, message: Message, deadline: float | None) -> bool:
        return not await self._worker.handle_message(message, "lambda", deadline=deadline)


def _records(event: object) -> list[dict[str, Any]] | None:
    """Return the messages of a batch; None for anything but a batch of messages with identifiers."""
    records: object = cast("dict[str, object]", event).get("Records") if isinstance(event, dict) else event
    if not isinstance(records, list) or not records:
        return None
    items = cast("list[object]", records)
    if not all(isinstance(item, dict) and "messageId" in item for item in items):
        return None
    return cast("list[dict[str, Any]]", items)


def _message(record: dict[str, Any]) -> Message:
    attributes: dict[str, Any] = record.get("attributes") or {}
    return Message(
        id=str(record["messageId"]),
        body=record.get("body") or "",
        receive_count=int(attributes.get("ApproximateReceiveCount", 1)),
    )


def _is_fifo(record: dict[str, Any]) -> bool:
    return str(record.get("eventSourceARN", "")).endswith(".fifo")


def _seconds_left(context: Any) -> float | None:
    """Return the seconds that handlers may take; None if the context doesn't say."""
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    return None if remaining is None else max(0.0, remaining() / 1000 - MARGIN)
