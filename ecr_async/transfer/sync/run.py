"""The sync itself: repositories are listed, compared and copied, many at a time; a failure ends nothing else.

lister ── repositories ──> workers ── a plan for each destination ──> images ── results ──> async for
                           (a few)                                    (`concurrency` at a time)
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing

from ecr_async._arguments import check_functions, check_kinds, check_number, check_path
from ecr_async._bulk.images.results import FailedListing, FailedRepository, VanishedRepository
from ecr_async._bulk.images.selection import RepositorySelection, Selection
from ecr_async._bulk.patient_retries import CallCounts, patient
from ecr_async._bulk.result_queue import BulkScan
from ecr_async._bulk.services import GivenServices, ServiceSelection, each_service, given_services
from ecr_async.api.common import RepositoryNotFoundException
from ecr_async.api.repositories import (
    DescribeRepositoriesRequest,
    Repository,
    describe_repositories,
    paginate_describe_repositories,
)
from ecr_async.errors import ECRError, SessionClosedError
from ecr_async.service import Service, check_services
from ecr_async.transfer.arguments import check_registry_ids
from ecr_async.transfer.repositories.part_buffers import PartBuffers
from ecr_async.transfer.repositories.upload_notes import UploadNotes, state_folder
from ecr_async.transfer.sync.checkpoint import SyncCheckpoint
from ecr_async.transfer.sync.creation import CreateRepositories, check_creation
from ecr_async.transfer.sync.repository import Destination, Options, Work
from ecr_async.transfer.sync.results import SyncedImage, SyncResult, SyncSummary
from ecr_async.transfer.sync.selection import TagSelection, TagSelector

__all__ = ["Sync", "sync_images"]

REPOSITORIES = 8
"""Repositories that are gone through at a time."""

QUEUED_RESULTS = 256


def sync_images(
    source: Service,
    destinations: ServiceSelection,
    repositories: RepositorySelection = None,
    *,
    source_registry_id: str | None = None,
    registry_id: str | None = None,
    rename: Callable[[str], str] | None = None,
    tags: TagSelection = None,
    newest: int | None = None,
    include_referrers: bool = False,
    create_repositories: CreateRepositories = None,
    prune: bool = False,
    dry_run: bool = False,
    max_images: int = 100_000,
    concurrency: int = 16,
    layers: int = 4,
    patience: float = 300.0,
    checkpoint: str | os.PathLike[str] | None = None,
) -> Sync:
    """Copy the images of many repositories to where they are missing: one registry, or many.

        async for result in ecr.sync_images(staging, [ireland, virginia], "team/*", tags="v*", newest=10):
            print(result.service.region, result.repository, ...)

    Both sides are listed and compared first, so nothing is read of images that are there already. Every
    image is accounted for at every destination, and a failure never ends the sync. Each service is called as
    fast as its rate limits allow; throttled calls are repeated.

    Args:
        source: Where the images are.
        destinations: Where they go: one service, one for each region and account, or a `Fleet`. An account
            that cannot be entered is a `FailedListing` for each region.
        repositories: None for all of the source's; a name or several, a pattern or several (`team/*`), or a
            predicate of the `Repository`.
        source_registry_id: The AWS account of the source's registry; by default that of its credentials.
        registry_id: The AWS account of the destinations' registries; by default that of their credentials.
        rename: Gives a repository's name at the destinations; by default it is the same.
        tags: Which tags to bring along: a tag or pattern (`v1.*`), a compiled regular expression, several of
            them, or a predicate. None takes all. Images without a tag come with what refers to them.
        newest: Of each repository's selected images, how many to take, by the time of their push.
        include_referrers: Whether signatures, SBOMs and other artifacts about the images are copied too. They
            are looked for at each image that is selected, there already or not.
        create_repositories: `like_source` creates what is missing with the settings, resource tags, lifecycle
            and repository policies of its source; a request creates it from that. Else such images fail.
        prune: Whether tags that the selection would take and that the source no longer has are removed from
            the destination. A repository with a failure, or without any selected image, is not pruned.
        dry_run: Only say what would be done: images are `to_copy` and `to_prune`.
        max_images: The quota of images in one repository; images beyond it fail before anything is sent.
        concurrency: Images that are copied to each destination at a time.
        layers: Layers that are copied at a time, to all destinations together. Each needs memory for one
            and a half parts of 10 or 20 MiB.
        patience: Seconds after which calls fail against a service that throttles every one of them.
        checkpoint: The path of a file that notes which repositories are done. It is removed when a sync ends
            without a failure.

    Raises `ValidationError`, and `ConfigurationError` for anything but services; while iterating
    `ConfigurationError` for another sync's checkpoint.
    """
    check_services(source=source)
    check_registry_ids(source_registry_id=source_registry_id, registry_id=registry_id)
    check_functions(rename=rename)
    check_kinds(bool, include_referrers=include_referrers, prune=prune, dry_run=dry_run)
    if checkpoint is not None:
        check_path("checkpoint", checkpoint)
    check_number("concurrency", concurrency, least=1, whole=True)
    check_number("layers", layers, least=1, whole=True)
    check_number("max_images", max_images, least=0, whole=True)
    check_number("patience", patience, above=0, unit=" seconds")
    check_creation(create_repositories)
    selector = TagSelector.of(tags, newest)
    return Sync(
        source,
        given_services(destinations, "destinations"),
        Selection.of(repositories),
        Options(
            source_registry_id=source_registry_id,
            registry_id=registry_id,
            rename=rename or _same,
            selector=selector,
            include_referrers=include_referrers,
            create_repositories=create_repositories,
            prune=prune,
            dry_run=dry_run,
            max_images=max_images,
            concurrency=concurrency,
            layers=layers,
            patience=patience,
        ),
        None if checkpoint is None or dry_run else SyncCheckpoint(checkpoint),
    )


class Sync(BulkScan[SyncResult]):
    """A sync under way, made by `sync_images`. It can be iterated once.

    The calls begin with the first result. To end them at a certain point when the loop is left early, use
    `async with sync:` around it.
    """

    def __init__(
        self,
        source: Service,
        destinations: GivenServices,
        selection: Selection,
        options: Options,
        checkpoint: SyncCheckpoint | None,
    ) -> None:
        super().__init__(QUEUED_RESULTS)
        self._given = source
        self._selection = selection
        self._options = options
        self._checkpoint = checkpoint
        self._counts = CallCounts()
        self._counted: Counter[str] = Counter()
        self._destinations = destinations
        self._entered: list[Service] = []
        self._failed: list[FailedListing] = []

    @property
    def summary(self) -> SyncSummary:
        """What has been done so far."""
        return SyncSummary(
            dry_run=self._options.dry_run,
            **self._counted,
            calls=self._counts.calls,
            throttles=self._counts.throttles,
            retries=self._counts.retries,
            seconds=self._queue.seconds,
        )

    async def __aiter__(self) -> AsyncGenerator[SyncResult, None]:
        """Yield the results as they come."""
        self._queue.begin()
        async with self:
            await self._enter()
            async with aclosing(self._queue.results(self._fill)) as results:
                async for result in results:
                    self._count(result)
                    yield result
            if self._checkpoint is not None and self.summary.complete:
                await self._checkpoint.remove()

    def _count(self, result: SyncResult) -> None:
        counted = self._counted
        match result:
            case SyncedImage(status=status, size=size, bytes_moved=moved):
                counted[status] += 1
                counted["bytes_moved"] += moved
                counted["bytes_to_copy"] += size if status == "to_copy" else 0
            case FailedRepository():
                counted["failed_repositories"] += 1
            case VanishedRepository():
                counted["vanished"] += 1
            case FailedListing():
                counted["failed_listings"] += 1

    async def _enter(self) -> None:
        """Enter the destinations, and open the checkpoint that is about them."""
        async with aclosing(each_service(self._destinations)) as services:
            async for service, error in services:
                if error is None:
                    self._entered.append(service)
                else:
                    self._failed.append(FailedListing(service, error))
        self._counted["destinations"] = len(self._entered) + len(self._failed)
        if self._checkpoint is not None:
            given = [*self._entered, *(failed.service for failed in self._failed)]
            await self._checkpoint.open(_settings(self._given, given, self._options))

    async def _fill(self) -> None:
        options = self._options
        for failed in self._failed:
            await self._queue.put(failed)
        if not self._entered:
            return
        source = self._patient(self._given)
        queue: asyncio.Queue[Repository | None] = asyncio.Queue(REPOSITORIES)
        work = Work(
            given=self._given,
            source=source,
            destinations=[
                Destination(each, self._patient(each), asyncio.Semaphore(options.concurrency))
                for each in self._entered
            ],
            options=options,
            notes=UploadNotes(state_folder()),
            blobs=asyncio.Semaphore(options.layers),
            buffers=PartBuffers(options.layers),
            put=self._queue.put,
            counted=self._counted,
        )

        async def worker() -> None:
            while (repository := await queue.get()) is not None:
                is_done = await work.sync_repository(repository)
                if is_done and self._checkpoint is not None and not self._failed:
                    await self._checkpoint.record(repository.repository_name or "")

        async with asyncio.TaskGroup() as group:
            group.create_task(self._list(source, queue))
            for _ in range(REPOSITORIES):
                group.create_task(worker())

    def _patient(self, service: Service) -> Service:
        return patient(service, self._options.patience, self._counts)

    async def _list(self, source: Service, queue: asyncio.Queue[Repository | None]) -> None:
        registry_id = self._options.source_registry_id
        for name in self._selection.names:
            try:
                request = DescribeRepositoriesRequest(registry_id, [name])
                for repository in (await describe_repositories(source, request)).repositories:
                    await self._select(repository, queue)
            except SessionClosedError:
                raise
            except RepositoryNotFoundException:
                self._counted["repositories"] += 1
                await self._queue.put(VanishedRepository(self._given, name))
            except ECRError as error:
                self._counted["repositories"] += 1
                await self._queue.put(FailedRepository(self._given, name, error))
        if self._selection.predicate is not None:
            try:
                request = DescribeRepositoriesRequest(registry_id, max_results=1000)
                async for repository in paginate_describe_repositories(source, request):
                    if self._selection.predicate(repository):
                        await self._select(repository, queue)
            except SessionClosedError:
                raise
            except ECRError as error:
                await self._queue.put(FailedListing(self._given, error))
        for _ in range(REPOSITORIES):
            await queue.put(None)

    async def _select(self, repository: Repository, queue: asyncio.Queue[Repository | None]) -> None:
        self._counted["repositories"] += 1
        if self._checkpoint is not None and self._checkpoint.is_done(repository.repository_name or ""):
            self._counted["done_before"] += 1
        else:
            await queue.put(repository)


def _same(name: str) -> str:
    return name


def _settings(source: Service, destinations: Iterable[Service], options: Options) -> str:
    """Describe a sync so that a checkpoint of another one is recognised."""
    extras = f"referrers {options.include_referrers}, prune {options.prune}"
    selector = options.selector
    here = _side(source, options.source_registry_id)
    there = " and ".join(sorted(_side(each, options.registry_id) for each in destinations))
    return f"from {here} to {there} of {selector.description}, newest {selector.newest}, {extras}"


def _side(service: Service, registry_id: str | None) -> str:
    return " ".join(filter(None, (service.region, registry_id or service.account, service.endpoint_url)))
