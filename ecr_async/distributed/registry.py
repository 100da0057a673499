"""One registry, scanned on one worker into one file per repository."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import attrs

from ecr_async._bulk.images import (
    FailedListing,
    FailedRepository,
    Scan,
    ScannedPage,
    VanishedRepository,
    scan_images,
)
from ecr_async._bulk.images.selection import Selection
from ecr_async._files.partial import remove_abandoned
from ecr_async.arrow import ParquetFile
from ecr_async.distributed.results import FailedPartition, RegistrySummary
from ecr_async.session import Session

if TYPE_CHECKING:
    from ecr_async.api.common import TagStatus
    from ecr_async.api.images import ImageStatusFilter

__all__ = ["RegistryScan", "file_name"]

COMMITS = 16
"""Files that are being finished at a time: a disk takes its time to say that it has them."""


@attrs.frozen
class RegistryScan:
    """What to scan and where to write it; small enough to be sent to a worker, and without a secret."""

    profile: str | None
    region: str | None
    endpoint_url: str | None
    selection: Selection
    tag_status: TagStatus | None
    image_status: ImageStatusFilter | None
    concurrency: int
    folder: Path

    async def run(self) -> RegistrySummary:
        """Scan the repositories that have no file yet."""
        async with Session(
            profile=self.profile, region=self.region, endpoint_url=self.endpoint_url
        ) as session:
            service = session.service()
            folder = self.folder / quote(self.profile or "default", safe="") / service.region
            names = await asyncio.to_thread(_prepare, folder)
            done: set[str] = set()

            def is_done(repository: str) -> bool:
                if file_name(repository) in names:
                    done.add(repository)
                return repository in done

            scan = scan_images(
                [service],
                self.selection.without(is_done),
                tag_status=self.tag_status,
                image_status=self.image_status,
                concurrency=self.concurrency,
            )
            try:
                failures = await _write(scan, folder)
            except BaseExceptionGroup as group:
                raise group.exceptions[0] from None
        failed = [FailedPartition(self.profile, self.region, name, error) for name, error in failures]
        summary = attrs.evolve(
            scan.summary, repositories=scan.summary.repositories + len(done), done_before=len(done)
        )
        return RegistrySummary(self.profile, self.region, summary, tuple(failed))


def file_name(repository: str) -> str:
    """Return the name of a repository's file: readable, and no other repository's, however long they are."""
    digest = hashlib.sha256(repository.encode()).hexdigest()
    return f"{repository.replace('/', '.')[:200]}-{digest[:12]}.parquet"


def _prepare(folder: Path) -> frozenset[str]:
    """Make a registry's folder, or clean it of what a run that died left; return the files that are there."""
    folder.mkdir(parents=True, exist_ok=True)
    remove_abandoned(folder)
    return frozenset(os.listdir(folder))


async def _write(scan: Scan, folder: Path) -> list[tuple[str | None, Exception]]:
    """Write a scan's repositories, each to a file of its own; return the names of those that
    failed, and why.
    """
    failures: list[tuple[str | None, Exception]] = []
    files: dict[str, ParquetFile] = {}
    slots = asyncio.Semaphore(COMMITS)

    async def commit(repository: str, file: ParquetFile) -> None:
        try:
            await file.commit()
        except OSError as error:
            failures.append((repository, error))
        finally:
            slots.release()

    async with _discarding(files), asyncio.TaskGroup() as commits, aclosing(aiter(scan)) as results:
        async for result in results:
            match result:
                case ScannedPage(repository=repository):
                    if repository not in files:
                        files[repository] = ParquetFile(folder / file_name(repository))
                    await files[repository].add(result)
                    if result.is_last:
                        await slots.acquire()
                        commits.create_task(commit(repository, files.pop(repository)))
                case FailedRepository(repository=repository, error=error):
                    failures.append((repository, error))
                case FailedListing(error=error):
                    failures.append((None, error))
                case VanishedRepository():
                    pass
    return failures


@asynccontextmanager
async def _discarding(files: dict[str, ParquetFile]) -> AsyncGenerator[None, None]:
    """Remove incomplete files, in the end: those of repositories that failed or vanished midway."""
    try:
        yield
    finally:
        for file in files.values():
            await file.discard()
