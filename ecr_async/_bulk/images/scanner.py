"""The scan of images: services, a scheduler that calls them in turn, a bounded queue, and one consumer.

    services ──> ServiceScan ── jobs ──> Scheduler ── results ──> ResultQueue ──> async for
                 (one per service)        (workers)                (bounded)

All tasks belong to one task group, which ends when every job is done. A consumer that takes its time halts
the workers, each with at most one page in hand.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from datetime import datetime

from ecr_async._arguments import check_path
from ecr_async._bulk.images.checkpoint import Checkpoint
from ecr_async._bulk.images.options import ScanOptions
from ecr_async._bulk.images.results import (
    FailedListing,
    FailedRepository,
    ScannedPage,
    ScanResult,
    ScanSummary,
    VanishedRepository,
)
from ecr_async._bulk.images.selection import RepositorySelection, Selection
from ecr_async._bulk.images.service_scan import ServiceScan
from ecr_async._bulk.patient_retries import CallCounts
from ecr_async._bulk.result_queue import BulkScan
from ecr_async._bulk.scheduler import Scheduler
from ecr_async._bulk.services import GivenServices, ServiceSelection, each_service, given_services
from ecr_async.api.common import TagStatus
from ecr_async.api.images import ImageDetail, ImageStatusFilter

__all__ = ["Scan", "scan_images"]

QUEUED_RESULTS = 16
"""Results that wait for the consumer, beside the one that each worker has in hand."""


def scan_images(
    services: ServiceSelection,
    repositories: RepositorySelection = None,
    *,
    tag_status: TagStatus | None = None,
    image_status: ImageStatusFilter | None = None,
    concurrency: int = 64,
    page_size: int = 1000,
    patience: float = 600.0,
    checkpoint: str | os.PathLike[str] | None = None,
) -> Scan:
    """Scan the images of many repositories in many regions and accounts at once.

        scan = ecr.scan_images([ireland, virginia], "team/*")
        async for result in scan:
            match result:
                case ecr.ScannedPage():
                    for image in result.images: ...
                case ecr.FailedRepository() | ecr.FailedListing():
                    print(result.error)
        print(scan.summary)

    Results come in any order, but every selected repository is reported as scanned, failed or vanished, and
    a failure never ends the scan. Each service is called as fast as its rate limits allow; throttled calls
    are repeated.

    With a checkpoint, a scan that was interrupted at any moment, even killed, can be resumed: make the same
    scan with the same file. Results are recorded once you come back for the next one. So nothing is lost,
    but the result that you were handling when the scan was interrupted is yielded again; a page is known
    by its service, repository and number. `write_jsonl` writes each image exactly once. Once a scan has
    reached its end and nothing failed, its checkpoint is finished, and the next scan with the file starts
    over; if something failed, the next scan retries only that.

    A scan leaves the garbage collector alone. A program that calls `gc.freeze()` after its first call stops
    its event loop for 3 ms instead of 14 ms at most, since collections then look only at what came later.

    Args:
        services: One, or one for each region and account, or a `Fleet`. Each has its own rate limits;
            those of one session take turns with its connections.
        repositories: None for all of them; a name or several; a pattern or several, in which `*`
            stands for any characters, `/` included, `?` for one of them and `[…]` for one of a set; or a
            predicate of the `Repository`. Names without a pattern are not listed first, so for them
            the permission `ecr:DescribeRepositories` isn't needed.
        tag_status: Tag status to include. Defaults to any.
        image_status: Storage status to include, or `ANY`. Defaults to active images.
        concurrency: How many repositories of each service are scanned at a time. All services of a
            session together use no more connections than its `max_connections`.
        page_size: Images in a page, 1 to 1,000.
        patience: Seconds after which calls of an operation fail in a service that throttles every one
            of them.
        checkpoint: The path of a file to continue from, or to create. Each checkpoint is for one selection
            of images and for the same services in the same order, and used by one scan at a time.

    Raises `ValidationError` for an option outside its limits, `ConfigurationError` for anything but services.
    """
    options = ScanOptions(
        tag_status=tag_status,
        image_status=image_status,
        concurrency=concurrency,
        page_size=page_size,
        patience=patience,
    )
    if checkpoint is not None:
        check_path("checkpoint", checkpoint)
    return Scan(
        given_services(services),
        Selection.of(repositories),
        options=options,
        checkpoint=None if checkpoint is None else Checkpoint(checkpoint, options.images),
    )


class Scan(BulkScan[ScanResult]):
    """A scan under way, made by `scan_images`. It can be iterated once.

    `async for result in scan` yields the results, `async for image in scan.images()` the images alone;
    `write_jsonl` and `ecr_async.arrow.write_parquet` write them to a file. The calls begin when the first
    result is awaited. A loop that is left early lets the event loop end them; to have that done at a
    certain point, use `async with scan:` around the loop.
    """

    def __init__(
        self,
        services: GivenServices,
        selection: Selection,
        *,
        options: ScanOptions,
        checkpoint: Checkpoint | None,
    ) -> None:
        super().__init__(QUEUED_RESULTS)
        self._services = services
        self._selection = selection
        self._options = options
        self._counted: Counter[str] = Counter()
        self._counts = CallCounts()
        self._not_found = set(selection.names)
        self.checkpoint = checkpoint
        """The checkpoint that the scan continues from, or None; not part of the public interface."""

    @property
    def summary(self) -> ScanSummary:
        """The counts so far."""
        return ScanSummary(
            **self._counted,
            calls=self._counts.calls,
            throttles=self._counts.throttles,
            retries=self._counts.retries,
            seconds=self._queue.seconds,
        )

    @property
    def not_found(self) -> frozenset[str]:
        """Exact names of repositories that none of the services has, as far as is known so far."""
        return frozenset(self._not_found)

    @property
    def resumes(self) -> datetime | None:
        """When the scan was begun that this one continues from its checkpoint; None for a new one.

        Known from the first result on.
        """
        return self.checkpoint.resumes if self.checkpoint is not None else None

    async def __aiter__(self) -> AsyncGenerator[ScanResult, None]:
        """Yield the results as they come."""
        async with self.results() as results:
            async for result in results:
                yield result
                if self.checkpoint is not None:
                    await self.checkpoint.record([result])
            if self.checkpoint is not None:
                await self.checkpoint.record([], is_finished=self.summary.complete)

    async def images(self) -> AsyncGenerator[ImageDetail, None]:
        """Yield the images alone. What failed is in the summary's counts."""
        async with aclosing(aiter(self)) as results:
            async for result in results:
                if isinstance(result, ScannedPage):
                    for image in result.images:
                        yield image

    async def aclose(self) -> None:
        """Stop: when this returns, no task and no call of the scan is left. May be called again."""
        await super().aclose()
        if self.checkpoint is not None:
            await self.checkpoint.aclose()

    @asynccontextmanager
    async def results(
        self, output: str | None = None
    ) -> AsyncGenerator[AsyncGenerator[ScanResult, None], None]:
        """Begin, yield the results as an iterator, and always stop on leaving; for writers of files.

        Nothing is recorded in the checkpoint: that is left to the writer of the file `output`.
        """
        self._queue.begin()  # outside the block: a second iteration must not stop the first
        async with self:
            if self.checkpoint is not None:
                await self.checkpoint.open(output)
            async with aclosing(self._queue.results(self._fill)) as results:
                yield self._counting(results)

    async def _counting(self, results: AsyncGenerator[ScanResult, None]) -> AsyncGenerator[ScanResult, None]:
        async for result in results:
            self._count(result)
            yield result

    def _count(self, result: ScanResult) -> None:
        counted = self._counted
        match result:
            case ScannedPage(repository=repository, images=images, is_last=is_last):
                counted["scanned"] += is_last
                counted["pages"] += 1
                counted["images"] += len(images)
                counted["bytes"] += sum([image.image_size_in_bytes or 0 for image in images])
                self._not_found.discard(repository)
            case FailedRepository(repository=repository):
                counted["failed"] += 1
                self._not_found.discard(repository)
            case VanishedRepository():
                counted["vanished"] += 1
            case FailedListing():
                counted["failed_listings"] += 1

    async def _fill(self) -> None:
        """Open a lane for each service, whose jobs put what they find into the queue."""
        async with asyncio.TaskGroup() as group, aclosing(each_service(self._services)) as services:
            scheduler = Scheduler(
                group,
                concurrency=self._options.concurrency,
                patience=self._options.patience,
                counts=self._counts,
            )
            async for service, error in services:
                if error is not None:
                    await self._queue.put(FailedListing(service, error))
                    continue
                if self.checkpoint is not None:
                    await self.checkpoint.register(service)
                ServiceScan(
                    lane=await scheduler.open(service),
                    selection=self._selection,
                    options=self._options,
                    queue=self._queue,
                    counted=self._counted,
                    not_found=self._not_found,
                    checkpoint=self.checkpoint,
                ).begin()
