"""The caller's side: one task per registry, on a given cluster or on one made for the scan."""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs

from ecr_async._bulk.images import ScanSummary
from ecr_async._bulk.images.selection import Selection
from ecr_async._optional import extra
from ecr_async.distributed.registry import RegistryScan
from ecr_async.distributed.results import DistributedSummary, FailedPartition, RegistrySummary

with extra("distributed", "distributed", "dask"):
    dask: Any = import_module("distributed")  # much of it has no types

if TYPE_CHECKING:
    from distributed import Client
    from distributed.deploy.cluster import Cluster

    from ecr_async._bulk.images import RepositorySelection
    from ecr_async.api.common import TagStatus
    from ecr_async.api.images import ImageStatusFilter

__all__ = ["scan_distributed"]

AnyCluster: TypeAlias = "Client | Cluster | str | None"

THREADS = 16
"""Registries that a process of a local cluster scans at a time; they wait for responses most of the time."""

STOP_POLL = 1.0
"""Seconds between a worker's polls of whether to stop."""

STOP_GRACE = 10.0
"""Seconds that workers have to stop."""


async def scan_distributed(
    folder: str | os.PathLike[str],
    *,
    profiles: Iterable[str | None] = (None,),
    regions: Iterable[str | None] = (None,),
    repositories: RepositorySelection = None,
    tag_status: TagStatus | None = None,
    image_status: ImageStatusFilter | None = None,
    concurrency: int = 64,
    endpoint_url: str | None = None,
    cluster: AnyCluster = None,
) -> DistributedSummary:
    """Scan every region of every profile on a dask cluster, into a Parquet file for each repository.

    The files are `<folder>/<profile>/<region>/<repository>-<hash>.parquet`, with the columns of
    `ecr_async.arrow.SCHEMA`. A repository that has its file is not scanned again: run this again after a
    failure or an interruption, and it does what is missing; take a new folder for a new scan.

    What fails is in the summary's `failed`, and ends nothing else.

    Args:
        folder: Where the files go; made if need be. All workers must see it under this path.
        profiles: Profiles of the shared config files, which the workers read; None is whatever
            credentials a worker finds by itself. Name each account once: the limit is the account's.
        regions: Regions to scan in each of these accounts; None is the profile's own.
        repositories: What `scan_images` takes. A predicate is sent to the workers.
        tag_status: Tag status to include. Defaults to any.
        image_status: Storage status to include, or `ANY`. Defaults to active images.
        concurrency: How many repositories of a registry are scanned at a time.
        endpoint_url: Where ECR is, if not at its own endpoint.
        cluster: A dask `Client`, a cluster or a scheduler's address. None makes a local cluster of
            processes for this scan; a script then needs `if __name__ == "__main__":`, as always where
            Python starts processes.
    """
    chosen = RegistryScan(
        profile=None,
        region=None,
        endpoint_url=endpoint_url,
        selection=Selection.of(repositories),
        tag_status=tag_status,
        image_status=image_status,
        concurrency=concurrency,
        folder=Path(os.path.abspath(folder)),  # noqa: ASYNC240 - reads no disk
    )
    scans = [
        attrs.evolve(chosen, profile=profile, region=region)
        for profile in dict.fromkeys(profiles)
        for region in dict.fromkeys(regions)
    ]
    if not scans:
        return DistributedSummary((), 0.0)
    began = time.monotonic()
    async with _connected(cluster, len(scans)) as client:
        registries = await _run(client, scans)
    return DistributedSummary(tuple(registries), time.monotonic() - began)


@asynccontextmanager
async def _connected(cluster: Any, registries: int) -> AsyncGenerator[Any, None]:
    """Yield a client of our own on this event loop, whatever the caller's cluster belongs to."""
    async with AsyncExitStack() as stack:
        if cluster is None:
            processes = max(1, min(registries, os.cpu_count() or 1))
            cluster = dask.LocalCluster(
                n_workers=processes,
                threads_per_worker=min(THREADS, -(-registries // processes)),
                dashboard_address=":0",
                asynchronous=True,
            )
            await stack.enter_async_context(cluster)
        if isinstance(cluster, dask.Client):
            address, security = cluster.scheduler.address, cluster.security
        elif isinstance(cluster, str):
            address, security = cluster, None
        else:
            address, security = cluster.scheduler_address, cluster.security
        client = dask.Client(address, security=security, asynchronous=True, set_as_default=False)
        yield await stack.enter_async_context(client)


async def _run(client: Any, scans: Sequence[RegistryScan]) -> list[RegistrySummary]:
    """Run the tasks to their end; if this is cancelled, have them stopped."""
    run = f"ecr-async-{uuid.uuid4().hex}"
    stop = dask.Event(f"{run}-stop", client=client)
    tasks = [
        client.submit(_scan_registry, scan, stop.name, key=f"{run}-{number}", pure=False)
        for number, scan in enumerate(scans)
    ]
    outcomes = [asyncio.create_task(_outcome(*pair)) for pair in zip(tasks, scans, strict=True)]
    try:
        await asyncio.wait(outcomes)
    except asyncio.CancelledError:
        await stop.set()
        await asyncio.wait(outcomes, timeout=STOP_GRACE)
        raise
    finally:
        for outcome in outcomes:
            outcome.cancel()
        await asyncio.wait(outcomes)
    return [outcome.result() for outcome in outcomes]


async def _outcome(task: Any, scan: RegistryScan) -> RegistrySummary:
    """Return what a task returns; what it raises is a failure of its registry."""
    try:
        summary: RegistrySummary = await task
    except Exception as error:
        failure = FailedPartition(scan.profile, scan.region, None, error)
        return RegistrySummary(scan.profile, scan.region, ScanSummary(), (failure,))
    return summary


# ------------------------------------------------------------------------------ the worker's side


def _scan_registry(scan: RegistryScan, stop: str) -> RegistrySummary:
    """Scan a registry, on a worker's thread and an event loop of its own."""
    return asyncio.run(_scan_until(scan, dask.Event(stop)))


async def _scan_until(scan: RegistryScan, stop: Any) -> RegistrySummary:
    scanning = asyncio.create_task(scan.run())
    stopped = asyncio.create_task(_wait_for(stop))
    await asyncio.wait([scanning, stopped], return_when=asyncio.FIRST_COMPLETED)
    scanning.cancel()
    stopped.cancel()
    await asyncio.wait([scanning, stopped])
    return scanning.result()


async def _wait_for(stop: Any) -> None:
    """Wait until the caller wants to stop, or the scheduler is gone."""
    with suppress(OSError):
        while not await asyncio.to_thread(stop.is_set):  # noqa: ASYNC110 - it is the scheduler's event
            await asyncio.sleep(STOP_POLL)
