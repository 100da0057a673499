"""The scan itself: workers that walk repositories, a bounded queue, and one consumer.

    lister ── names ──> workers ── results ──> queue ──> async for
    (one a service)     (`concurrency`         (bounded)
                         a service)

All tasks belong to one task group inside the producer of a `Stream`, whose queue is bounded: a consumer
that takes its time halts the workers, each with at most one page in hand and the next one under way.

A listing is read to its end at once, however slowly its repositories are scanned: names are small, and
the tokens between its pages don't live forever.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing, asynccontextmanager
from functools import partial

import attrs

from ecr_async._bulk.images.checkpoint import Checkpoint, Position
from ecr_async._bulk.images.jsonlines import JsonLines
from ecr_async._bulk.images.results import (
    FailedListing,
    FailedRepository,
    ScannedPage,
    ScanResult,
    ScanSummary,
    VanishedRepository,
)
from ecr_async._bulk.images.selection import RepositorySelection, Selection
from ecr_async._bulk.patient_retries import CallCounts, patient
from ecr_async._bulk.result_queue import Put, Stream, Streaming
from ecr_async.api.common import InvalidParameterException, RepositoryNotFoundException, TagStatus
from ecr_async.api.images import (
    DescribeImagesFilter,
    DescribeImagesRequest,
    ImageDetail,
    ImageStatusFilter,
    paginate_describe_images,
)
from ecr_async.errors import ECRError, SessionClosedError, ValidationError
from ecr_async.service import Service

__all__ = ["Scan", "scan_images"]

QUEUED_RESULTS = 16
"""Results that wait for the consumer, beside the one that each worker has in hand."""


def scan_images(
    services: Service | Iterable[Service],
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

    The order is not specified, completeness is: every repository that is selected comes out as
    scanned, failed or vanished, and a failure never ends the scan. Each service is called as fast as
    it admits and hardly faster; what it throttles is asked for again.

    With a checkpoint, a scan that was interrupted at any moment, however hard, goes on where it was:
    make the same scan with the same file. Results are recorded once you come back for the next
    one. So nothing is lost, but the result that you had in hand when the scan was interrupted comes a
    second time; a page is known by its service, repository and number. `Scan.write_jsonl` writes
    each image exactly once. Repositories that failed are tried again. The file of a scan that has
    ended says that nothing is left to do; delete it to scan afresh.

    While a scan is under way, the garbage collector leaves out the objects that were there before it
    began (`gc.freeze`): or else the many that come and go would have it look at all of them again and
    again, and stop the event loop meanwhile.

    Args:
        services: One, or one for each region and account. Each has its own rate limits and workers.
        repositories: None for all of them; a name or several; a pattern or several, in which `*`
            stands for any characters, `/` included, `?` for one of them and `[…]` for one of a set; or a
            predicate of the `Repository`. Names without a pattern are not listed first, so for them
            the permission `ecr:DescribeRepositories` isn't needed.
        tag_status: Take tagged images, untagged ones, or any; any by default.
        image_status: Take images of this storage status, or of `ANY`; active ones by default.
        concurrency: How many repositories of each service are scanned at a time. Together they use
            no more connections than the session's `max_connections`.
        page_size: Images in a page, 1 to 1,000.
        patience: Seconds after which calls fail in a service that throttles every one of them.
        checkpoint: The path of a file to go on from, or to make. Each checkpoint is for one selection
            of images and for the same services in the same order, and used by one scan at a time.
    """
    services = (services,) if isinstance(services, Service) else tuple(dict.fromkeys(services))
    if concurrency < 1:
        raise ValidationError("concurrency", f"must be at least 1, not {concurrency}")
    if not 1 <= page_size <= 1000:
        raise ValidationError("page_size", f"must be 1 to 1,000, not {page_size}")
    request = partial(
        DescribeImagesRequest,
        max_results=page_size,
        filter=DescribeImagesFilter(tag_status, image_status) if tag_status or image_status else None,
    )
    memory = None
    if checkpoint is not None:
        settings = f"tag_status {tag_status or 'ANY'} and image_status {image_status or 'ACTIVE'}"
        memory = Checkpoint(checkpoint, services, settings)
    return Scan(services, Selection.of(repositories), request, concurrency, patience, memory)


