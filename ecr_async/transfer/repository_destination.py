"""Images put into a repository: layers by the layer operations, manifests by PutImage."""

from collections.abc import Callable, Collection, Sequence

import attrs

from ecr_async._bulk.batches import check_layers
from ecr_async.api.common import ImageIdentifier, ImageNotFoundException
from ecr_async.api.images import (
    DescribeImagesRequest,
    ImageAlreadyExistsException,
    ImageTagAlreadyExistsException,
    PutImageRequest,
    describe_images,
    put_image,
)
from ecr_async.errors import ServiceError
from ecr_async.oci.manifests import Descriptor, Manifest
from ecr_async.service import Service
from ecr_async.transfer.blobs import Blob
from ecr_async.transfer.errors import ImmutableTagError
from ecr_async.transfer.mounting import Mounting
from ecr_async.transfer.repository_source import RepositorySource
from ecr_async.transfer.upload_notes import UploadNotes
from ecr_async.transfer.uploads import Upload

__all__ = ["RepositoryDestination"]


@attrs.frozen
class RepositoryDestination:
    """A destination in ECR. `notes` remember unfinished uploads; `mounting` takes what another has."""

    service: Service
    repository: str
    notes: UploadNotes
    mounting: Mounting | None = None

    @property
    def source(self) -> RepositorySource:
        """The same repository to read from."""
        return RepositorySource(self.service, self.repository)

    async def missing(self, blobs: Sequence[Descriptor]) -> Collection[str]:
        """Return the digests of the blobs that the repository doesn't have."""
        result = await check_layers(self.service, self.repository, [blob.digest for blob in blobs])
        for failure in result.failures:
            raise failure.error or ServiceError(failure.reason, code=failure.code)
        present = {each.layer_digest for each in result.done if each.layer_availability == "AVAILABLE"}
        return {blob.digest for blob in blobs} - present

    async def store(self, blob: Blob, on_progress: Callable[[int], object]) -> int:
        """Mount or upload a blob and return how many bytes were sent."""
        if self.mounting is not None and await self.mounting.mount(blob.descriptor.digest):
            on_progress(blob.descriptor.size)
            return 0
        return await Upload(self.service, self.repository, blob, self.notes, on_progress).run()

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
        request = DescribeImagesRequest(self.repository, image_ids=[ImageIdentifier(digest)])
        try:
            response = await describe_images(self.service, request)
        except ImageNotFoundException:
            return None
        return response.image_details[0].image_tags
