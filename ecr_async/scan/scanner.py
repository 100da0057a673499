"""The scan itself: workers that walk repositories, a bounded queue, and one consumer.

    lister ── names ──> workers ── results ──> queue ──> async for
    (one a service)     (`concurrency`         (bounded)
                         a service)

All tasks belong to one task group inside one task, the producer; whoever leaves the loop cancels it and
waits for it, so nothing outlives the scan. The queue is bounded: a consumer that takes its time halts
the workers, each with at most one page in hand and the next one under way.

A listing is read to its end at once, however slowly its repositories are scanned: names are small, and
the tokens between its pages don't live forever.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from typing import TYPE_CHECKING, Self

import attrs

from ecr_async.api.common import RepositoryNotFoundException
from ecr_async.api.images import (
    DescribeImagesFilter,
    DescribeImagesRequest,
    ImageDetail,
    paginate_describe_images,
)
from ecr_async.errors import ECRError, SessionClosedError, ValidationError
from ecr_async.scan.patience import CallCounts, PatientRetries
from ecr_async.scan.results import (
    FailedListing,
    FailedRepository,
    ScannedPage,
    ScanResult,
    ScanSummary,
    VanishedRepository,
)
from ecr_async.scan.selection import RepositorySelection, Selection

if TYPE_CHECKING:
    from types import TracebackType

    from ecr_async.api.common import TagStatus
    from ecr_async.api.images import ImageStatusFilter
    from ecr_async.service import Service

__all__ = ["Scan", "scan_images"]

QUEUED_RESULTS = 16
"""Results that wait for the consumer, beside the one that each worker has in hand."""


def scan_images(
    services: Iterable[Service],
    repositories: RepositorySelection = None,
    *,
    tag_status: TagStatus | None = None,
    image_status: ImageStatusFilter | None = None,
    concurrency: int = 64,
    page_size: int = 1000,
    patience: float = 600.0,
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

    Args:
        services: One for each region and account. Each has its own rate limits and workers.
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
    """
    if concurrency < 1:
        raise ValidationError("concurrency", f"must be at least 1, not {concurrency}")
    if not 1 <= page_size <= 1000:
        raise ValidationError("page_size", f"must be 1 to 1,000, not {page_size}")
    request = DescribeImagesRequest(
        repository_name="",
        max_results=page_size,
        filter=DescribeImagesFilter(tag_status, image_status) if tag_status or image_status else None,
    )
    return Scan(tuple(dict.fromkeys(services)), Selection.of(repositories), request, concurrency, patience)


