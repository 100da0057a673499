"""One repository of a sync: listed on both sides, compared, and its plan carried out."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import attrs

from ecr_async._bulk.batches import delete_images
from ecr_async._bulk.concurrency import for_each
from ecr_async._bulk.images.results import FailedRepository
from ecr_async.api.common import ImageIdentifier, RepositoryNotFoundException
from ecr_async.api.images import DescribeImagesRequest, ImageDetail, paginate_describe_images
from ecr_async.api.repositories import Repository
from ecr_async.errors import ECRError, ServiceError, SessionClosedError
from ecr_async.service import Service
from ecr_async.transfer.copy import Copying
from ecr_async.transfer.errors import ImageQuotaError
from ecr_async.transfer.repository_destination import RepositoryDestination
from ecr_async.transfer.repository_source import RepositorySource
from ecr_async.transfer.sync.creation import CreateRepositories, create_missing
from ecr_async.transfer.sync.plan import Plan, PlannedImage, make_plan
from ecr_async.transfer.sync.results import SyncedImage, SyncResult, SyncStatus
from ecr_async.transfer.sync.selection import TagSelector
from ecr_async.transfer.upload_notes import UploadNotes

__all__ = ["Options", "RepositorySync", "Work"]


@attrs.frozen(kw_only=True)
class Options:
    """How a sync goes about it; see `sync_images`."""

    rename: Callable[[str], str]
    selector: TagSelector
    include_referrers: bool
    create_repositories: CreateRepositories
    prune: bool
    dry_run: bool
    max_images: int
    concurrency: int
    layers: int
    patience: float


@attrs.frozen(kw_only=True)
class Work:
    """What all repositories of a sync share, and what is done with one of them."""

    given: Service
    source: Service
    destination: Service
    options: Options
    notes: UploadNotes
    images: asyncio.Semaphore
    blobs: asyncio.Semaphore
    put: Callable[[SyncResult], Awaitable[None]]
    counted: Counter[str]

    async def sync_repository(self, repository: Repository) -> bool:
        """Go through one repository; return whether nothing in it failed."""
        source = repository.repository_name or ""
        try:
            name = self.options.rename(source)
            listed = await _images(self.source, source)
            there = await self._destination_images(repository, name)
        except SessionClosedError:
            raise
        except ECRError as error:
            await self.put(FailedRepository(self.given, source, error))
            return False
        plan = make_plan(
            listed,
            there,
            self.options.selector,
            include_referrers=self.options.include_referrers,
            prune=self.options.prune,
        )
        is_complete = await RepositorySync(self, source, name, plan, len(there)).run()
        self.counted["done"] += is_complete
        return is_complete

    async def _destination_images(self, repository: Repository, name: str) -> list[ImageDetail]:
        try:
            return await _images(self.destination, name)
        except RepositoryNotFoundException:
            if self.options.create_repositories is None:
                raise
        if not self.options.dry_run:
            await create_missing(
                self.options.create_repositories, self.source, repository, self.destination, name
            )
        self.counted["created"] += 1
        return []


@attrs.define
class RepositorySync:
    """One repository of a sync: carries out its plan."""

    work: Work
    source: str
    destination: str
    plan: Plan
    count: int
    """Images that the destination has."""
    is_complete: bool = True

    async def run(self) -> bool:
        """Carry out the plan; return whether nothing failed."""
        plan, options = self.plan, self.work.options
        for image in plan.present:
            await self._report(image, "present")
        for image in plan.skipped:
            await self._report(image, "skipped", reason=image.reason)
        room = options.max_images - self.count
        to_copy: list[PlannedImage] = []
        for image in plan.to_copy:
            room -= not image.is_present
            if room < 0 and not image.is_present:
                await self._fail(image, ImageQuotaError(self.destination, options.max_images))
            else:
                to_copy.append(image)
        if options.dry_run:
            for image in to_copy:
                await self._report(image, "to_copy")
            for image in plan.to_prune:
                await self._report(image, "to_prune")
            return self.is_complete
        copying = self._copying()
        await for_each(to_copy, lambda image: self._copy(copying, image), options.concurrency)
        if self.is_complete:
            for image in plan.to_prune:
                await self._prune(image)
        return self.is_complete

    def _copying(self) -> Copying:
        work = self.work
        return Copying(
            RepositorySource(work.source, self.source),
            RepositoryDestination(work.destination, self.destination, work.notes, slots=work.blobs),
            include_referrers=work.options.include_referrers,
            concurrency=work.options.layers,
        )

    async def _copy(self, copying: Copying, image: PlannedImage) -> None:
        try:
            async with self.work.images:
                if image.is_present:
                    copied = await copying.complete(image.digest, image.tags, image.missing_tags)
                else:
                    copied = await copying.copy_missing(image.digest, image.tags)
        except SessionClosedError:
            raise
        except ECRError as error:
            await self._fail(image, error)
        else:
            is_new = copied.blobs_moved or image.missing_tags or not image.is_present
            await self._report(image, "copied" if is_new else "present", bytes_moved=copied.bytes_moved)

    async def _prune(self, image: PlannedImage) -> None:
        ids = [ImageIdentifier(image_tag=tag) for tag in image.tags]
        try:
            result = await delete_images(self.work.destination, self.destination, ids, dry_run=False)
        except SessionClosedError:
            raise
        except ECRError as error:
            await self._fail(image, error)
            return
        if result.failures:
            failure = result.failures[0]
            await self._fail(image, failure.error or ServiceError(failure.reason, code=failure.code))
        else:
            await self._report(image, "pruned")

    async def _fail(self, image: PlannedImage, error: ECRError) -> None:
        self.is_complete = False
        await self._report(image, "failed", error=error)

    async def _report(
        self,
        image: PlannedImage,
        status: SyncStatus,
        *,
        bytes_moved: int = 0,
        reason: str | None = None,
        error: ECRError | None = None,
    ) -> None:
        await self.work.put(
            SyncedImage(
                repository=self.source,
                destination=self.destination,
                digest=image.digest,
                tags=image.tags,
                status=status,
                size=image.size,
                bytes_moved=bytes_moved,
                reason=reason,
                error=error,
            )
        )


async def _images(service: Service, repository: str) -> list[ImageDetail]:
    request = DescribeImagesRequest(repository, max_results=1000)
    return [image async for image in paginate_describe_images(service, request)]
