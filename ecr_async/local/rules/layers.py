"""The rules for layers and their uploads, for whichever door they come by.

Everything here works in a transaction. The bytes of uploads go another way, off the writing thread:
see `ecr_async.local.rules.uploads`.
"""

import uuid
from collections.abc import Sequence
from functools import partial

import attrs

from ecr_async.local.rules import messages, quotas
from ecr_async.local.rules.account import may_mount
from ecr_async.local.rules.registry import Registry, RepositoryRecord
from ecr_async.oci.media_types import DOCKER_LAYER_GZIP

__all__ = [
    "LayerRecord",
    "UploadRecord",
    "begin_upload",
    "cancel_upload",
    "complete_upload",
    "find_layer",
    "find_upload",
    "mount_layer",
    "record_bytes",
    "the_layer",
]

NO_MEDIA_TYPE = DOCKER_LAYER_GZIP
"""What a layer is said to be as long as no manifest says otherwise."""


@attrs.frozen
class LayerRecord:
    """A layer of a repository as the store holds it."""

    digest: str
    size: int
    media_type: str


@attrs.frozen
class UploadRecord:
    """An upload as the store holds it."""

    id: str
    received: int
    """Bytes, from the first on, without a gap."""
    parts: int
    small_part: bool = attrs.field(converter=bool)
    """Whether a part that is not the last one is too small."""


def begin_upload(registry: Registry, record: RepositoryRecord) -> UploadRecord:
    """Open an upload."""
    upload_id = str(uuid.uuid4())
    registry.db.execute(
        "INSERT INTO uploads (id, repository_id, touched_at) VALUES (?, ?, ?)",
        (upload_id, record.id, registry.now),
    )
    return UploadRecord(upload_id, 0, 0, False)


def find_upload(registry: Registry, record: RepositoryRecord, upload_id: str) -> UploadRecord:
    """Return an upload of a repository; raises `UploadNotFoundException`."""
    row = registry.db.execute(
        "SELECT id, received, parts, small_part FROM uploads WHERE id = ? AND repository_id = ?",
        (upload_id, record.id),
    ).fetchone()
    if row is None:
        raise messages.upload_not_found(upload_id, record)
    return UploadRecord(*row)


def record_bytes(
    registry: Registry, record: RepositoryRecord, upload: UploadRecord, size: int, *, is_part: bool
) -> UploadRecord:
    """Count `size` more bytes of an upload, which are in its file already.

    `is_part` says that they are a part in the sense of the API, which limits the number and size of
    parts; the chunks of the registry protocol have no such limits.
    """
    if is_part and upload.parts >= quotas.MAX_PARTS:
        raise messages.too_many_parts(quotas.MAX_PARTS)
    row = registry.db.execute(
        "UPDATE uploads SET touched_at = ?, received = received + ?, parts = parts + ?, "
        "small_part = small_part OR ifnull(last_part < ?, 0), last_part = ? "
        "WHERE id = ? AND repository_id = ? AND received = ? RETURNING id, received, parts, small_part",
        (
            registry.now,
            size,
            is_part,
            quotas.MIN_PART_BYTES,
            size if is_part else None,
            upload.id,
            record.id,
            upload.received,
        ),
    ).fetchone()
    return UploadRecord(*row) if row else find_upload(registry, record, upload.id)


def cancel_upload(registry: Registry, record: RepositoryRecord, upload_id: str) -> None:
    """Give up an upload; raises `UploadNotFoundException`."""
    upload = find_upload(registry, record, upload_id)
    registry.db.execute("DELETE FROM uploads WHERE id = ?", (upload.id,))
    registry.transaction.after_commit(partial(registry.blobs.discard, upload.id))


def complete_upload(
    registry: Registry,
    record: RepositoryRecord,
    upload: UploadRecord,
    digest: str,
    announced: Sequence[str],
    *,
    may_be_empty: bool,
) -> LayerRecord:
    """Make an upload a layer of its repository.

    `digest` is that of the bytes received, `announced` what the client says that it is. Raises the
    errors of `CompleteLayerUpload`; after `LayerAlreadyExistsException` the upload is gone as well,
    and the layer is there. An upload without parts is an error of the API's alone: in the registry
    protocol a blob may be empty.
    """
    if not upload.received and not may_be_empty:
        raise messages.no_parts(upload.id, record)
    if upload.small_part:
        raise messages.part_too_small()
    if digest not in announced:
        raise messages.wrong_layer_digest()
    known = find_layer(registry, record, digest)
    if known is None:
        registry.blobs.keep(upload.id, digest)
    cancel_upload(registry, record, upload.id)
    if known is not None:
        raise messages.layer_exists(digest, record)
    return _add(registry, record, digest, upload.received)


def find_layer(registry: Registry, record: RepositoryRecord, digest: str) -> LayerRecord | None:
    """Return a layer of a repository, if it has it. Other repositories' layers are not its own.

    One whose file somebody has removed is none, so that it can be uploaded again.
    """
    row = registry.db.execute(
        "SELECT digest, size, (SELECT media_type FROM image_layers WHERE repository_id = layers.repository_id "
        "AND digest = layers.digest LIMIT 1) FROM layers WHERE repository_id = ? AND digest = ?",
        (record.id, digest),
    ).fetchone()
    if row is None or registry.blobs.find(row[0]) is None:
        return None
    return LayerRecord(row[0], row[1], row[2] or NO_MEDIA_TYPE)


def the_layer(registry: Registry, record: RepositoryRecord, digest: str) -> LayerRecord:
    """Return a layer that may be downloaded: one that belongs to an image.

    Raises `LayersNotFoundException` or `LayerInaccessibleException`.
    """
    layer = find_layer(registry, record, digest)
    if layer is None:
        raise messages.layer_not_found(digest, record)
    if not _is_used(registry, record, digest):
        raise messages.layer_inaccessible(digest)
    return layer


def mount_layer(
    registry: Registry, record: RepositoryRecord, source: RepositoryRecord, digest: str
) -> LayerRecord | None:
    """Make a layer of another repository one of this repository, too.

    Returns None if it cannot be, so that the client has to upload it: the other repository hasn't got
    the layer, or no image there has it, or is encrypted otherwise, or the account's setting doesn't let
    repositories share. https://github.com/aws/containers-roadmap/issues/2860
    """
    known = find_layer(registry, record, digest)
    if known is not None:
        return known
    same_key = (source.encryption, source.kms_key) == (record.encryption, record.kms_key)
    if not same_key or not may_mount(registry.of_owner(record)):
        return None
    layer = find_layer(registry, source, digest)
    if layer is None or not _is_used(registry, source, digest):
        return None
    return _add(registry, record, digest, layer.size)


def _is_used(registry: Registry, record: RepositoryRecord, digest: str) -> bool:
    """Return whether an image of a repository has a layer."""
    query = "SELECT 1 FROM image_layers WHERE repository_id = ? AND digest = ? LIMIT 1"
    return registry.db.execute(query, (record.id, digest)).fetchone() is not None


def _add(registry: Registry, record: RepositoryRecord, digest: str, size: int) -> LayerRecord:
    registry.db.execute(
        "INSERT OR REPLACE INTO layers VALUES (?, ?, ?, ?)", (record.id, digest, size, registry.now)
    )
    return LayerRecord(digest, size, NO_MEDIA_TYPE)
