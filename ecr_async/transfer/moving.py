"""An image moved from any source to any destination: blobs first, then what refers to them."""

import asyncio
from collections.abc import Sequence
from functools import partial

from ecr_async._bulk.concurrency import for_each
from ecr_async.oci.manifests import Descriptor, Manifest
from ecr_async.transfer.blobs import Blob
from ecr_async.transfer.contents import Contents
from ecr_async.transfer.destination import Destination
from ecr_async.transfer.embedded_blob import blob_of
from ecr_async.transfer.progress import Progress
from ecr_async.transfer.results import MovedImage
from ecr_async.transfer.source import Artifact, Source

__all__ = ["PATIENCE", "move"]

PATIENCE = 300.0
"""Seconds after which calls fail against a service that throttles every one of them."""


async def move(
    contents: Contents,
    source: Source,
    destination: Destination,
    *,
    tags: Sequence[str],
    concurrency: int,
    progress: Progress | None,
) -> MovedImage:
    """Move an image.

    A tag is put last, so that it never points at an image that isn't complete.
    """
    report = progress or _unreported
    blobs = contents.blobs
    missing = await destination.missing(blobs) if blobs else ()
    lacking = [blob for blob in blobs if blob.digest in missing]
    # A layer that the source lacks is noticed before the first one is moved.
    content = await asyncio.to_thread(lambda: [blob_of(source, each) for each in lacking])
    moved = 0

    async def store(blob: Blob) -> None:
        nonlocal moved
        sent = await destination.store(blob, partial(_report, report, blob.descriptor))
        moved += sent

    async def put(manifest: Manifest) -> None:
        if manifest is not contents.image and not contents.is_present:
            await destination.put(manifest, (), is_listed=False)

    async def put_artifact(artifact: Artifact) -> None:
        await destination.put(artifact.manifest, artifact.tags, is_listed=True)

    for blob in blobs:
        if blob.digest not in missing:
            report(blob.digest, blob.size, blob.size)
    await for_each(content, store, concurrency)
    await for_each(contents.images, put, concurrency)
    for index in contents.indexes:
        await put(index)
    await for_each(contents.artifacts, put_artifact, concurrency)
    if tags or not contents.is_present:
        await destination.put(contents.image, tags, is_listed=True)
    return MovedImage(
        digest=contents.image.digest,
        media_type=contents.image.media_type,
        tags=tuple(tags),
        manifests=tuple(each.digest for each in contents.manifests),
        blobs=len(blobs),
        blobs_moved=len(missing),
        bytes=sum(blob.size for blob in blobs),
        bytes_moved=moved,
    )


def _report(progress: Progress, blob: Descriptor, done: int) -> None:
    progress(blob.digest, done, blob.size)


def _unreported(digest: str, done: int, total: int, /) -> None:
    pass