class Scan(Streaming[ScanResult]):
    """A scan under way, made by `scan_images`. It can be gone through once.

    `async for result in scan` gives the results, `async for image in scan.images()` the images alone,
    `await scan.write_jsonl(path)` writes them to a file. The calls begin when the first result is
    asked for. A loop that is left early lets the event loop end them; to have that done at a certain
    point, use `async with scan:` around the loop.
    """

    def __init__(
        self,
        services: tuple[Service, ...],
        selection: Selection,
        request: Callable[..., DescribeImagesRequest],
        concurrency: int,
        patience: float,
        checkpoint: Checkpoint | None,
    ) -> None:
        super().__init__(Stream(self._produce, QUEUED_RESULTS))
        self._services = services
        self._selection = selection
        self._request = request
        self._concurrency = concurrency
        self._patience = patience
        self._checkpoint = checkpoint
        self._counted: Counter[str] = Counter()
        self._counts = CallCounts()

    @property
    def summary(self) -> ScanSummary:
        """What has been done so far."""
        return ScanSummary(
            **self._counted,
            calls=self._counts.calls,
            throttles=self._counts.throttles,
            retries=self._counts.retries,
            seconds=self._stream.seconds,
        )

    @property
    def has_checkpoint(self) -> bool:
        """Whether what is taken from the scan is recorded, and left out of a later run."""
        return self._checkpoint is not None

    async def __aiter__(self) -> AsyncGenerator[ScanResult, None]:
        """Give the results as they come."""
        async with self._running() as results:
            async for result in results:
                self._count(result)
                yield result
                if self._checkpoint is not None:
                    await self._checkpoint.record([result])

    async def images(self) -> AsyncGenerator[ImageDetail, None]:
        """Give the images alone. What failed is in the summary's counts."""
        async with aclosing(aiter(self)) as results:
            async for result in results:
                if isinstance(result, ScannedPage):
                    for image in result.images:
                        yield image

    async def write_jsonl(
        self, path: str | os.PathLike[str], *, on_result: Callable[[ScanResult], object] | None = None
    ) -> ScanSummary:
        """Write each image as a line of JSON, and return what the scan has come to.

        A line holds the service's `region` and the fields of `ImageDetail` by their names, times in
        ISO 8601. `on_result` is called with each result before it is written.

        With a checkpoint, each image is in the file exactly once when the scan has been resumed to its
        end, even if it was killed: the file is first cut to the length on record. Without, a file that
        is there is overwritten.

        Raises `ConfigurationError` when file and checkpoint don't belong together, and `OSError` when
        the file cannot be written.
        """
        path = os.path.abspath(path)  # noqa: ASYNC240 - reads no disk
        async with self._running(output=path) as results, JsonLines(path, self._checkpoint) as lines:
            async for result in results:
                self._count(result)
                if on_result is not None:
                    on_result(result)
                await lines.add(result)
            await lines.flush()
        return self.summary

    async def aclose(self) -> None:
        """Stop: when this returns, no task and no call of the scan is left. May be called again."""
        await super().aclose()
        if self._checkpoint is not None:
            await self._checkpoint.close()

    # -------------------------------------------------------------------------- the consumer's side

    @asynccontextmanager
    async def _running(
        self, output: str | None = None
    ) -> AsyncGenerator[AsyncGenerator[ScanResult, None], None]:
        """Begin, give the stream's results, and stop in any case."""
        results = self._stream.results()  # outside the block: a second pass must not stop the first
        async with self, aclosing(results):
            if self._checkpoint is not None:
                await self._checkpoint.open(output)
            yield results

    def _count(self, result: ScanResult) -> None:
        counted = self._counted
        match result:
            case ScannedPage(images=images, is_last=is_last):
                counted["scanned"] += is_last
                counted["pages"] += 1
                counted["images"] += len(images)
                counted["bytes"] += sum([image.image_size_in_bytes or 0 for image in images])
            case FailedRepository():
                counted["failed"] += 1
            case VanishedRepository():
                counted["vanished"] += 1
            case FailedListing():
                counted["failed_listings"] += 1

    # -------------------------------------------------------------------------- the producer's side

    async def _produce(self, put: Put[ScanResult]) -> None:
        async with asyncio.TaskGroup() as group:
            for service in self._services:
                paced = patient(service, self._patience, self._counts)
                lane = _Lane(service, paced, asyncio.Queue(), put)
                group.create_task(self._list_repositories(lane))
                for _ in range(self._concurrency):
                    group.create_task(self._work(lane))

    async def _list_repositories(self, lane: _Lane) -> None:
        for name in self._selection.names:
            self._select(lane, name)
        try:
            async with aclosing(self._selection.listed(lane.paced)) as listed:
                async for repository in listed:
                    if self._checkpoint is not None:
                        self._checkpoint.check_registry(lane.service, repository.registry_id)
                    self._select(lane, repository.repository_name or "")
        except SessionClosedError:
            raise
        except ECRError as error:
            await lane.put(FailedListing(lane.service, error))
        for _ in range(self._concurrency):
            lane.names.put_nowait(None)

    def _select(self, lane: _Lane, name: str) -> None:
        self._counted["repositories"] += 1
        if self._checkpoint is not None and self._checkpoint.is_finished(lane.service, name):
            self._counted["done_before"] += 1
        else:
            lane.names.put_nowait(name)

    async def _work(self, lane: _Lane) -> None:
        while (name := await lane.names.get()) is not None:
            try:
                await self._scan_from(await self._position(lane, name), lane, name)
            except RepositoryNotFoundException:
                await lane.put(VanishedRepository(lane.service, name))
            except SessionClosedError:
                raise
            except ECRError as error:
                await lane.put(FailedRepository(lane.service, name, error))

    async def _position(self, lane: _Lane, name: str) -> Position:
        return Position() if self._checkpoint is None else await self._checkpoint.position(lane.service, name)

    async def _scan_from(self, position: Position, lane: _Lane, name: str) -> None:
        """Scan the rest of a repository; all of it if its token is not accepted any more."""
        request = self._request(name, next_token=position.next_token)
        number = position.pages
        try:
            async with aclosing(paginate_describe_images(lane.paced, request).pages()) as pages:
                async for page in pages:
                    images = page.image_details
                    if position.delivered:
                        images = tuple([it for it in images if it.image_digest not in position.delivered])
                    await lane.put(ScannedPage(lane.service, name, number, images, page.next_token or None))
                    number += 1
        except InvalidParameterException:
            if position.next_token is None or number > position.pages:
                raise
            await self._scan_from(attrs.evolve(position, next_token=None), lane, name)


@attrs.frozen
class _Lane:
    """A service in a scan: as it was given, as it is called, its repositories that wait, and the way out."""

    service: Service
    paced: Service
    names: asyncio.Queue[str | None]
    put: Put[ScanResult]
