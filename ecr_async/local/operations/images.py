"""Images: list and describe them, and hand out their manifests."""

from typing import Any

from ecr_async.api.common import ImageIdentifier
from ecr_async.api.images import (
    DescribeImagesFilter,
    DescribeImagesRequest,
    DescribeImagesResponse,
    ListImagesFilter,
    ListImagesRequest,
    ListImagesResponse,
)
from ecr_async.api.manifests import BatchGetImageRequest, BatchGetImageResponse, Image, ImageFailure
from ecr_async.local.backend import Backend
from ecr_async.local.rules import messages
from ecr_async.local.rules.images import (
    ImageRecord,
    NoImageError,
    detail,
    details,
    find,
    record_pull,
    the_image,
)
from ecr_async.local.rules.registry import Registry, RepositoryRecord, Scope

__all__: list[str] = []

TAG_STATUSES = {"TAGGED": "AND tagged = 1", "UNTAGGED": "AND tagged = 0"}


def describe_images(registry: Registry, request: DescribeImagesRequest) -> DescribeImagesResponse:
    """Describe the images named, or all that the filter lets pass, in the order of their pushes."""
    record = registry.repository(request.repository_name, request.registry_id)
    if request.image_ids:
        named = {(image := the_image(registry, record, image_id)).id: image for image_id in request.image_ids}
        return DescribeImagesResponse(tuple(detail(record, image) for image in named.values()))
    condition, status = _filter(request.filter)

    def fetch(after: Any, limit: int) -> list[ImageRecord]:
        return details(registry, record, f"AND id > ? {condition}", (after or 0, *status), limit)

    images, next_token = registry.page(request, fetch, lambda image: image.id)
    return DescribeImagesResponse(tuple(detail(record, image) for image in images), next_token)


def list_images(registry: Registry, request: ListImagesRequest) -> ListImagesResponse:
    """List the tags with their digests, and the digests that have none."""
    record = registry.repository(request.repository_name, request.registry_id)
    condition, status = _filter(request.filter)

    def fetch(after: Any, limit: int) -> list[tuple[int, str, str | None]]:
        image_id, tag = after or (0, "")
        return registry.db.execute(
            "SELECT images.id, digest, tag FROM images LEFT JOIN tags ON image_id = images.id "  # noqa: S608
            "WHERE images.repository_id = ? AND images.id >= ? AND (images.id > ? OR tag > ?) "
            f"{condition} ORDER BY images.id, tag LIMIT ?",
            (record.id, image_id, image_id, tag, *status, limit),
        ).fetchall()

    rows, next_token = registry.page(request, fetch, lambda row: (row[0], row[2] or ""))
    return ListImagesResponse(tuple(ImageIdentifier(digest, tag) for _, digest, tag in rows), next_token)


async def batch_get_image(
    backend: Backend, scope: Scope, request: BatchGetImageRequest
) -> BatchGetImageResponse:
    """Hand out manifests, which counts as a pull of the images."""
    await backend.prepare_pull(scope, request.repository_name, request.registry_id, request.image_ids)
    return await backend.read(scope, lambda registry: _pull(registry, request))


def _pull(registry: Registry, request: BatchGetImageRequest) -> BatchGetImageResponse:
    record = registry.repository(request.repository_name, request.registry_id)
    images: list[Image] = []
    failures: list[ImageFailure] = []
    for image_id in dict.fromkeys(request.image_ids):
        try:
            images.append(_pulled(registry, record, image_id, request.accepted_media_types))
        except NoImageError as error:
            failures.append(error.failure(image_id))
    return BatchGetImageResponse(tuple(images), tuple(failures))


def _pulled(registry: Registry, record: RepositoryRecord, image_id: ImageIdentifier, accepted: Any) -> Image:
    image = find(registry, record, image_id)
    if accepted and image.media_type not in accepted:
        raise NoImageError("ImageNotFound", messages.of_another_media_type(image.media_type))
    if image.status != "ACTIVE":
        raise NoImageError("ImageInaccessible", messages.not_active(image.status))
    (manifest,) = registry.db.execute("SELECT manifest FROM images WHERE id = ?", (image.id,)).fetchone()
    record_pull(registry, record, image)
    identifier = ImageIdentifier(image.digest, image_id.image_tag)
    return Image(record.account, record.name, identifier, manifest, image.media_type)


def _filter(given: DescribeImagesFilter | ListImagesFilter | None) -> tuple[str, tuple[str, ...]]:
    """Return the condition that a filter makes, and its arguments."""
    status = (given and given.image_status) or "ACTIVE"
    condition = TAG_STATUSES.get((given and given.tag_status) or "ANY", "")
    return (condition, ()) if status == "ANY" else (f"{condition} AND status = ?", (status,))
