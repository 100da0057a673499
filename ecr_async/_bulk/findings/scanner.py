"""The scan of findings: many images at once; those whose scans are still running wait aside.

    images ──> in hand ──> jobs ── results ──> ResultQueue ──> async for
               (1,000)      │ a scan is under way
                  ^         v
                  └──── waiting

A job reads the findings of one image. An image whose scan is awaited has no job: it holds a name and a
timer, and becomes a job again when it is time to poll.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial

from ecr_async._bulk.findings.image_scan import ImageScan
from ecr_async._bulk.findings.options import POLL_DELAYS, FindingsOptions
from ecr_async._bulk.findings.results import (
    FailedFindings,
    FindingsResult,
    FindingsSummary,
    ImageFindings,
    UnscannedImage,
    VanishedImage,
    gravest_first,
)
from ecr_async._bulk.findings.selection import ImageSelection, SelectedImage, check_selection, each_image
from ecr_async._bulk.images.results import FailedListing
from ecr_async._bulk.lane import Job, Lane
from ecr_async._bulk.patient_retries import CallCounts
from ecr_async._bulk.result_queue import BulkScan
from ecr_async._bulk.scheduler import Scheduler
from ecr_async._bulk.services import GivenServices, ServiceSelection, each_service, given_services
from ecr_async.service import Service
from ecr_async.waiters import PollDelays

__all__ = ["FindingsScan", "scan_findings"]

IN_HAND = 1000
QUEUED_RESULTS = 16


def scan_findings(
    services: ServiceSelection,
    images: ImageSelection,
    *,
    start: bool = False,
    wait: float = 0.0,
    delays: PollDelays = POLL_DELAYS,
    max_findings: int | None = None,
    concurrency: int = 64,
    patience: float = 600.0,
) -> FindingsScan:
    """Read the vulnerability findings of many images at once.

        scan = ecr.scan_findings(services, ecr.scan_images(services, "team/*"), max_findings=0)
        async for result in scan:
            if isinstance(result, ecr.ImageFindings) and result.gravest == "CRITICAL":
                print(result.repository, result.image_id.image_digest, result.severity_counts)
        print(scan.summary.severities)

    Results come in any order, but there is exactly one for each image, and a failure never ends the scan.
    Each service is called as fast as its rate limits allow; throttled calls are repeated.

    Args:
        services: One, or one for each region and account, or a `Fleet`.
        images: A `Scan` of images, each of which is looked up in the service where it was found. Or
            images that are looked up in every one of `services`: a mapping of repositories to
            identifiers, or an iterable, async or not, of `ImageDetail` or of pairs of repository and
            `ImageIdentifier`. It is read as the scan proceeds.
        start: Start a basic scan of images that were never scanned.
        wait: Seconds to wait for each image's scan, including starting it; 0 not to wait. Up to
            1,000 images wait at a time, and they don't count for `concurrency`.
        delays: The delays between two polls of such a scan.
        max_findings: How many findings to read of an image; None for all of them, 0 for their counts
            alone, which is one call per image.
        concurrency: How many images of each service are read at a time.
        patience: Seconds after which calls of an operation fail in a service that throttles every one
            of them.

    Raises `ValidationError` for an option outside its limits, `ConfigurationError` for anything but services.

    See https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImageScanFindings.html and
    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_StartImageScan.html
    """
    options = FindingsOptions(
        start=start,
        wait=wait,
        delays=delays,
        max_findings=max_findings,
        concurrency=concurrency,
        patience=patience,
    )
    given = given_services(services)
    check_selection(images)
    return FindingsScan(given, images, options=options)


class FindingsScan(BulkScan[FindingsResult]):
    """A scan of findings under way, made by `scan_findings`. It can be iterated once.

    The calls begin when the first result is awaited. A loop that is left early lets the event loop
    end them; to have that done at a certain point, use `async with scan:` around the loop.
    """

    def __init__(
        self,
        services: GivenServices,
        images: ImageSelection,
        *,
        options: FindingsOptions,
    ) -> None:
        super().__init__(QUEUED_RESULTS)
        self._services = services
        self._images = images
        self._options = options
        self._counts = CallCounts()
        self._outcomes: Counter[type[FindingsResult]] = Counter()
        self._severities: Counter[str] = Counter()
        self._gravest: Counter[str] = Counter()
        self._started = 0

    @property
    def summary(self) -> FindingsSummary:
        """The counts so far."""
        outcomes = self._outcomes
        by_image = (ImageFindings, UnscannedImage, VanishedImage, FailedFindings)
        return FindingsSummary(
            scanned=outcomes[ImageFindings],
            unscanned=outcomes[UnscannedImage],
            vanished=outcomes[VanishedImage],
            failed=outcomes[FailedFindings],
            failed_repositories=sum(outcomes[each] for each in outcomes if each not in by_image),
            started=self._started,
            severities=gravest_first(self._severities),
            gravest=gravest_first(self._gravest),
            calls=self._counts.calls,
            throttles=self._counts.throttles,
            retries=self._counts.retries,
            seconds=self._queue.seconds,
        )

    async def __aiter__(self) -> AsyncGenerator[FindingsResult, None]:
        """Yield the results as they come."""
        self._queue.begin()
        async with aclosing(self._queue.results(self._fill)) as results:
            async for result in results:
                self._count(result)
                yield result

    def _count(self, result: FindingsResult) -> None:
        self._outcomes[type(result)] += 1
        if isinstance(result, ImageFindings):
            self._severities.update(result.severity_counts)
            if result.gravest is not None:
                self._gravest[result.gravest] += 1

    async def _fill(self) -> None:
        """Give each image to the lanes of its services, a limited number at a time."""
        in_hand = asyncio.Semaphore(IN_HAND)
        async with asyncio.TaskGroup() as group:
            scheduler = Scheduler(
                group,
                concurrency=self._options.concurrency,
                patience=self._options.patience,
                counts=self._counts,
            )
            lanes: dict[Service, Lane] = {}
            async with aclosing(each_service(self._services)) as services:
                async for service, error in services:
                    if error is not None:
                        await self._queue.put(FailedListing(service, error))
                    else:
                        lanes[service] = scheduler.open_now(service)
            async with aclosing(each_image(self._images)) as images:
                async for image in images:
                    if not isinstance(image, SelectedImage):
                        await self._queue.put(image)
                        continue
                    for service in list(lanes) if image.service is None else [image.service]:
                        await in_hand.acquire()
                        lane = lanes.get(service) or lanes.setdefault(service, scheduler.open_now(service))
                        scan = ImageScan(lane, image, self._options)
                        lane.add(partial(self._poll, scan, group, in_hand))
            for lane in lanes.values():
                lane.release()

    async def _poll(self, scan: ImageScan, group: asyncio.TaskGroup, in_hand: asyncio.Semaphore) -> None:
        """Poll an image; a result frees its place for another, otherwise it waits aside for its next turn."""
        was_started = scan.is_started
        result = await scan.poll()
        self._started += scan.is_started and not was_started
        if result is None:
            scan.lane.hold()
            again = partial(self._poll, scan, group, in_hand)
            group.create_task(_after(scan.next_delay(), scan.lane, again))
        else:
            in_hand.release()
            await self._queue.put(result)


async def _after(seconds: float, lane: Lane, job: Job) -> None:
    """Add a job after a time, for which the lane stays open."""
    await asyncio.sleep(seconds)
    lane.add(job)
    lane.release()
