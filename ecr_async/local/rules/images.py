"""Images as the store holds them, and how requests name them."""

import re
from collections.abc import Sequence
from typing import Any

import attrs
import msgspec

from ecr_async.api.common import ImageIdentifier
from ecr_async.api.images import ImageDetail
from ecr_async.api.manifests import ImageFailure
from ecr_async.local.rules import events, messages
from ecr_async.local.rules.account import pulls_count
from ecr_async.local.rules.registry import Registry, RepositoryRecord, moment
from ecr_async.local.state.digests import DIGEST

__all__ = [
    "NAMED_BADLY",
    "TAG",
    "ImageRecord",
    "NoImageError",
    "archive_image",
    "delete",
    "delete_image",
    "detail",
    "details",
    "find",
    "record_pull",
    "the_image",
]

TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,299}")

NAMED_BADLY = frozenset({"MissingDigestAndTag", "InvalidImageDigest", "InvalidImageTag"})
"""Failure codes of identifiers that could not name any image."""


def _micros(column: str) -> str:
    return f"CAST(round({column} * 1000000) AS INTEGER)"


ROW = (
    "json_array(id, digest, (SELECT group_concat(tag, ' ') FROM tags WHERE image_id = images.id), media_type, "  # noqa: S608
    f"artifact_media_type, artifact_type, subject_digest, size, {_micros('pushed_at')}, {_micros('pulled_at')}, "
    f"status, {_micros('archived_at')}, {_micros('activated_at')})"
)
"""An image as JSON, times in microseconds.

Many rows are read as one text: between two rows, sqlite3 lets go of the interpreter lock and takes it
back, for which a busy event loop makes it wait each time.
"""


def _tags(joined: str | None) -> tuple[str, ...]:
    return tuple(joined.split(" ")) if joined else ()


def _seconds(microseconds: int) -> float:
    return microseconds / 1_000_000


@attrs.frozen
class ImageRecord:
    """An image as the store holds it, without its manifest."""

    id: int
    digest: str
    tags: tuple[str, ...] = attrs.field(converter=_tags)
    media_type: str
    artifact_media_type: str | None
    artifact_type: str | None
    subject_digest: str | None
    size: int
    pushed_at: float = attrs.field(converter=_seconds)
    pulled_at: float | None = attrs.field(converter=attrs.converters.optional(_seconds))
    status: str
    archived_at: float | None = attrs.field(converter=attrs.converters.optional(_seconds))
    activated_at: float | None = attrs.field(converter=attrs.converters.optional(_seconds))


