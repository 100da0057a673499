"""Layers: uploads of parts, availability, download URLs."""

from urllib.parse import urlencode

from ecr_async.api.layers import (
    BatchCheckLayerAvailabilityRequest,
    BatchCheckLayerAvailabilityResponse,
    CompleteLayerUploadRequest,
    CompleteLayerUploadResponse,
    GetDownloadUrlForLayerRequest,
    GetDownloadUrlForLayerResponse,
    InitiateLayerUploadRequest,
    InitiateLayerUploadResponse,
    Layer,
    LayerFailure,
    UploadLayerPartRequest,
    UploadLayerPartResponse,
)
from ecr_async.local.backend import Backend
from ecr_async.local.operations.provisioning import repository_to_push
from ecr_async.local.rules import messages, quotas
from ecr_async.local.rules.layers import UploadRecord, begin_upload, find_layer, the_layer
from ecr_async.local.rules.registry import Registry, Scope
from ecr_async.local.state.digests import DIGEST

__all__ = ["DOWNLOAD_PATH", "DOWNLOAD_PURPOSE", "check_part", "part_response"]

DOWNLOAD_SECONDS = 3600
DOWNLOAD_PATH = "/_local/layers/"
DOWNLOAD_PURPOSE = "download"


def initiate_layer_upload(
    registry: Registry, request: InitiateLayerUploadRequest
) -> InitiateLayerUploadResponse:
    """Open an upload."""
    record = repository_to_push(registry, request.repository_name, request.registry_id)
    return InitiateLayerUploadResponse(begin_upload(registry, record).id, quotas.PART_SIZE)


async def upload_layer_part(
    backend: Backend, scope: Scope, request: UploadLayerPartRequest
) -> UploadLayerPartResponse:
    """Take the part that follows what is there."""
    blob, account = request.layer_part_blob, request.registry_id or scope.caller.account
    async with backend.uploads.append(
        scope, request.repository_name, request.upload_id, registry_id=request.registry_id, is_part=True
    ) as writer:
        check_part(request, writer.upload.received, len(blob), account)
        await writer.write([blob])
        return part_response(request, await writer.commit(), account)


def check_part(request: UploadLayerPartRequest, received: int, size: int, account: str) -> None:
    """Check that a part of `size` bytes is as long as it says, and follows those that have been received."""
    first, last = request.part_first_byte, request.part_last_byte
    if size > quotas.MAX_PART_BYTES:
        raise messages.part_too_large(quotas.MAX_PART_BYTES)
    if first != received or last - first + 1 != size or not size:
        raise messages.part_out_of_order(request.upload_id, received, request.repository_name, account)


def part_response(
    request: UploadLayerPartRequest, upload: UploadRecord, account: str
) -> UploadLayerPartResponse:
    """Return the response to a part that has been taken in."""
    return UploadLayerPartResponse(account, request.repository_name, upload.id, upload.received - 1)


async def complete_layer_upload(
    backend: Backend, scope: Scope, request: CompleteLayerUploadRequest
) -> CompleteLayerUploadResponse:
    """Make an upload a layer of the repository, if its bytes have the digest that was announced."""
    layer = await backend.uploads.complete(
        scope,
        request.repository_name,
        request.upload_id,
        request.layer_digests,
        registry_id=request.registry_id,
    )
    account = request.registry_id or scope.caller.account
    return CompleteLayerUploadResponse(account, request.repository_name, request.upload_id, layer.digest)


def batch_check_layer_availability(
    registry: Registry, request: BatchCheckLayerAvailabilityRequest
) -> BatchCheckLayerAvailabilityResponse:
    """Report which layers the repository has. Other repositories' layers are not its own."""
    record = registry.repository(request.repository_name, request.registry_id)
    layers: list[Layer] = []
    failures: list[LayerFailure] = []
    for digest in dict.fromkeys(request.layer_digests):
        if not digest:
            failures.append(LayerFailure(digest, "MissingLayerDigest", messages.MISSING_LAYER_DIGEST))
        elif not DIGEST.fullmatch(digest):
            failures.append(LayerFailure(digest, "InvalidLayerDigest", messages.INVALID_LAYER_DIGEST))
        elif (layer := find_layer(registry, record, digest)) is None:
            layers.append(Layer(digest, "UNAVAILABLE"))
        else:
            layers.append(Layer(digest, "AVAILABLE", layer.size, layer.media_type))
    return BatchCheckLayerAvailabilityResponse(tuple(layers), tuple(failures))


def get_download_url_for_layer(
    registry: Registry, request: GetDownloadUrlForLayerRequest
) -> GetDownloadUrlForLayerResponse:
    """Return a URL that serves a layer for an hour, without a login."""
    record = registry.repository(request.repository_name, request.registry_id)
    digest = the_layer(registry, record, request.layer_digest).digest
    ticket = registry.sealer.seal(DOWNLOAD_PURPOSE, [digest, registry.now + DOWNLOAD_SECONDS])
    query = urlencode({"expires": DOWNLOAD_SECONDS, "ticket": ticket})
    return GetDownloadUrlForLayerResponse(f"{registry.url}{DOWNLOAD_PATH}{digest}?{query}", digest)
