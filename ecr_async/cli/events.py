"""`ecr-async events tail`: the events in a queue, shown as they come."""

import asyncio
import signal
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Annotated

import typer

from ecr_async.cli.event_lines import line
from ecr_async.cli.options import Profile, option, region_fault, url_fault
from ecr_async.cli.sqs_client import sqs_client
from ecr_async.errors import ConfigurationError
from ecr_async.events import Event, Failure, Message, SqsQueue, Worker

__all__ = ["app"]

RETENTION = 14 * 86_400.0
"""Seconds for which SQS keeps a message at most, and for which it is remembered here."""

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def events() -> None:
    """Events of ECR that come by EventBridge."""


@app.command()
def tail(
    queue: Annotated[str, typer.Option(help="The URL of an SQS queue.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print each event as it came, one JSON object a line.")
    ] = False,
    delete: Annotated[bool, typer.Option("--delete", help="Delete what was shown from the queue.")] = False,
    count: Annotated[int | None, typer.Option(min=1, help="End after so many events.")] = None,
    profile: Profile = None,
    region: Annotated[
        str | None, option(help="The queue's region; by default as its URL has it.", fault_of=region_fault)
    ] = None,
    endpoint_url: Annotated[
        str | None, option(help="Where SQS is, if it isn't AWS's own.", fault_of=url_fault)
    ] = None,
) -> None:
    """Show the events that come into an SQS queue.

    Each is shown once, until SIGINT or SIGTERM. Messages stay in the queue unless `--delete` is given, but
    other consumers don't get them for 30 seconds, and they count as received: give this command a queue of
    its own, as a second target of the rule. Messages that hold no event are reported on standard error.
    """
    client = sqs_client(queue, profile=profile, region=region, endpoint_url=endpoint_url)
    source = SqsQueue(client, queue, wait_time=2)
    asyncio.run(_tail(source if delete else _KeptQueue(source), Event.to_json if as_json else line, count))


async def _tail(queue: "SqsQueue | _KeptQueue", show: Callable[[Event], str], count: int | None) -> None:
    shown = 0

    async def handle(event: Event) -> None:
        nonlocal shown
        typer.echo(show(event))
        shown += 1
        if shown == count:
            worker.stop()

    # One at a time if they are counted, so that none is received that isn't shown.
    worker = Worker(
        queue, concurrency=10 if count is None else 1, deduplication_window=RETENTION, on_failure=_complain
    )
    worker.on(Event, handle)
    botocore = import_module("botocore.exceptions")
    try:
        await worker.run(stop_on=(signal.SIGINT, signal.SIGTERM))
    except (botocore.BotoCoreError, botocore.ClientError) as error:
        raise ConfigurationError(str(error)) from None
    if isinstance(queue, _KeptQueue):
        await queue.give_back()


def _complain(failure: Failure) -> None:
    typer.echo(f"ecr-async: {failure}", err=True)


class _KeptQueue:
    """A queue in which the messages that a worker has handled stay."""

    def __init__(self, queue: SqsQueue) -> None:
        self.name = queue.name
        self.visibility_timeout = queue.visibility_timeout
        self.receive = queue.receive
        self.extend = queue.extend
        self.release = queue.release
        self._shown: list[tuple[float, Message]] = []
        """Messages that are invisible to others, and until when."""

    async def delete(self, messages: Sequence[Message]) -> Sequence[Message]:
        """Leave the messages where they are."""
        now = asyncio.get_running_loop().time()
        self._shown = [(until, message) for until, message in self._shown if until > now]
        self._shown += [(now + self.visibility_timeout, message) for message in messages]
        return ()

    async def give_back(self) -> None:
        """Let others have the messages at once."""
        messages = [message for _, message in self._shown]
        for start in range(0, len(messages), 10):
            await self.release(messages[start : start + 10])
