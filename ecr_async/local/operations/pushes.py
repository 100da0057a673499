"""Pushing an image: its manifest, once all that it refers to is there."""

from ecr_async.api.common import ImageIdentifier, LayersNotFoundException, LimitExceededException
from ecr_async.api.images import (
    PUT_IMAGE,
    Image,
    ImageAlreadyExistsException,
    ImageDigestDoesNotMatchException,
    ImageTagAlreadyExistsException,
    PutImageRequest,
    PutImageResponse,
    ReferencedImagesNotFoundException,
)
from ecr_async.local.images import TAG
from ecr_async.local.manifests import Manifest, ManifestError
from ecr_async.local.operations.scanning import scan_on_push
from ecr_async.local.operations.table import handles
from ecr_async.local.registry import Registry, RepositoryRecord
from ecr_async.local.wire import invalid

__all__ = ["put_image"]

MOST_TAGS = 1000
"""Tags that an image may have; https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html"""


@handles(PUT_IMAGE)
def put_image(registry: Registry, request: PutImageRequest) -> PutImageResponse:
    """Store a manifest if it is new, and point the tag at it. Everything is checked before."""
    record = registry.repository(request.repository_name, request.registry_id)
    tag = request.image_tag
    if tag is not None and not TAG.fullmatch(tag):
        raise invalid("imageTag", f"must satisfy regular expression '{TAG.pattern}'")
    try:
        manifest = Manifest.parse(request.image_manifest, request.image_manifest_media_type)
    except ManifestError as error:
        raise invalid("imageManifest", str(error)) from None
    if request.image_digest not in (None, manifest.digest):
        raise ImageDigestDoesNotMatchException(
            f"The digest of the image manifest is '{manifest.digest}', not '{request.image_digest}'"
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
    elif (_scalar(registry, "SELECT count(*) FROM tags WHERE image_id = ?", known) or 0) >= MOST_TAGS:
        raise LimitExceededException(f"An image can have at most {MOST_TAGS:,} tags")
    if tag:
        registry.db.execute("INSERT OR REPLACE INTO tags VALUES (?, ?, ?)", (record.id, tag, known))
    identifier = ImageIdentifier(manifest.digest, tag)
    return PutImageResponse(
        Image(record.account, record.name, identifier, manifest.text, manifest.media_type)
    )


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
    for table, digests in (("image_layers", manifest.layers), ("image_members", manifest.members)):
        rows = [(inserted, record.id, digest) for digest in digests]
        db.executemany(f"INSERT INTO {table} VALUES (?, ?, ?)", rows)  # noqa: S608
    scan_on_push(registry, record, inserted, manifest.media_type)
    return inserted


def _missing(registry: Registry, record: RepositoryRecord, table: str, digests: tuple[str, ...]) -> list[str]:
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
