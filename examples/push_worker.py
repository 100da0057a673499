"""A worker that handles "image pushed" events as EventBridge delivers them, a few at a time.

    cat events.jsonl | python examples/push_worker.py --largest 500

Events come on standard input, one JSON object a line; where yours come from (SQS, a webhook, …), put
them into the same queue. For each image the worker tells what was pushed, and whether it is larger than
it should be. SIGTERM ends it gracefully: what is in the queue is still handled.

See https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html
"""

import argparse
import asyncio
import signal
import sys

import attrs
import orjson

import ecr_async as ecr

QUEUED = 100
"""Events that may wait; while as many do, no more are read."""


@attrs.frozen
class PushedImage:
    """What an event says."""

    region: str
    repository: str
    digest: str
    tag: str | None

    @classmethod
    def parse(cls, event: bytes) -> "PushedImage | None":
        """Return the image that an event is about, or None for an event of another kind."""
        match orjson.loads(event):
            case {
                "detail-type": "ECR Image Action",
                "region": region,
                "detail": {
                    "action-type": "PUSH",
                    "result": "SUCCESS",
                    "repository-name": repository,
                    "image-digest": digest,
                    **rest,
                },
            }:
                tag = rest.get("image-tag")
                return cls(region, repository, digest, str(tag) if tag else None)
        return None


class Worker:
    """Handles the events in a queue."""

    def __init__(self, session: ecr.Session, largest: int) -> None:
        self.queue: asyncio.Queue[bytes] = asyncio.Queue(QUEUED)
        self._session = session
        self._largest = largest

    async def run(self) -> None:
        """Handle events until cancelled. A bad one is reported, and the next one taken."""
        while True:
            event = await self.queue.get()
            try:
                pushed = PushedImage.parse(event)
                if pushed is not None:
                    await self.handle(pushed)
            except (ecr.ECRError, orjson.JSONDecodeError) as error:
                print(f"not handled: {error}", file=sys.stderr)
            finally:
                self.queue.task_done()

    async def handle(self, pushed: PushedImage) -> None:
        """Look at an image that was pushed."""
        service = self._session.service(pushed.region)
        response = await ecr.describe_images(
            service,
            ecr.DescribeImagesRequest(
                pushed.repository, image_ids=[ecr.ImageIdentifier(image_digest=pushed.digest)]
            ),
        )
        for image in response.image_details:
            size = image.image_size_in_bytes or 0
            verdict = "too large" if size > self._largest else "ok"
            print(
                f"{pushed.repository}:{pushed.tag or pushed.digest}  {size / 1e6:,.1f} MB  {verdict}",
                flush=True,
            )


async def work(workers: int, largest: int) -> None:
    """Read events until the input ends or SIGTERM comes, and handle all that were read."""
    async with ecr.Session() as session, asyncio.TaskGroup() as group:
        worker = Worker(session, largest)
        running = [group.create_task(worker.run()) for _ in range(workers)]
        reading = asyncio.ensure_future(read_events(worker.queue))
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, reading.cancel)
        await asyncio.wait([reading])
        await worker.queue.join()
        for task in running:
            task.cancel()
        if not reading.cancelled():
            reading.result()


async def read_events(queue: asyncio.Queue[bytes]) -> None:
    """Put the lines of standard input, a pipe, into the queue."""
    lines = asyncio.StreamReader()
    pipe, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    try:
        async for line in lines:
            await queue.put(line)
    finally:
        pipe.close()


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workers", type=int, default=8, help="how many events are handled at a time [8]")
    parser.add_argument("--largest", type=float, default=1000.0, help="MB that an image may have [1000]")
    options = parser.parse_args()
    asyncio.run(work(options.workers, int(options.largest * 1e6)))


if __name__ == "__main__":
    main()
