"""Pushing an image by the API."""

from ecr_async.api.common import ImageIdentifier
from ecr_async.api.manifests import Image, PutImageRequest, PutImageResponse
from ecr_async.local.operations.provisioning import repository_to_push
from ecr_async.local.operations.replication import push_and_replicate
from ecr_async.local.rules.registry import Registry

__all__ = ["put_image"]


def put_image(registry: Registry, request: PutImageRequest) -> PutImageResponse:
    """Store a manifest if it is new, and point the tag at it."""
    record = repository_to_push(registry, request.repository_name, request.registry_id)
    pushed = push_and_replicate(
        registry,
        record,
        request.image_manifest,
        request.image_manifest_media_type,
        tag=request.image_tag,
        digest=request.image_digest,
    )
    identifier = ImageIdentifier(pushed.digest, request.image_tag)
    return PutImageResponse(Image(record.account, record.name, identifier, pushed.text, pushed.media_type))
