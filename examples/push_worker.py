"""A worker that looks at each image that is pushed, and says what it would do with it.

    python examples/push_worker.py --queue https://sqs.eu-west-1.amazonaws.com/123456789012/pushes
    ecr-async serve --events - | tail -n +2 | python examples/push_worker.py

For each image it waits for the scan, reads the findings, previews the repository's lifecycle policy, and
reports whether the image is fit to be deployed. Events come from an SQS queue, through boto3, or from
standard input, one JSON object a line. SIGTERM and SIGINT end it gracefully.

push_worker.yaml makes the queue, the rule that sends pushes to it, and the policy that the worker needs.

See https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html
"""

import argparse
import asyncio
import contextlib
import signal
import sys
import threading
from collections.abc import Iterator

import attrs

import ecr_async as ecr
from ecr_async.events import Failure, ImagePushed, MemoryQueue, SqsQueue, Worker

SIGNALS = (signal.SIGTERM, signal.SIGINT)
READ_AHEAD = 100
"""Lines of standard input that may wait; while as many do, no more are read."""


@attrs.frozen
class Examiner:
    """Looks at images; `patience` is how many seconds a scan and a preview may take each."""

    session: ecr.Session
    largest: float
    patience: float

    async def examine(self, pushed: ImagePushed) -> None:
        """Say what is to be said of an image that was pushed."""
        name = f"{pushed.repository_name}:{pushed.image_tag or pushed.image_digest}"
        if pushed.is_index or pushed.is_artifact:
            return print(f"{name}  nothing to scan", flush=True)
        service = pushed.service(self.session)
        size = await self.megabytes(service, pushed)
        severities = await self.scan(service, pushed)
        policy = await self.preview(service, pushed)
        flaws = [f"{severities[each]} {each}" for each in ("CRITICAL", "HIGH") if severities.get(each)]
        if size > self.largest:
            flaws.append("too large")
        verdict = f"would not deploy: {', '.join(flaws)}" if flaws else "would deploy"
        return print(f"{name}  {size:,.1f} MB  {verdict}  {policy}", flush=True)

    async def megabytes(self, service: ecr.Service, pushed: ImagePushed) -> float:
        """Return the image's size."""
        request = ecr.DescribeImagesRequest(pushed.repository_name, image_ids=[pushed.image])
        (image,) = (await ecr.describe_images(service, request)).image_details
        return (image.image_size_in_bytes or 0) / 1e6

    async def scan(self, service: ecr.Service, pushed: ImagePushed) -> dict[str, int]:
        """Wait until the image is scanned; return how many findings there are of each severity."""
        # It was scanned when it was pushed; or by Inspector, and can't be scanned on demand.
        with contextlib.suppress(ecr.LimitExceededException, ecr.ValidationException):
            await ecr.start_image_scan(
                service, ecr.StartImageScanRequest(pushed.repository_name, pushed.image)
            )
        request = ecr.DescribeImageScanFindingsRequest(pushed.repository_name, pushed.image)
        scanned = await ecr.wait_until_image_scan_complete(service, request, timeout=self.patience)
        found = scanned.image_scan_findings
        return {} if found is None else dict(found.finding_severity_counts)

    async def preview(self, service: ecr.Service, pushed: ImagePushed) -> str:
        """Return what the repository's lifecycle policy would do now."""
        try:
            await ecr.start_lifecycle_policy_preview(
                service, ecr.StartLifecyclePolicyPreviewRequest(pushed.repository_name)
            )
        except ecr.LifecyclePolicyNotFoundException:
            return "no lifecycle policy"
        except ecr.LifecyclePolicyPreviewInProgressException:
            pass  # begun for another push; it will do
        request = ecr.GetLifecyclePolicyPreviewRequest(pushed.repository_name)
        preview = await ecr.wait_until_lifecycle_policy_preview_complete(
            service, request, timeout=self.patience
        )
        expiring = preview.summary.expiring_image_total_count if preview.summary else 0
        return f"the policy would expire {expiring or 0} images"


async def work(options: argparse.Namespace) -> None:
    """Handle events until the input ends or a signal comes."""
    async with ecr.Session() as session:
        examiner = Examiner(session, options.largest, options.patience)
        if options.queue is not None:
            import boto3  # noqa: PLC0415 - only for a queue

            worker = Worker(SqsQueue(boto3.client("sqs"), options.queue), concurrency=options.workers)
            worker.on(ImagePushed, examiner.examine)
            await worker.run(stop_on=SIGNALS)
        else:
            queue = MemoryQueue(visibility_timeout=1, max_receives=1, maxsize=READ_AHEAD)
            worker = Worker(queue, concurrency=options.workers, on_failure=complain)
            worker.on(ImagePushed, examiner.examine)
            async with worker:
                await feed(queue)
                await queue.join()


def complain(failure: Failure) -> None:
    """Report what could not be handled; there is no queue for it to go back to."""
    print(f"not handled: {failure}: {failure.error}", file=sys.stderr)


async def feed(queue: MemoryQueue) -> None:
    """Put the lines of standard input into a queue, until they end or a signal comes.

    They are read on a thread, which works with a file, a pipe and a terminal alike, and with lines of any
    length. A daemon, since nothing can wake it from waiting for a line.
    """
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for number in SIGNALS:
        loop.add_signal_handler(number, ended.set)

    def read() -> None:
        for line in lines():
            if ended.is_set():
                return
            asyncio.run_coroutine_threadsafe(queue.put(line), loop).result()
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=read, daemon=True).start()
    await ended.wait()


def lines() -> Iterator[bytes]:
    """Yield the lines of standard input, through a file object that nobody else locks."""
    with open(sys.stdin.fileno(), "rb", closefd=False) as stdin:
        for line in stdin:
            if line.strip():
                yield line


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--queue", help="the URL of an SQS queue; by default, events come on standard input")
    parser.add_argument("--workers", type=int, default=8, help="how many events are handled at a time [8]")
    parser.add_argument("--largest", type=float, default=1000.0, help="MB that an image may have [1000]")
    parser.add_argument("--patience", type=float, default=300.0, help="seconds that a scan may take [300]")
    asyncio.run(work(parser.parse_args()))


if __name__ == "__main__":
    main()
