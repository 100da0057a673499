"""Deleting images, and tags of images."""

from ecr_async.api.common import ImageIdentifier
from ecr_async.api.manifests import BatchDeleteImageRequest, BatchDeleteImageResponse, ImageFailure
from ecr_async.local.rules.images import NoImageError, delete
from ecr_async.local.rules.registry import Registry

__all__: list[str] = []


def batch_delete_image(registry: Registry, request: BatchDeleteImageRequest) -> BatchDeleteImageResponse:
    """Delete one after the other, in the order of the request."""
    record = registry.repository(request.repository_name, request.registry_id)
    deleted: list[ImageIdentifier] = []
    failures: list[ImageFailure] = []
    for image_id in request.image_ids:
        try:
            deleted += delete(registry, record, image_id)
        except NoImageError as error:
            failures.append(error.failure(image_id))
    return BatchDeleteImageResponse(tuple(deleted), tuple(failures))
