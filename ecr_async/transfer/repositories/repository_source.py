"""Images read from a repository: manifests by BatchGetImage, layers from signed URLs."""

import re
from collections.abc import Sequence

import attrs

from ecr_async.api.common import ImageIdentifier, ImageNotFoundException
from ecr_async.api.manifests import BatchGetImageRequest, Image, ImageFailure, batch_get_image
from ecr_async.api.referrers import (
    ListImageReferrersRequest,
    SubjectIdentifier,
    paginate_list_image_referrers,
)
from ecr_async.errors import ServiceError
from ecr_async.oci.manifests import Descriptor, Manifest
from ecr_async.oci.media_types import MANIFEST_MEDIA_TYPES
from ecr_async.service import Service
from ecr_async.transfer.errors import DigestMismatchError
from ecr_async.transfer.repositories.downloads import RemoteBlob
from ecr_async.transfer.source import Artifact, cosign_tags

__all__ = ["RepositorySource", "identifier"]

_DIGEST = re.compile(r"[a-z0-9]+:.+")
BATCH = 100
"""Identifiers that one BatchGetImage takes."""


@attrs.frozen
class RepositorySource:
    """A source of the images in a repository."""

    service: Service
    repository: str
    registry_id: str | None = None

    async def find(self, reference: str) -> Manifest:
        """Return the image that has a tag or digest.

        Raises `ImageNotFoundException` if there is none; another failure that the response names is a
        `ServiceError` with its code.
        """
        (manifest,) = await self._get([identifier(reference)])
        return manifest

    async def manifests(self, descriptors: Sequence[Descriptor]) -> Sequence[Manifest]:
        """Return manifests, whose digests have been verified, in the same order. Raises what `find` does."""
        found: list[Manifest] = []
        for start in range(0, len(descriptors), BATCH):
            chunk = descriptors[start : start + BATCH]
            found += await self._get([ImageIdentifier(image_digest=each.digest) for each in chunk])
        return found

    def blob(self, descriptor: Descriptor) -> RemoteBlob:
        """Return a configuration or a layer."""
        return RemoteBlob(descriptor, self.service, self.repository, self.registry_id)

    async def referrers(self, manifest: Manifest) -> Sequence[Artifact]:
        """Return the artifacts whose subject an image is, and those that cosign tagged with its digest."""
        request = ListImageReferrersRequest(
            self.repository, SubjectIdentifier(manifest.digest), registry_id=self.registry_id
        )
        listed = [each async for each in paginate_list_image_referrers(self.service, request)]
        found = await self.manifests([Descriptor(each.media_type, each.digest, each.size) for each in listed])
        tags = [ImageIdentifier(image_tag=tag) for tag in cosign_tags(manifest.digest)]
        response = await batch_get_image(self.service, self._request(tags))
        tagged = [
            Artifact(_manifest(image), (image.image_id.image_tag,))
            for image in response.images
            if image.image_id is not None and image.image_id.image_tag is not None
        ]
        by_tag = {each.manifest.digest for each in tagged}
        return [*tagged, *(Artifact(each) for each in found if each.digest not in by_tag)]

    async def _get(self, ids: Sequence[ImageIdentifier]) -> list[Manifest]:
        """Return as many manifests as there are identifiers, in their order."""
        response = await batch_get_image(self.service, self._request(ids))
        found = [_manifest(image) for image in response.images]
        if len(ids) == 1 and found:
            wanted = ids[0].image_digest
            if wanted not in (None, found[0].digest):
                raise DigestMismatchError(wanted or "", found[0].digest)
            return found[:1]
        by_digest = {each.digest: each for each in found}
        missing = [each for each in ids if each.image_digest not in by_digest]
        if missing:
            raise self._error(response.failures, missing[0])
        return [by_digest[each.image_digest or ""] for each in ids]

    def _error(self, failures: Sequence[ImageFailure], missing: ImageIdentifier) -> ServiceError:
        """Return the error for an image that is not in the response, or for the first failure there."""
        failure = failures[0] if failures else ImageFailure()
        wanted = failure.image_id or missing
        name = f"@{wanted.image_digest}" if wanted.image_digest else f":{wanted.image_tag}"
        message = f"{self.repository}{name}: {failure.failure_reason or 'there is no such image'}"
        code = failure.failure_code or "ImageNotFound"
        if code == "ImageNotFound":
            return ImageNotFoundException(message, operation="BatchGetImage")
        return ServiceError(message, code=code, operation="BatchGetImage")

    def _request(self, ids: Sequence[ImageIdentifier]) -> BatchGetImageRequest:
        return BatchGetImageRequest(
            self.repository, ids, accepted_media_types=MANIFEST_MEDIA_TYPES, registry_id=self.registry_id
        )


def identifier(reference: str) -> ImageIdentifier:
    """Return the identifier of the image that has a tag or a digest."""
    is_digest = _DIGEST.fullmatch(reference) is not None
    return ImageIdentifier(image_digest=reference) if is_digest else ImageIdentifier(image_tag=reference)


def _manifest(image: Image) -> Manifest:
    manifest = Manifest.parse((image.image_manifest or "").encode(), image.image_manifest_media_type)
    announced = image.image_id.image_digest if image.image_id else None
    if announced not in (None, manifest.digest):
        raise DigestMismatchError(announced or "", manifest.digest)
    return manifest