class Scan:
    """A scan under way, made by `scan_images`. It can be gone through once.

    `async for result in scan` gives the results, `async for image in scan.images()` the images alone.
    The calls begin when the first result is asked for. A loop that is left early lets the event loop
    end them; to have that done at a certain point, use `async with scan:` around the loop.
    """

    def __init__(
        self,
        services: tuple[Service, ...],
        selection: Selection,
        request: DescribeImagesRequest,
        concurrency: int,
        patience: float,
    ) -> None:
        self._services = services
        self._selection = selection
        self._request = request
        self._concurrency = concurrency
        self._patience = patience
        self._summary = ScanSummary()
        self._counts = CallCounts()
        self._began: float | None = None
        self._ended: float | None = None
        self._queue: asyncio.Queue[ScanResult | None] = asyncio.Queue()
        self._room = asyncio.Semaphore(QUEUED_RESULTS)
        self._producer: asyncio.Task[None] | None = None

    @property
    def summary(self) -> ScanSummary:
        """What has been done so far."""
        return attrs.evolve(
            self._summary,
            calls=self._counts.calls,
            throttles=self._counts.throttles,
            retries=self._counts.retries,
            seconds=self._seconds(),
        )

    async def __aiter__(self) -> AsyncGenerator[ScanResult, None]:
        """Give the results as they come."""
        if self._began is not None:
            raise RuntimeError("a scan can be gone through once; make another")
        self._began = asyncio.get_running_loop().time()
        try:
            self._producer = asyncio.create_task(self._produce())
            self._producer.add_done_callback(lambda _: self._queue.put_nowait(None))
            while (result := await self._queue.get()) is not None:
                self._room.release()
                self._count(result)
                yield result
            await self._outcome(self._producer)
        finally:
            await self.aclose()

    async def images(self) -> AsyncGenerator[ImageDetail, None]:
        """Give the images alone. What failed is in the summary's counts."""
        async with aclosing(aiter(self)) as results:
            async for result in results:
                if isinstance(result, ScannedPage):
                    for image in result.images:
                        yield image

    async def aclose(self) -> None:
        """Stop: when this returns, no task and no call of the scan is left. May be called again."""
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.cancel()
            await asyncio.wait([producer])
        if self._began is not None and self._ended is None:
            self._ended = asyncio.get_running_loop().time()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def _seconds(self) -> float:
        if self._began is None:
            return 0.0
        return (self._ended or asyncio.get_running_loop().time()) - self._began

    # ------------------------------------------------------------------------ the producer's side

    async def _produce(self) -> None:
        async with asyncio.TaskGroup() as group:
            for service in self._services:
                names: asyncio.Queue[str | None] = asyncio.Queue()
                retries = PatientRetries(
                    service.retries,
                    patience=self._patience,
                    counts=self._counts,
                    monotonic=asyncio.get_running_loop().time,
                )
                paced = service.paced(retries)
                group.create_task(self._list_repositories(service, paced, names))
                for _ in range(self._concurrency):
                    group.create_task(self._work(service, paced, names))

    @staticmethod
    async def _outcome(producer: asyncio.Task[None]) -> None:
        """Raise what ended the producer early: a mistake in a predicate, say, or a closed session."""
        try:
            await producer
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None

    async def _list_repositories(
        self, service: Service, paced: Service, names: asyncio.Queue[str | None]
    ) -> None:
        for name in self._selection.names:
            self._select(name, names)
        try:
            async with aclosing(self._selection.listed(paced)) as listed:
                async for repository in listed:
                    self._select(repository.repository_name or "", names)
        except SessionClosedError:
            raise
        except ECRError as error:
            await self._put(FailedListing(service, error))
        for _ in range(self._concurrency):
            names.put_nowait(None)

    def _select(self, name: str, names: asyncio.Queue[str | None]) -> None:
        self._add(repositories=1)
        names.put_nowait(name)

    async def _work(self, service: Service, paced: Service, names: asyncio.Queue[str | None]) -> None:
        while (name := await names.get()) is not None:
            try:
                await self._scan_repository(service, paced, name)
            except RepositoryNotFoundException:
                await self._put(VanishedRepository(service, name))
            except SessionClosedError:
                raise
            except ECRError as error:
                await self._put(FailedRepository(service, name, error))

    async def _scan_repository(self, service: Service, paced: Service, name: str) -> None:
        pager = paginate_describe_images(paced, attrs.evolve(self._request, repository_name=name))
        number = 0
        async with aclosing(pager.pages()) as pages:
            async for page in pages:
                await self._put(
                    ScannedPage(service, name, number, page.image_details, page.next_token or None)
                )
                number += 1

    async def _put(self, result: ScanResult) -> None:
        await self._room.acquire()
        self._queue.put_nowait(result)

    # ------------------------------------------------------------------------ the consumer's side

    def _count(self, result: ScanResult) -> None:
        match result:
            case ScannedPage(images=images, is_last=is_last):
                size = sum([image.image_size_in_bytes or 0 for image in images])
                self._add(scanned=int(is_last), pages=1, images=len(images), bytes=size)
            case FailedRepository():
                self._add(failed=1)
            case VanishedRepository():
                self._add(vanished=1)
            case FailedListing():
                self._add(failed_listings=1)

    def _add(self, **counts: int) -> None:
        now = self._summary
        self._summary = attrs.evolve(
            now, **{name: getattr(now, name) + more for name, more in counts.items()}
        )
