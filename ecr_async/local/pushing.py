"""Pushing an image, by whichever door: its manifest, once all that it refers to is there."""

from collections.abc import Collection

from ecr_async.api.common import LayersNotFoundException, LimitExceededException
from ecr_async.api.images import (
    ImageAlreadyExistsException,
    ImageDigestDoesNotMatchException,
    ImageTagAlreadyExistsException,
    ReferencedImagesNotFoundException,
)
from ecr_async.local import events, quotas
from ecr_async.local.digests import algorithm_of
from ecr_async.local.images import TAG
from ecr_async.local.manifests import Manifest, ManifestError
from ecr_async.local.registry import Registry, RepositoryRecord
from ecr_async.local.scans import scan_on_push
from ecr_async.local.wire import invalid

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
    errors of `PutImage`; with `ImageAlreadyExistsException` everything is as was asked for already.
    """
    if tag is not None and not TAG.fullmatch(tag):
        raise invalid("imageTag", f"must satisfy regular expression '{TAG.pattern}'")
    try:
        manifest = Manifest.parse(text, media_type, (digest and algorithm_of(digest)) or "sha256")
    except ManifestError as error:
        raise invalid("imageManifest", str(error)) from None
    if digest not in (None, manifest.digest):
        raise ImageDigestDoesNotMatchException(
            f"The digest of the image manifest is '{manifest.digest}', not '{digest}'"
        )
    known = _scalar(
        registry, "SELECT id FROM images WHERE repository_id = ? AND digest = ?", record.id, manifest.digest
    )
    tagged = tag and _scalar(
        registry, "SELECT image_id FROM tags WHERE repository_id = ? AND tag = ?", record.id, tag
    )
    if known and (tag is None or tagged == known):
        raise ImageAlreadyExistsException(
            f"Image with digest '{manifest.digest}' and tag '{tag}' already exists in the repository "
            f"with name '{record.name}' in registry with id '{record.account}'"
        )
    if tag and tagged and record.is_immutable(tag):
        raise ImageTagAlreadyExistsException(
            f"The image tag '{tag}' already exists in the '{record.name}' repository "
            "and cannot be overwritten because the tag is immutable."
        )
    if not known:
        known = _store(registry, record, manifest)
    elif (_scalar(registry, "SELECT count(*) FROM tags WHERE image_id = ?", known) or 0) >= quotas.MOST_TAGS:
        raise LimitExceededException(f"An image can have at most {quotas.MOST_TAGS:,} tags")
    if tag:
        registry.db.execute("INSERT OR REPLACE INTO tags VALUES (?, ?, ?)", (record.id, tag, known))
    events.image_pushed(registry, record, manifest, tag)
    return manifest


def _store(registry: Registry, record: RepositoryRecord, manifest: Manifest) -> int:
    """Store a new image and return the store's number of it."""
    if registry.rules.verify_layers:
        missing = _missing(registry, record, "layers", manifest.layers)
        if missing:
            raise LayersNotFoundException(_required(record, "Layers", missing))
    missing = _missing(registry, record, "images", manifest.members)
    if missing:
        raise ReferencedImagesNotFoundException(_required(record, "Images", missing))
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
    question = f"SELECT 1 FROM {table} WHERE repository_id = ? AND digest = ?"  # noqa: S608
    return [digest for digest in digests if not _scalar(registry, question, record.id, digest)]


def _largest(registry: Registry, record: RepositoryRecord, manifest: Manifest) -> int:
    """Return the size of the largest image in an index."""
    question = "SELECT size FROM images WHERE repository_id = ? AND digest = ?"
    return max(
        (_scalar(registry, question, record.id, digest) or 0 for digest in manifest.members), default=0
    )


def _scalar(registry: Registry, question: str, *arguments: int | str) -> int | None:
    row = registry.db.execute(question, arguments).fetchone()
    return None if row is None else int(row[0])


def _required(record: RepositoryRecord, what: str, digests: list[str]) -> str:
    return (
        f"{what} with digests '[{', '.join(digests)}]' required for pushing image into repository "
        f"with name '{record.name}' in the registry with id '{record.account}' do not exist"
    )
