"""Layers: uploads of parts, availability, download URLs.

The limits: https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html
"""

import re
import uuid
from urllib.parse import urlencode

import attrs

from ecr_async.api.common import LayersNotFoundException, LimitExceededException
from ecr_async.api.layers import (
    BATCH_CHECK_LAYER_AVAILABILITY,
    COMPLETE_LAYER_UPLOAD,
    GET_DOWNLOAD_URL_FOR_LAYER,
    INITIATE_LAYER_UPLOAD,
    UPLOAD_LAYER_PART,
    BatchCheckLayerAvailabilityRequest,
    BatchCheckLayerAvailabilityResponse,
    CompleteLayerUploadRequest,
    CompleteLayerUploadResponse,
    EmptyUploadException,
    GetDownloadUrlForLayerRequest,
    GetDownloadUrlForLayerResponse,
    InitiateLayerUploadRequest,
    InitiateLayerUploadResponse,
    InvalidLayerException,
    InvalidLayerPartException,
    Layer,
    LayerAlreadyExistsException,
    LayerFailure,
    LayerInaccessibleException,
    LayerPartTooSmallException,
    UploadLayerPartRequest,
    UploadLayerPartResponse,
    UploadNotFoundException,
)
from ecr_async.local.operations.table import handles
from ecr_async.local.registry import Registry, RepositoryRecord

__all__ = ["DOWNLOAD_PATH", "DOWNLOAD_PURPOSE"]

PART_SIZE = 20 * 1024 * 1024
"""Bytes that a part should have, and the most that it may."""
MOST_PARTS = 4200
"""Parts that a layer may have."""
SMALLEST_PART = 5 * 1024 * 1024
"""Bytes that every part but the last must have."""
DOWNLOAD_SECONDS = 3600
DOWNLOAD_PATH = "/_local/layers/"
DOWNLOAD_PURPOSE = "download"
MEDIA_TYPE = "application/vnd.docker.image.rootfs.diff.tar.gzip"
DIGEST = re.compile(r"[a-zA-Z0-9_+.-]+:[a-fA-F0-9]+")


@handles(INITIATE_LAYER_UPLOAD)
def initiate_layer_upload(
    registry: Registry, request: InitiateLayerUploadRequest
) -> InitiateLayerUploadResponse:
    """Open an upload."""
    record = registry.repository(request.repository_name, request.registry_id)
    upload_id = str(uuid.uuid4())
    registry.db.execute("INSERT INTO uploads (id, repository_id) VALUES (?, ?)", (upload_id, record.id))
    return InitiateLayerUploadResponse(upload_id, PART_SIZE)


@handles(UPLOAD_LAYER_PART)
def upload_layer_part(registry: Registry, request: UploadLayerPartRequest) -> UploadLayerPartResponse:
    """Take the part that follows what is there."""
    record = registry.repository(request.repository_name, request.registry_id)
    upload = _upload(registry, record, request.upload_id)
    received = upload.received
    first, last, blob = request.part_first_byte, request.part_last_byte, request.layer_part_blob
    if first != received or last - first + 1 != len(blob) or not blob:
        raise InvalidLayerPartException(
            f"The layer part has {len(blob):,} bytes from {first:,} to {last:,}, "
            f"but {received:,} bytes have been received in upload '{request.upload_id}'",
            details={
                "registryId": record.account,
                "repositoryName": record.name,
                "uploadId": request.upload_id,
                "lastValidByteReceived": received - 1,
            },
        )
    if upload.parts >= MOST_PARTS:
        raise LimitExceededException(f"A layer can have at most {MOST_PARTS:,} parts")
    registry.blobs.append(request.upload_id, received, blob)
    registry.db.execute(
        "UPDATE uploads SET parts = parts + 1, received = ?, small_part = small_part OR ifnull(last_part < ?, 0), last_part = ? "
        "WHERE id = ?",
        (last + 1, SMALLEST_PART, len(blob), request.upload_id),
    )
    return UploadLayerPartResponse(record.account, record.name, request.upload_id, last)


