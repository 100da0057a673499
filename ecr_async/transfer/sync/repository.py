"""One repository of a sync: listed at the source and at each destination, compared, and brought there."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

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
from ecr_async.transfer.repositories.part_buffers import PartBuffers
from ecr_async.transfer.repositories.repository_destination import RepositoryDestination
from ecr_async.transfer.repositories.repository_source import RepositorySource
from ecr_async.transfer.repositories.upload_notes import UploadNotes
from ecr_async.transfer.sync.creation import CreateRepositories, create_missing
from ecr_async.transfer.sync.plan import Plan, PlannedImage, make_plan
from ecr_async.transfer.sync.results import SyncedImage, SyncResult, SyncStatus
from ecr_async.transfer.sync.selection import TagSelector

__all__ = ["Destination", "Options", "RepositorySync", "Work"]

DESTINATIONS = 32
"""Destinations at which one repository is gone through at a time."""


@attrs.frozen(kw_only=True)
class Options:
    """How a sync goes about it; see `sync_images`."""

    source_registry_id: str | None
    registry_id: str | None
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


@attrs.frozen
class Destination:
    """A registry that images are brought to. `images` admits so many of them at a time."""

    given: Service
    """The service as it was given."""
    service: Service
    images: asyncio.Semaphore


@attrs.frozen(kw_only=True)
class Work:
    """What a whole sync shares, and what is done with one repository of the source."""

    given: Service
    """The source, as it was given."""
    source: Service
    destinations: Sequence[Destination]
    options: Options
    notes: UploadNotes
    blobs: asyncio.Semaphore
    buffers: PartBuffers
    put: Callable[[SyncResult], Awaitable[None]]
    counted: Counter[str]

    async def sync_repository(self, repository: Repository) -> bool:
        """Bring one repository to all destinations; return whether nothing in it failed."""
        source = repository.repository_name or ""
        try:
            name = self.options.rename(source)
            listed = await _images(self.source, source, self.options.source_registry_id)
        except SessionClosedError:
            raise
        except ECRError as error:
            await self.put(FailedRepository(self.given, source, error))
            return False
        complete: list[bool] = []

        async def bring(destination: Destination) -> None:
            complete.append(await self._bring(repository, listed, destination, name))

        await for_each(self.destinations, bring, DESTINATIONS)
        is_complete = all(complete)
        self.counted["done"] += is_complete
        return is_complete

    async def _bring(
        self, repository: Repository, listed: Sequence[ImageDetail], destination: Destination, name: str
    ) -> bool:
        try:
            there = await self._destination_images(repository, destination, name)
        except SessionClosedError:
            raise
        except ECRError as error:
            await self.put(FailedRepository(destination.given, name, error))
            return False
        plan = make_plan(
            listed,
            there,
            self.options.selector,
            include_referrers=self.options.include_referrers,
            prune=self.options.prune,
        )
        source = repository.repository_name or ""
        return await RepositorySync(self, destination, source, name, plan, len(there)).run()

    async def _destination_images(
        self, repository: Repository, destination: Destination, name: str
    ) -> list[ImageDetail]:
        try:
            return await _images(destination.service, name, self.options.registry_id)
        except RepositoryNotFoundException:
            if self.options.create_repositories is None:
                raise
        if not self.options.dry_run:
            await create_missing(
                self.options.create_repositories,
                self.source,
                repository,
                destination.service,
                name,
                self.options.registry_id,
            )
        self.counted["created"] += 1
        return []


@attrs.define
class RepositorySync:
    """One repository of a sync at one destination: carries out its plan."""

    work: Work
    destination: Destination
    source: str
    name: str
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
                await self._fail(image, ImageQuotaError(self.name, options.max_images))
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
            source=RepositorySource(work.source, self.source, work.options.source_registry_id),
            destination=RepositoryDestination(
                self.destination.service,
                self.name,
                work.notes,
                work.options.registry_id,
                buffers=work.buffers,
                slots=work.blobs,
            ),
            include_referrers=work.options.include_referrers,
            concurrency=work.options.layers,
        )

    async def _copy(self, copying: Copying, image: PlannedImage) -> None:
        try:
            async with self.destination.images:
                if image.is_present:
                    copied = await copying.add_missing(image.digest, image.tags, image.missing_tags)
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
            result = await delete_images(
                self.destination.service,
                self.name,
                ids,
                dry_run=False,
                registry_id=self.work.options.registry_id,
            )
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
                service=self.destination.given,
                repository=self.source,
                destination=self.name,
                digest=image.digest,
                tags=image.tags,
                status=status,
                size=image.size,
                bytes_moved=bytes_moved,
                reason=reason,
                error=error,
            )
        )


async def _images(service: Service, repository: str, registry_id: str | None) -> list[ImageDetail]:
    request = DescribeImagesRequest(repository, registry_id, max_results=1000)
    return [image async for image in paginate_describe_images(service, request)]
