"""Push: an image from a layout or an archive into a repository."""

import os
from collections.abc import Sequence

import attrs

from ecr_async._arguments import check_functions, check_kinds, check_number, check_path
from ecr_async._bulk.patient_retries import CallCounts, patient
from ecr_async.service import Service, check_services
from ecr_async.transfer.arguments import check_platforms, check_registry_ids, check_tags
from ecr_async.transfer.contents import read_contents
from ecr_async.transfer.layouts.local_source import MAX_UNPACKED, open_source
from ecr_async.transfer.moving import PATIENCE, move
from ecr_async.transfer.progress import Progress
from ecr_async.transfer.repositories.part_buffers import PartBuffers
from ecr_async.transfer.repositories.repository_destination import RepositoryDestination
from ecr_async.transfer.repositories.upload_notes import UploadNotes, state_folder
from ecr_async.transfer.results import PushedImage

__all__ = ["push_image"]


async def push_image(
    service: Service,
    source: str | os.PathLike[str],
    repository: str,
    *,
    tags: Sequence[str] = (),
    reference: str | None = None,
    platforms: Sequence[str] | None = None,
    include_referrers: bool = True,
    registry_id: str | None = None,
    progress: Progress | None = None,
    concurrency: int = 4,
    resume: bool = True,
    max_unpacked: int = MAX_UNPACKED,
) -> PushedImage:
    """Push an image from an OCI image layout (a folder or a tar archive) or from a `docker save` archive.

        await ecr.push_image(service, "layout/", "team/app", tags=["v1"])

    What the repository has already is not sent. Layers go up concurrently, each in parts, and one that an
    interrupted push has begun is continued. Images of several platforms go before their index, signatures
    and SBOMs before the tag. Content goes up as it is; only a docker archive's plain layers are compressed.

    Args:
        service: Where the repository is.
        source: The layout or archive, plain or gzipped.
        repository: The repository's name. It must be there.
        tags: Tags that the image gets; without any it can be found by its digest.
        reference: Which of several images to push: its tag in the source, or its digest.
        platforms: Of an image for several platforms, those to push (`linux/arm64`). One of them is pushed
            as it is, several in an index of their own; None pushes all. An image for one platform must be for
            one of these; one for no platform, such as a chart, is pushed as it is.
        include_referrers: Whether artifacts about the image that the source lists are pushed with it.
        registry_id: The AWS account of the registry; the caller's by default.
        progress: Gets how far each layer has come.
        concurrency: Layers that are sent at a time. Each needs memory for one and a half parts of 10 or
            20 MiB.
        resume: Whether the IDs of unfinished uploads are kept in `$XDG_STATE_HOME/ecr-async/uploads`, so that
            the next push of a layer continues where this one was interrupted.
        max_unpacked: Bytes that a gzipped archive may unpack to in the system's temporary folder.

    Raises `ValidationError` for an argument that cannot be right, `LayoutError` for a source that is
    malformed or unsafe, `ManifestError`, `PlatformNotFoundError`, `DigestMismatchError` for a layer that
    isn't what its digest says, `EmptyBlobError` and `UnsupportedDigestError` for what ECR cannot store,
    `ImmutableTagError`, and what the operations raise.
    """
    check_services(service=service)
    check_kinds(str, repository=repository)
    check_kinds(str | None, reference=reference)
    check_registry_ids(registry_id=registry_id)
    check_kinds(bool, include_referrers=include_referrers, resume=resume)
    check_functions(progress=progress)
    check_number("max_unpacked", max_unpacked, least=0, whole=True)
    check_number("concurrency", concurrency, least=1, whole=True)
    path = check_path("source", source)
    platforms = check_platforms(platforms)
    tags = check_tags(tags)
    paced = patient(service, PATIENCE, CallCounts())
    notes = UploadNotes(state_folder() if resume else None)
    buffers = PartBuffers(concurrency)
    destination = RepositoryDestination(paced, repository, notes, registry_id, buffers=buffers)
    async with open_source(path, max_unpacked=max_unpacked) as opened:
        contents = await read_contents(
            opened,
            await opened.find(reference),
            platforms=platforms,
            include_referrers=include_referrers,
        )
        moved = await move(
            contents, opened, destination, tags=tags, concurrency=concurrency, progress=progress
        )
    return PushedImage(**attrs.asdict(moved, recurse=False), repository=repository)
