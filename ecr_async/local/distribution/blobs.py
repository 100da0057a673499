"""Layers and configurations: whether a repository has them, and their bytes.

https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-blobs
"""

from pathlib import Path

from aiohttp import web

from ecr_async.api.layers import BATCH_CHECK_LAYER_AVAILABILITY, GET_DOWNLOAD_URL_FOR_LAYER
from ecr_async.local.distribution import rejections
from ecr_async.local.distribution.errors import API_VERSION
from ecr_async.local.distribution.exchange import Exchange
from ecr_async.local.http.layer_response import LayerResponse
from ecr_async.local.rules.layers import find_layer
from ecr_async.local.rules.registry import Registry

__all__ = ["delete_blob", "get_blob", "head_blob"]

OCTET_STREAM = "application/octet-stream"


async def get_blob(exchange: Exchange) -> web.StreamResponse:
    """Send a blob, or the requested range of it.

    Unlike GetDownloadUrlForLayer, this needs no image that the blob belongs to: a client may look at
    what it has just pushed.
    """
    digest = exchange.request.match_info["digest"]

    def work(registry: Registry) -> Path | None:
        record = registry.repository(exchange.repository, exchange.key.account)
        layer = find_layer(registry, record, digest)
        return None if layer is None else registry.blobs.find(layer.digest)

    path = await exchange.read(GET_DOWNLOAD_URL_FOR_LAYER, work)
    if path is None:
        raise rejections.blob_unknown(digest)
    headers = {**API_VERSION, "Content-Type": OCTET_STREAM, "Docker-Content-Digest": digest}
    return LayerResponse(path, headers=headers)


async def head_blob(exchange: Exchange) -> web.Response:
    """Report whether a repository has a blob. Other repositories' blobs are not its own."""
    digest = exchange.request.match_info["digest"]

    def work(registry: Registry) -> int | None:
        record = registry.repository(exchange.repository, exchange.key.account)
        layer = find_layer(registry, record, digest)
        return None if layer is None else layer.size

    size = await exchange.read(BATCH_CHECK_LAYER_AVAILABILITY, work)
    if size is None:
        raise rejections.blob_unknown(digest)
    return web.Response(
        headers={
            **API_VERSION,
            "Accept-Ranges": "bytes",
            "Content-Length": str(size),
            "Content-Type": OCTET_STREAM,
            "Docker-Content-Digest": digest,
        }
    )


async def delete_blob(exchange: Exchange) -> web.Response:
    """Reject what ECR doesn't do either: it frees layers by itself when no image needs them."""
    raise rejections.blobs_stay()
