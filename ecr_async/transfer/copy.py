"""Copy: an image from one repository into another, in any two regions and accounts."""

from collections.abc import Sequence

import attrs

from ecr_async._arguments import check_functions, check_kinds, check_number
from ecr_async._bulk.patient_retries import CallCounts, patient
from ecr_async.api.images import DescribeImagesRequest, describe_images
from ecr_async.service import Service, check_services
from ecr_async.transfer.arguments import check_platforms, check_reference, check_registry_ids, check_tags
from ecr_async.transfer.contents import Contents, read_contents
from ecr_async.transfer.moving import PATIENCE, move
from ecr_async.transfer.progress import Progress
from ecr_async.transfer.repositories.mounting import Mounting
from ecr_async.transfer.repositories.part_buffers import PartBuffers
from ecr_async.transfer.repositories.repository_destination import RepositoryDestination
from ecr_async.transfer.repositories.repository_source import RepositorySource, identifier
from ecr_async.transfer.repositories.upload_notes import UploadNotes, state_folder
from ecr_async.transfer.results import CopiedImage

__all__ = ["Copying", "copy_image"]


async def copy_image(
    source_service: Service,
    source_repository: str,
    reference: str,
    service: Service,
    repository: str,
    *,
    tags: Sequence[str] | None = None,
    platforms: Sequence[str] | None = None,
    include_referrers: bool = False,
    source_registry_id: str | None = None,
    registry_id: str | None = None,
    progress: Progress | None = None,
    concurrency: int = 4,
    resume: bool = True,
) -> CopiedImage:
    """Copy an image between repositories, even across regions and accounts, without touching the disk.

        await ecr.copy_image(staging, "team/app", "v1", production, "team/app")

    What is at the destination already is not read again; within one repository, and where the image is there
    already, a copy is a new tag and moves no byte. Between repositories of one registry layers are mounted
    where the registry allows it. Everything else is streamed, part by part.

    Args:
        source_service: Where the image is.
        source_repository: The repository it is in.
        reference: A tag, or a digest.
        service: Where the image goes.
        repository: The repository it goes into. It must be there.
        tags: Tags that the copy gets; by default the tag that was given.
        platforms: Of an image for several platforms, those to copy. One of them is copied as it is, several
            in an index of their own; None copies all. An image for one platform must be for one of these.
        include_referrers: Whether signatures, SBOMs and other artifacts about the image are copied too.
        source_registry_id: The AWS account of the source's registry; by default that of its credentials.
        registry_id: The AWS account of the destination's registry; by default that of its credentials.
        progress: Gets how far each layer has come.
        concurrency: Layers that are copied at a time. Each needs memory for one and a half parts of 10 or
            20 MiB.
        resume: Whether the IDs of unfinished uploads are kept in `$XDG_STATE_HOME/ecr-async/uploads`, so that
            the next copy of a layer continues where this one was interrupted.

    Raises `ValidationError` for an argument that cannot be right, `ImageNotFoundException`,
    `DigestMismatchError`, `ImmutableTagError`, `PlatformNotFoundError`, `UnsupportedDigestError`,
    and what the operations raise.
    """
    check_services(source_service=source_service, service=service)
    check_kinds(str, source_repository=source_repository, repository=repository)
    check_registry_ids(source_registry_id=source_registry_id, registry_id=registry_id)
    check_kinds(bool, include_referrers=include_referrers, resume=resume)
    check_functions(progress=progress)
    check_number("concurrency", concurrency, least=1, whole=True)
    reference = check_reference(reference)
    platforms = check_platforms(platforms)
    tags = None if tags is None else check_tags(tags)
    counts = CallCounts()
    copying = Copying(
        source=RepositorySource(
            patient(source_service, PATIENCE, counts), source_repository, source_registry_id
        ),
        destination=RepositoryDestination(
            patient(service, PATIENCE, counts),
            repository,
            UploadNotes(state_folder() if resume else None),
            registry_id,
            buffers=PartBuffers(concurrency),
        ),
        platforms=platforms,
        include_referrers=include_referrers,
        concurrency=concurrency,
        progress=progress,
    )
    if tags is None:
        tags = () if ":" in reference else (reference,)
    return await copying.copy(reference, tags)


@attrs.define(kw_only=True)
class Copying:
    """How images are copied from one repository into another."""

    source: RepositorySource
    destination: RepositoryDestination
    platforms: Sequence[str] | None = None
    include_referrers: bool = False
    concurrency: int = 4
    progress: Progress | None = None
    _is_mounting: bool = False

    async def copy(self, reference: str, tags: Sequence[str]) -> CopiedImage:
        """Copy one image."""
        digest = await self._digest(reference)
        present = None if self.platforms else await self.destination.tags_of(digest)
        if present is None:
            return await self.copy_missing(digest, tags)
        return await self.add_missing(digest, tags, [tag for tag in tags if tag not in present])

    async def copy_missing(self, digest: str, tags: Sequence[str]) -> CopiedImage:
        """Copy an image that the destination doesn't have."""
        contents = await read_contents(
            self.source,
            await self.source.find(digest),
            platforms=self.platforms,
            include_referrers=self.include_referrers,
        )
        if not self._is_mounting:
            self._is_mounting = True
            await self._try_mounting()
        return await self._move(contents, tags, tags)

    async def add_missing(self, digest: str, tags: Sequence[str], missing_tags: Sequence[str]) -> CopiedImage:
        """Add tags and artifacts to an image that the destination has, without reading it from the source."""
        image = await self.destination.source.find(digest)
        contents = Contents(image, (image,), is_present=True)
        if self.include_referrers:
            contents = await read_contents(self.source, image, include_referrers=True)
            contents = attrs.evolve(contents, is_present=True)
        return await self._move(contents, tags, missing_tags)

    async def _move(
        self, contents: Contents, tags: Sequence[str], missing_tags: Sequence[str]
    ) -> CopiedImage:
        moved = await move(
            contents,
            self.source,
            self.destination,
            tags=missing_tags,
            concurrency=self.concurrency,
            progress=self.progress,
        )
        moved = attrs.evolve(moved, tags=tuple(tags))
        return CopiedImage(**attrs.asdict(moved, recurse=False), repository=self.destination.repository)

    async def _try_mounting(self) -> None:
        if self.source.registry_id is None and self.destination.registry_id is None:
            self.destination.mounting = await Mounting.between(
                self.source.service,
                self.source.repository,
                self.destination.service,
                self.destination.repository,
            )

    async def _digest(self, reference: str) -> str:
        """Return the digest of an image, which doesn't count as a pull."""
        request = DescribeImagesRequest(
            self.source.repository, self.source.registry_id, image_ids=[identifier(reference)]
        )
        response = await describe_images(self.source.service, request)
        return response.image_details[0].image_digest or ""
