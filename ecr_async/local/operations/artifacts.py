"""What becomes of images after the push: artifacts that refer to them, and the archive."""

from typing import Any

from ecr_async.api.common import ImageIdentifier
from ecr_async.api.referrers import ImageReferrer, ListImageReferrersRequest, ListImageReferrersResponse
from ecr_async.api.storage_classes import UpdateImageStorageClassRequest, UpdateImageStorageClassResponse
from ecr_async.local.rules import events, registry_messages
from ecr_async.local.rules.images import ImageRecord, details, the_image
from ecr_async.local.rules.manifests import annotations
from ecr_async.local.rules.registry import Registry
from ecr_async.local.state.digests import DIGEST

__all__: list[str] = []

REFERRERS_PAGE = 20


def list_image_referrers(
    registry: Registry, request: ListImageReferrersRequest
) -> ListImageReferrersResponse:
    """List the artifacts whose manifests name an image as their subject."""
    record = registry.repository(request.repository_name, request.registry_id)
    subject, selection = request.subject_id.image_digest, request.filter
    if not DIGEST.fullmatch(subject):
        raise registry_messages.malformed_subject(DIGEST.pattern)
    condition, arguments = "", [subject]
    status = (selection and selection.artifact_status) or "ACTIVE"
    if status != "ANY":
        condition += " AND status = ?"
        arguments.append(status)
    if selection and selection.artifact_types:
        places = ", ".join("?" * len(selection.artifact_types))
        condition += f" AND coalesce(artifact_type, artifact_media_type) IN ({places})"
        arguments += selection.artifact_types

    def fetch(after: Any, limit: int) -> list[ImageRecord]:
        wanted = f"AND subject_digest = ? {condition} AND id > ?"
        return details(registry, record, wanted, (*arguments, after or 0), limit)

    found, next_token = registry.page(request, fetch, lambda image: image.id, REFERRERS_PAGE)
    return ListImageReferrersResponse(tuple(_referrer(registry, image) for image in found), next_token)


def update_image_storage_class(
    registry: Registry, request: UpdateImageStorageClassRequest
) -> UpdateImageStorageClassResponse:
    """Archive an image, or restore it, which takes no time here."""
    record = registry.repository(request.repository_name, request.registry_id)
    image = the_image(registry, record, request.image_id)
    archive = request.target_storage_class == "ARCHIVE"
    status, since = ("ARCHIVED", "archived_at") if archive else ("ACTIVE", "activated_at")
    if image.status != status:
        registry.db.execute(
            f"UPDATE images SET status = ?, {since} = ? WHERE id = ?",  # noqa: S608
            (status, registry.now, image.id),
        )
        events.storage_class_changed(
            registry,
            record,
            image,
            "ARCHIVE" if archive else "STANDARD",
            is_referrer=image.subject_digest is not None,
        )
    identifier = ImageIdentifier(image.digest, request.image_id.image_tag)
    return UpdateImageStorageClassResponse(record.account, record.name, identifier, status)


def _referrer(registry: Registry, image: ImageRecord) -> ImageReferrer:
    (text,) = registry.db.execute("SELECT manifest FROM images WHERE id = ?", (image.id,)).fetchone()
    return ImageReferrer(
        digest=image.digest,
        media_type=image.media_type,
        size=len(text.encode()),
        artifact_type=image.artifact_type or image.artifact_media_type,
        annotations=annotations(text),
        artifact_status=image.status,
    )
