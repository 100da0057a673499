"""A worker as a process of its own: prints on standard output which pushes it begins and finishes.

Run with the arguments: client (boto3 or aiobotocore), queue URL, endpoint URL, visibility timeout, seconds
that a handler takes.
"""

import asyncio
import json
import signal
import sys
from contextlib import AsyncExitStack
from importlib import import_module
from typing import Any

import attrs

from ecr_async.events import ImagePushed, SqsQueue, Worker


async def main(kind: str, url: str, endpoint_url: str, visibility_timeout: int, seconds: float) -> None:
    """Handle pushes until SIGTERM."""
    options = {"endpoint_url": endpoint_url, "region_name": "us-east-1"}
    async with AsyncExitStack() as stack:
        client: Any
        if kind == "boto3":
            client = import_module("boto3").client("sqs", **options)
        else:
            session = import_module("aiobotocore.session").get_session()
            client = await stack.enter_async_context(session.create_client("sqs", **options))
        worker = Worker(SqsQueue(client, url, visibility_timeout=visibility_timeout, wait_time=1))

        @worker.on(ImagePushed)
        async def handle(event: ImagePushed) -> None:
            report(begun=event.image_tag)
            await asyncio.sleep(seconds)
            report(done=event.image_tag)

        await worker.run(stop_on=(signal.SIGTERM,))
        report(counters=attrs.asdict(worker.counters))


def report(**what: object) -> None:
    """Print a line."""
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    _, kind, url, endpoint_url, visibility_timeout, seconds = sys.argv
    asyncio.run(main(kind, url, endpoint_url, int(visibility_timeout), float(seconds)))