class NoImageError(Exception):
    """An identifier that names no image; the codes are those of the API's batch operations."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason

    def failure(self, image_id: ImageIdentifier) -> ImageFailure:
        """Return it as a batch operation reports it."""
        return ImageFailure(image_id, self.code, self.reason)


def details(
    registry: Registry,
    record: RepositoryRecord,
    condition: str = "",
    arguments: Sequence[Any] = (),
    limit: int = -1,
) -> list[ImageRecord]:
    """Return the images of a repository, those that were pushed first first."""
    ((rows,),) = registry.db.execute(
        "SELECT '[' || ifnull(group_concat(image, ','), '') || ']' FROM (SELECT "  # noqa: S608
        f"{ROW} AS image FROM images WHERE repository_id = ? {condition} ORDER BY id LIMIT ?)",
        (record.id, *arguments, limit),
    ).fetchall()
    return [ImageRecord(*row) for row in msgspec.json.decode(rows)]


def find(registry: Registry, record: RepositoryRecord, image_id: ImageIdentifier) -> ImageRecord:
    """Return the image that an identifier names; raises `NoImageError`."""
    digest, tag = image_id.image_digest, image_id.image_tag
    if digest is None and tag is None:
        raise NoImageError("MissingDigestAndTag", messages.NEITHER_TAG_NOR_DIGEST)
    if digest is not None and not DIGEST.fullmatch(digest):
        raise NoImageError("InvalidImageDigest", messages.MALFORMED_DIGEST)
    if tag is not None and not TAG.fullmatch(tag):
        raise NoImageError("InvalidImageTag", messages.MALFORMED_TAG)
    if tag is None:
        found = details(registry, record, "AND digest = ?", (digest,))
    else:
        condition = "AND id = (SELECT image_id FROM tags WHERE repository_id = ? AND tag = ?)"
        found = details(registry, record, condition, (record.id, tag))
    if not found:
        raise NoImageError("ImageNotFound", messages.NO_SUCH_IMAGE)
    if digest not in (None, found[0].digest):
        raise NoImageError("ImageTagDoesNotMatchDigest", messages.TAG_OF_ANOTHER_DIGEST)
    return found[0]


def the_image(registry: Registry, record: RepositoryRecord, image_id: ImageIdentifier) -> ImageRecord:
    """Return the image that a request is about; raises the errors of operations on a single image."""
    try:
        return find(registry, record, image_id)
    except NoImageError as error:
        if error.code in NAMED_BADLY:
            raise messages.invalid("imageId", error.reason) from None
        raise messages.image_not_found(image_id, record) from None


def record_pull(registry: Registry, record: RepositoryRecord, image: ImageRecord) -> None:
    """Note that an image has been pulled, by whichever door, unless the puller is excluded from that."""
    if pulls_count(registry.of_owner(record), registry.principal):
        registry.transaction.afterwards(
            lambda transaction: transaction.db.execute(
                "UPDATE images SET pulled_at = ? WHERE id = ?", (registry.now, image.id)
            )
        )


def delete_image(registry: Registry, image: ImageRecord) -> None:
    """Delete an image with its tags. Its layers stay for a while, in case that they are needed again."""
    registry.db.execute(
        "UPDATE layers SET needed_at = ? WHERE repository_id = (SELECT repository_id FROM images WHERE id = ?) "
        "AND digest IN (SELECT digest FROM image_layers WHERE image_id = ?)",
        (registry.now, image.id, image.id),
    )
    registry.db.execute("DELETE FROM images WHERE id = ?", (image.id,))


def archive_image(registry: Registry, record: RepositoryRecord, image: ImageRecord) -> None:
    """Move an image to the archive, where it can be described and not pulled."""
    registry.db.execute(
        "UPDATE images SET status = 'ARCHIVED', archived_at = ? WHERE id = ?", (registry.now, image.id)
    )
    is_referrer = image.subject_digest is not None
    events.storage_class_changed(registry, record, image, "ARCHIVE", is_referrer=is_referrer)


def delete(registry: Registry, record: RepositoryRecord, image_id: ImageIdentifier) -> list[ImageIdentifier]:
    """Delete a tag, or an image with all its tags, by whichever door; return what went.

    An image named by its only tag goes with it. Raises `NoImageError`.
    """
    image = find(registry, record, image_id)
    if image_id.image_tag is not None and image.tags != (image_id.image_tag,):
        registry.db.execute(
            "DELETE FROM tags WHERE repository_id = ? AND tag = ?", (record.id, image_id.image_tag)
        )
        events.image_deleted(registry, record, image, image_id.image_tag)
        return [ImageIdentifier(image.digest, image_id.image_tag)]
    _check_unreferenced(registry, record, image)
    delete_image(registry, image)
    tags = image.tags or (None,)
    for tag in tags:
        events.image_deleted(registry, record, image, tag)
    return [ImageIdentifier(image.digest, tag) for tag in tags]


def _check_unreferenced(registry: Registry, record: RepositoryRecord, image: ImageRecord) -> None:
    indexes = registry.db.execute(
        "SELECT images.digest FROM image_members AS members JOIN images ON images.id = members.image_id "
        "WHERE members.repository_id = ? AND members.digest = ?",
        (record.id, image.digest),
    ).fetchall()
    if indexes:
        raise NoImageError(
            "ImageReferencedByManifestList", messages.in_manifest_lists(digest for (digest,) in indexes)
        )


def detail(record: RepositoryRecord, image: ImageRecord) -> ImageDetail:
    """Return an image as the API describes it."""
    return ImageDetail(
        registry_id=record.account,
        repository_name=record.name,
        image_digest=image.digest,
        image_tags=image.tags,
        image_size_in_bytes=image.size,
        image_pushed_at=moment(image.pushed_at),
        image_manifest_media_type=image.media_type,
        artifact_media_type=image.artifact_media_type,
        last_recorded_pull_time=None if image.pulled_at is None else moment(image.pulled_at),
        subject_manifest_digest=image.subject_digest,
        image_status=image.status,
        last_archived_at=None if image.archived_at is None else moment(image.archived_at),
        last_activated_at=None if image.activated_at is None else moment(image.activated_at),
    )
