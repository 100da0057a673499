"""Deleting images, and tags of images."""

from ecr_async.api.common import ImageIdentifier
from ecr_async.api.images import (
    BATCH_DELETE_IMAGE,
    BatchDeleteImageRequest,
    BatchDeleteImageResponse,
    ImageFailure,
)
from ecr_async.local.images import ImageRecord, NoImageError, delete_image, find
from ecr_async.local.operations.table import handles
from ecr_async.local.registry import Registry, RepositoryRecord

__all__: list[str] = []


@handles(BATCH_DELETE_IMAGE)
def batch_delete_image(registry: Registry, request: BatchDeleteImageRequest) -> BatchDeleteImageResponse:
    """Delete one after the other, in the order of the request."""
    record = registry.repository(request.repository_name, request.registry_id)
    deleted: list[ImageIdentifier] = []
    failures: list[ImageFailure] = []
    for image_id in request.image_ids:
        try:
            deleted += _delete(registry, record, image_id)
        except NoImageError as error:
            failures.append(error.failure(image_id))
    return BatchDeleteImageResponse(tuple(deleted), tuple(failures))


def _delete(registry: Registry, record: RepositoryRecord, image_id: ImageIdentifier) -> list[ImageIdentifier]:
    """Delete a tag, or an image with all its tags; return what went."""
    image = find(registry, record, image_id)
    if image_id.image_tag is not None and image.tags != (image_id.image_tag,):
        registry.db.execute(
            "DELETE FROM tags WHERE repository_id = ? AND tag = ?", (record.id, image_id.image_tag)
        )
        return [ImageIdentifier(image.digest, image_id.image_tag)]
    _check_unreferenced(registry, record, image)
    delete_image(registry, image)
    return [ImageIdentifier(image.digest, tag) for tag in image.tags or (None,)]


def _check_unreferenced(registry: Registry, record: RepositoryRecord, image: ImageRecord) -> None:
    indexes = registry.db.execute(
        "SELECT images.digest FROM image_members AS members JOIN images ON images.id = members.image_id "
        "WHERE members.repository_id = ? AND members.digest = ?",
        (record.id, image.digest),
    ).fetchall()
    if indexes:
        named = ", ".join(digest for (digest,) in indexes)
        raise NoImageError(
            "ImageReferencedByManifestList", f"Requested image referenced by manifest list: [{named}]"
        )
