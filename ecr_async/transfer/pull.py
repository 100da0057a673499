"""Pull: an image from a repository into a layout."""

import os
from collections.abc import Sequence

import attrs

from ecr_async._arguments import check_functions, check_kinds, check_number, check_path
from ecr_async._bulk.patient_retries import CallCounts, patient
from ecr_async.errors import ValidationError
from ecr_async.service import Service, check_services
from ecr_async.transfer.arguments import check_names, check_platforms, check_reference, check_registry_ids
from ecr_async.transfer.contents import read_contents
from ecr_async.transfer.layouts.layout_archive import LayoutArchiveWriter
from ecr_async.transfer.layouts.layout_writer import LayoutWriter
from ecr_async.transfer.moving import PATIENCE, move
from ecr_async.transfer.progress import Progress
from ecr_async.transfer.repositories.repository_source import RepositorySource
from ecr_async.transfer.results import PulledImage

__all__ = ["pull_image"]


async def pull_image(
    service: Service,
    repository: str,
    reference: str,
    destination: str | os.PathLike[str],
    *,
    tags: Sequence[str] | None = None,
    platforms: Sequence[str] | None = None,
    include_referrers: bool = False,
    registry_id: str | None = None,
    progress: Progress | None = None,
    concurrency: int = 4,
) -> PulledImage:
    """Pull an image into an OCI image layout: a folder, or a tar archive if the name ends in `.tar`.

        await ecr.pull_image(service, "team/app", "v1", "layout/")

    skopeo, umoci, podman and others read it. A layout that is there is added to; what it has is not fetched
    again, and a download that was interrupted is continued. Every digest is verified before a file gets its
    name, and so are those of the files that are there: one that was damaged is fetched again.

    Args:
        service: Where the repository is.
        repository: The repository's name.
        reference: A tag, or a digest.
        destination: The layout's folder or archive; made if it isn't there.
        tags: The names that the layout lists the image under; by default the tag that was given.
        platforms: Of an image for several platforms, those to pull. One of them is pulled as it is, several
            in an index of their own; None pulls all. An image for one platform must be for one of these.
        include_referrers: Whether signatures, SBOMs and other artifacts about the image are pulled too.
        registry_id: The AWS account of the registry; the caller's by default.
        progress: Gets how far each layer has come.
        concurrency: Layers that are fetched at a time.

    Raises `ValidationError` for an argument that cannot be right, `ImageNotFoundException`,
    `DigestMismatchError` for content that isn't what its digest says, `LayoutError` for a destination that
    is something else, `PlatformNotFoundError`, what the operations raise, and `OSError`.
    """
    check_services(service=service)
    check_kinds(str, repository=repository)
    check_registry_ids(registry_id=registry_id)
    check_kinds(bool, include_referrers=include_referrers)
    check_functions(progress=progress)
    check_number("concurrency", concurrency, least=1, whole=True)
    reference = check_reference(reference)
    platforms = check_platforms(platforms)
    tags = None if tags is None else check_names(tags)
    path = check_path("destination", destination)
    if path.name.endswith((".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst")):
        raise ValidationError("destination", "must be a folder or end in .tar; archives are not compressed")
    source = RepositorySource(patient(service, PATIENCE, CallCounts()), repository, registry_id)
    contents = await read_contents(
        source, await source.find(reference), platforms=platforms, include_referrers=include_referrers
    )
    writer = LayoutArchiveWriter(path) if path.suffix == ".tar" else LayoutWriter(path)
    await writer.prepare()
    if tags is None:
        tags = () if ":" in reference else (reference,)
    moved = await move(contents, source, writer, tags=tags, concurrency=concurrency, progress=progress)
    await writer.finish()
    return PulledImage(**attrs.asdict(moved, recurse=False), path=path)