@handles(COMPLETE_LAYER_UPLOAD)
def complete_layer_upload(
    registry: Registry, request: CompleteLayerUploadRequest
) -> CompleteLayerUploadResponse:
    """Make an upload a layer of the repository, if its bytes have the digest that was announced."""
    record = registry.repository(request.repository_name, request.registry_id)
    upload_id = request.upload_id
    upload = _upload(registry, record, upload_id)
    if not upload.received:
        raise EmptyUploadException(f"The upload '{upload_id}' does not contain any layer parts")
    if upload.small_part:
        raise LayerPartTooSmallException(
            "Layer parts must be at least 5 MiB in size, except for the last one"
        )
    digest = registry.blobs.digest(upload_id, upload.received)
    if digest not in request.layer_digests:
        raise InvalidLayerException(
            f"Layer digests do not match: the layer's is '{digest}', "
            f"and '[{', '.join(request.layer_digests)}]' was announced"
        )
    registry.db.execute("DELETE FROM uploads WHERE id = ?", (upload_id,))
    if _size(registry, record, digest) is not None:
        registry.blobs.discard(upload_id)
        raise LayerAlreadyExistsException(
            f"Layer with digest '{digest}' already exists in the repository with name '{record.name}' "
            f"in the registry with id '{record.account}'"
        )
    registry.blobs.keep(upload_id, digest)
    registry.db.execute("INSERT INTO layers VALUES (?, ?, ?)", (record.id, digest, upload.received))
    return CompleteLayerUploadResponse(record.account, record.name, upload_id, digest)


@handles(BATCH_CHECK_LAYER_AVAILABILITY)
def batch_check_layer_availability(
    registry: Registry, request: BatchCheckLayerAvailabilityRequest
) -> BatchCheckLayerAvailabilityResponse:
    """Tell which layers the repository has. Other repositories' layers are not its own."""
    record = registry.repository(request.repository_name, request.registry_id)
    layers: list[Layer] = []
    failures: list[LayerFailure] = []
    for digest in dict.fromkeys(request.layer_digests):
        if not digest:
            failures.append(LayerFailure(digest, "MissingLayerDigest", "The layer digest is missing"))
        elif not DIGEST.fullmatch(digest):
            failures.append(
                LayerFailure(digest, "InvalidLayerDigest", f"The layer digest must match {DIGEST.pattern}")
            )
        elif (size := _size(registry, record, digest)) is None:
            layers.append(Layer(digest, "UNAVAILABLE"))
        else:
            layers.append(Layer(digest, "AVAILABLE", size, MEDIA_TYPE))
    return BatchCheckLayerAvailabilityResponse(tuple(layers), tuple(failures))


@handles(GET_DOWNLOAD_URL_FOR_LAYER)
def get_download_url_for_layer(
    registry: Registry, request: GetDownloadUrlForLayerRequest
) -> GetDownloadUrlForLayerResponse:
    """Return a URL that hands out a layer for an hour, to whoever has it."""
    record = registry.repository(request.repository_name, request.registry_id)
    digest = request.layer_digest
    if _size(registry, record, digest) is None:
        raise LayersNotFoundException(
            f"The layer with digest '{digest}' does not exist in the repository with name '{record.name}' "
            f"in the registry with id '{record.account}'"
        )
    used = registry.db.execute(
        "SELECT 1 FROM image_layers WHERE repository_id = ? AND digest = ? LIMIT 1", (record.id, digest)
    ).fetchone()
    if used is None:
        raise LayerInaccessibleException(
            f"The layer with digest '{digest}' is not available because it is not associated with an image"
        )
    ticket = registry.sealer.seal(DOWNLOAD_PURPOSE, [digest, registry.now + DOWNLOAD_SECONDS])
    query = urlencode({"expires": DOWNLOAD_SECONDS, "ticket": ticket})
    return GetDownloadUrlForLayerResponse(f"{registry.url}{DOWNLOAD_PATH}{digest}?{query}", digest)


@attrs.frozen
class _Upload:
    received: int
    """Bytes, in order."""
    parts: int
    small_part: int
    """Whether a part that is not the last one is too small."""


def _upload(registry: Registry, record: RepositoryRecord, upload_id: str) -> _Upload:
    row = registry.db.execute(
        "SELECT received, parts, small_part FROM uploads WHERE id = ? AND repository_id = ?",
        (upload_id, record.id),
    ).fetchone()
    if row is None:
        raise UploadNotFoundException(
            f"The upload with id '{upload_id}' does not exist in the repository with name '{record.name}' "
            f"in the registry with id '{record.account}'"
        )
    return _Upload(*row)


def _size(registry: Registry, record: RepositoryRecord, digest: str) -> int | None:
    row = registry.db.execute(
        "SELECT size FROM layers WHERE repository_id = ? AND digest = ?", (record.id, digest)
    ).fetchone()
    return None if row is None else int(row[0])
