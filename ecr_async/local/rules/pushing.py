"""Pushing an image, by whichever door: its manifest, once all that it refers to is there."""

from collections.abc import Collection

from ecr_async.local.rules import events, messages, quotas
from ecr_async.local.rules.images import TAG
from ecr_async.local.rules.manifests import Manifest, ManifestError
from ecr_async.local.rules.registry import Registry, RepositoryRecord
from ecr_async.local.rules.scans import scan_on_push
from ecr_async.local.state.digests import algorithm_of

__all__ = ["push"]


def push(
    registry: Registry,
    record: RepositoryRecord,
    text: str,
    media_type: str | None,
    *,
    tag: str | None = None,
    digest: str | None = None,
) -> Manifest:
    """Store a manifest if it is new, and point the tag at it. Everything is checked before.

    `media_type` is what the manifest was sent as, `digest` what the client says that it has. Raises the
    errors of `PutImage`; with `ImageAlreadyExistsException` everything is already as requested.
    """
    if tag is not None and not TAG.fullmatch(tag):
        raise messages.malformed_tag()
    try:
        manifest = Manifest.parse(text, media_type, (digest and algorithm_of(digest)) or "sha256")
    except ManifestError as error:
        raise messages.bad_manifest(str(error)) from None
    if digest is not None and digest != manifest.digest:
        raise messages.digest_does_not_match(digest, record)
    known = _scalar(
        registry, "SELECT id FROM images WHERE repository_id = ? AND digest = ?", record.id, manifest.digest
    )
    tagged = tag and _scalar(
        registry, "SELECT image_id FROM tags WHERE repository_id = ? AND tag = ?", record.id, tag
    )
    if known and (tag is None or tagged == known):
        raise messages.image_exists(manifest.digest, tag, record)
    if tag and tagged and record.is_immutable(tag):
        raise messages.tag_is_immutable(tag, record)
    if not known:
        known = _store(registry, record, manifest)
    elif (
        tag
        and (_scalar(registry, "SELECT count(*) FROM tags WHERE image_id = ?", known) or 0) >= quotas.MAX_TAGS
    ):
        raise messages.too_many_tags(tag, record, quotas.MAX_TAGS)
    if tag:
        registry.db.execute(
            "INSERT INTO tags VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET image_id = excluded.image_id",
            (record.id, tag, known),
        )
    events.image_pushed(registry, record, manifest, tag)
    return manifest


def _store(registry: Registry, record: RepositoryRecord, manifest: Manifest) -> int:
    """Store a new image and return the store's number of it."""
    if registry.rules.verify_layers:
        missing = _missing(registry, record, "layers", manifest.layers)
        if missing:
            raise messages.layers_missing(missing, record)
    missing = _missing(registry, record, "images", manifest.members)
    if missing:
        raise messages.images_missing(missing, record)
    present = _scalar(registry, "SELECT images FROM image_counts WHERE repository_id = ?", record.id)
    if present is not None and present >= quotas.MAX_IMAGES:
        raise messages.too_many_images(record, quotas.MAX_IMAGES)
    db = registry.db
    inserted = db.execute(
        "INSERT INTO images (repository_id, digest, media_type, artifact_media_type, artifact_type, subject_digest, "
        "size, pushed_at, manifest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            record.id,
            manifest.digest,
            manifest.media_type,
            manifest.artifact_media_type,
            manifest.artifact_type,
            manifest.subject,
            manifest.size or _largest(registry, record, manifest),
            registry.now,
            manifest.text,
        ),
    ).lastrowid
    assert inserted is not None
    db.executemany(
        "INSERT INTO image_layers VALUES (?, ?, ?, ?)",
        [(inserted, record.id, *layer) for layer in manifest.layers.items()],
    )
    db.executemany(
        "INSERT INTO image_members VALUES (?, ?, ?)",
        [(inserted, record.id, digest) for digest in manifest.members],
    )
    scan_on_push(registry, record, inserted, manifest.media_type)
    return inserted


def _missing(registry: Registry, record: RepositoryRecord, table: str, digests: Collection[str]) -> list[str]:
    query = f"SELECT 1 FROM {table} WHERE repository_id = ? AND digest = ?"  # noqa: S608
    return [digest for digest in digests if not _scalar(registry, query, record.id, digest)]


def _largest(registry: Registry, record: RepositoryRecord, manifest: Manifest) -> int:
    """Return the size of the largest image in an index."""
    query = "SELECT size FROM images WHERE repository_id = ? AND digest = ?"
    return max((_scalar(registry, query, record.id, digest) or 0 for digest in manifest.members), default=0)


def _scalar(registry: Registry, query: str, *arguments: int | str) -> int | None:
    row = registry.db.execute(query, arguments).fetchone()
    return None if row is None else int(row[0])
