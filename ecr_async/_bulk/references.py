"""What manifest lists refer to, which `describe_images` does not return and lifecycle policies depend on."""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping

from ecr_async._arguments import check_kinds
from ecr_async._bulk.batches import BatchFailure, get_images
from ecr_async.api.common import ImageIdentifier
from ecr_async.errors import ECRError, ResponseError, ServiceError
from ecr_async.lifecycle.results import Image, check_images
from ecr_async.oci.manifests import Manifest, ManifestError
from ecr_async.oci.media_types import INDEX_MEDIA_TYPES
from ecr_async.service import Service

__all__ = ["collect_references"]

GONE = "ImageNotFound"
"""The failure code of an image that was deleted in the meantime."""


async def collect_references(
    service: Service,
    repository: str,
    images: Iterable[Image],
    *,
    known: MutableMapping[str, tuple[str, ...]] | None = None,
    concurrency: int = 8,
) -> dict[str, tuple[str, ...]]:
    """Return the digests that each manifest list among `images` refers to, by the list's own digest.

        images = [image async for image in ecr.paginate_describe_images(service, request)]
        references = await ecr.collect_references(service, "team/app", images, known=cache)
        outcome = evaluate(policy, images, now=datetime.now(UTC), references=references)

    Only manifest lists are read, 100 in a call and `concurrency` calls at a time. ECR counts reading a
    manifest as a pull of it, so keep what was read: a digest never means anything else. What `known` holds is
    not read, and what is read is added to it; any mapping will do, such as one that is saved between runs.
    For the same reason, describe the images first: their pull times are then those from before.

    A list that was deleted in the meantime refers to nothing. Raises the error of the first call that fails,
    `ServiceError` for a list that ECR doesn't return, and `ResponseError` for a manifest that cannot be read.

    See https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchGetImage.html
    """
    check_kinds(MutableMapping | None, known=known)
    images = check_images(images)
    known = {} if known is None else known
    lists = [
        image.image_digest
        for image in images
        if image.image_digest is not None and image.image_manifest_media_type in INDEX_MEDIA_TYPES
    ]
    unread = [ImageIdentifier(image_digest=digest) for digest in lists if digest not in known]
    result = await get_images(
        service,
        repository,
        unread,
        accepted_media_types=sorted(INDEX_MEDIA_TYPES),
        concurrency=concurrency,
    )
    for image in result.done:
        if image.image_id is not None and image.image_id.image_digest is not None and image.image_manifest:
            known[image.image_id.image_digest] = _members(image.image_manifest)
    gone = {failure.id.image_digest for failure in result.failures if failure.code == GONE}
    for failure in result.failures:
        if failure.code != GONE:
            raise _error_of(failure)
    return {digest: () if digest in gone else known[digest] for digest in lists}


def _members(manifest: str) -> tuple[str, ...]:
    try:
        return tuple(member.digest for member in Manifest.parse(manifest.encode()).manifests)
    except ManifestError as error:
        raise ResponseError(f"a manifest list cannot be read: {error}", operation="BatchGetImage") from None


def _error_of(failure: BatchFailure[ImageIdentifier]) -> ECRError:
    if failure.error is not None:
        return failure.error
    text = f"{failure.id.image_digest}: {failure.reason}"
    return ServiceError(text, code=failure.code, operation="BatchGetImage")
