"""Images put into a repository: layers by the layer operations, manifests by PutImage."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from contextlib import nullcontext

import attrs

from ecr_async.api.common import ImageIdentifier, ImageNotFoundException
from ecr_async.api.images import DescribeImagesRequest, describe_images
from ecr_async.api.layers import BatchCheckLayerAvailabilityRequest, batch_check_layer_availability
from ecr_async.api.manifests import (
    ImageAlreadyExistsException,
    ImageTagAlreadyExistsException,
    PutImageRequest,
    put_image,
)
from ecr_async.errors import ServiceError
from ecr_async.oci.manifests import Descriptor, Manifest
from ecr_async.service import Service
from ecr_async.transfer.blobs import Blob
from ecr_async.transfer.errors import EmptyBlobError, ImmutableTagError, check_sha256
from ecr_async.transfer.repositories.mounting import Mounting
from ecr_async.transfer.repositories.part_buffers import PartBuffers
from ecr_async.transfer.repositories.repository_source import RepositorySource
from ecr_async.transfer.repositories.upload_notes import UploadNotes
from ecr_async.transfer.repositories.uploads import Upload
from ecr_async.transfer.single_flight import SingleFlight

__all__ = ["RepositoryDestination"]

BATCH = 100
"""Digests that one BatchCheckLayerAvailability takes."""


@attrs.define
class RepositoryDestination:
    """A destination in ECR. `notes` remember unfinished uploads; `mounting` takes what another has.

    At most as many blobs as `slots` admits are on their way at a time, over all images, and as many parts of
    blobs are in memory as there are `buffers`. A blob that several images share is moved once.
    """

    service: Service
    repository: str
    notes: UploadNotes
    registry_id: str | None = None
    mounting: Mounting | None = None
    buffers: PartBuffers = attrs.field(factory=lambda: PartBuffers(1))
    slots: asyncio.Semaphore | None = None
    _moves: dict[str, SingleFlight[int]] = attrs.field(factory=dict[str, SingleFlight[int]], init=False)
    _moved: set[str] = attrs.field(factory=set[str], init=False)

    @property
    def source(self) -> RepositorySource:
        """The same repository to read from."""
        return RepositorySource(self.service, self.repository, self.registry_id)

    async def missing(self, blobs: Sequence[Descriptor]) -> Collection[str]:
        """Return the digests of the blobs that the repository doesn't have.

        Raises `UnsupportedDigestError` and `EmptyBlobError` for blobs that ECR cannot store.
        """
        check_sha256(blob.digest for blob in blobs)
        for blob in blobs:
            if not blob.size:
                raise EmptyBlobError(blob.digest)
        present: set[str | None] = set()
        digests = [blob.digest for blob in blobs]
        for start in range(0, len(digests), BATCH):
            request = BatchCheckLayerAvailabilityRequest(
                self.repository, digests[start : start + BATCH], self.registry_id
            )
            response = await batch_check_layer_availability(self.service, request)
            for failure in response.failures:
                raise ServiceError(failure.failure_reason or "", code=failure.failure_code)
            present |= {
                each.layer_digest for each in response.layers if each.layer_availability == "AVAILABLE"
            }
        return set(digests) - present

    async def store(self, blob: Blob, on_progress: Callable[[int], object]) -> int:
        """Mount or upload a blob and return how many bytes were sent."""
        digest = blob.descriptor.digest
        if digest in self._moved:
            return 0
        move = self._moves.setdefault(digest, SingleFlight())
        is_shared = move.is_running
        sent = await move.run(lambda: self._store(blob, on_progress))
        self._moved.add(digest)
        return 0 if is_shared else sent

    async def _store(self, blob: Blob, on_progress: Callable[[int], object]) -> int:
        async with self.slots or nullcontext():
            if self.mounting is not None and await self.mounting.mount(blob.descriptor.digest):
                on_progress(blob.descriptor.size)
                return 0
            return await self._upload(blob, on_progress).run()

    def _upload(self, blob: Blob, on_progress: Callable[[int], object]) -> Upload:
        return Upload(
            self.service, self.repository, self.registry_id, blob, self.notes, on_progress, self.buffers
        )

    async def put(self, manifest: Manifest, tags: Sequence[str], *, is_listed: bool) -> None:
        """Put a manifest under its digest and these tags; what is so already is left as it is.

        Raises `ImmutableTagError` for a tag that points elsewhere and must not be moved.
        """
        for tag in tags or (None,):
            request = PutImageRequest(
                self.repository,
                manifest.content.decode(),
                image_manifest_media_type=manifest.media_type,
                image_tag=tag,
                image_digest=manifest.digest,
                registry_id=self.registry_id,
            )
            try:
                await put_image(self.service, request)
            except ImageAlreadyExistsException:
                pass
            except ImageTagAlreadyExistsException as error:
                present = await self.tags_of(manifest.digest)
                if tag not in (present or ()):
                    raise ImmutableTagError(self.repository, tag or "", manifest.digest) from error

    async def tags_of(self, digest: str) -> Collection[str] | None:
        """Return the tags of an image, None if the repository doesn't have it. Doesn't count as a pull."""
        request = DescribeImagesRequest(
            self.repository, self.registry_id, image_ids=[ImageIdentifier(digest)]
        )
        try:
            response = await describe_images(self.service, request)
        except ImageNotFoundException:
            return None
        return response.image_details[0].image_tags
