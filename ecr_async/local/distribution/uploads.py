"""Blobs on their way in: at once or in chunks, or mounted from another repository.

https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-blobs
"""

from contextlib import suppress

import attrs
from aiohttp import web

from ecr_async.api.common import RepositoryNotFoundException
from ecr_async.api.layers import (
    COMPLETE_LAYER_UPLOAD,
    GET_DOWNLOAD_URL_FOR_LAYER,
    INITIATE_LAYER_UPLOAD,
    UPLOAD_LAYER_PART,
    LayerAlreadyExistsException,
)
from ecr_async.local.distribution import rejections
from ecr_async.local.distribution.errors import API_VERSION
from ecr_async.local.distribution.exchange import Exchange
from ecr_async.local.distribution.spans import Span
from ecr_async.local.http.bodies import Body, pass_on
from ecr_async.local.operations.provisioning import repository_to_push
from ecr_async.local.rules.layers import UploadRecord, begin_upload, cancel_upload, find_upload, mount_layer
from ecr_async.local.rules.registry import Registry
from ecr_async.local.state.digests import algorithm_of

__all__ = ["append_chunk", "begin", "cancel", "complete", "status"]


async def begin(exchange: Exchange) -> web.Response:
    """Open an upload, mount a blob of another repository, or take in a whole blob."""
    query = exchange.request.query
    if "mount" in query and await _mount(exchange, query["mount"], query.get("from")):
        return _created(exchange, query["mount"])
    digest = query.get("digest")
    if digest is not None:
        _check(digest)

    def work(registry: Registry) -> UploadRecord:
        record = repository_to_push(registry, exchange.repository, exchange.key.account)
        return begin_upload(registry, record)

    upload = await exchange.write(INITIATE_LAYER_UPLOAD, work)
    if digest is None:
        return _accepted(exchange, upload)
    try:
        await _append(exchange, upload.id)
        return await _complete(exchange, upload.id, digest)
    except BaseException:
        await _cancel(exchange, upload.id)  # whose identifier the client never received
        raise


async def append_chunk(exchange: Exchange) -> web.Response:
    """Take in a chunk that follows what is there, or a stream of any length."""
    return _accepted(exchange, await _append(exchange, exchange.request.match_info["upload_id"]))


async def complete(exchange: Exchange) -> web.Response:
    """Take in the last chunk, if there is one, and make the upload a blob of the repository."""
    upload_id, digest = exchange.request.match_info["upload_id"], exchange.request.query.get("digest", "")
    _check(digest)
    if exchange.request.body_exists:
        await _append(exchange, upload_id)
    return await _complete(exchange, upload_id, digest)


async def status(exchange: Exchange) -> web.Response:
    """Report how much of an upload has come in."""
    upload_id = exchange.request.match_info["upload_id"]

    def work(registry: Registry) -> UploadRecord:
        record = registry.repository(exchange.repository, exchange.key.account)
        return find_upload(registry, record, upload_id)

    return _accepted(exchange, await exchange.read(UPLOAD_LAYER_PART, work), 204)


async def cancel(exchange: Exchange) -> web.Response:
    """Give up an upload."""
    await _cancel(exchange, exchange.request.match_info["upload_id"])
    return web.Response(status=204, headers=API_VERSION)


# ---------------------------------------------------------------------------- steps


async def _mount(exchange: Exchange, digest: str, source_name: str | None) -> bool:
    """Make another repository's blob one of this repository too, if the caller may read it there.

    Where this does nothing, the client uploads the blob instead.
    """
    if source_name is None:
        return False
    key, source_name = exchange.addresses.locate(exchange.request.host, source_name)
    if key != exchange.key:
        return False

    def work(registry: Registry) -> bool:
        record = repository_to_push(registry, exchange.repository, exchange.key.account)
        reading = attrs.evolve(registry, scope=exchange.scope(GET_DOWNLOAD_URL_FOR_LAYER))
        try:
            source = reading.repository(source_name, exchange.key.account)
        except RepositoryNotFoundException:
            return False
        return mount_layer(registry, record, source, digest) is not None

    return await exchange.write(INITIATE_LAYER_UPLOAD, work)


async def _append(exchange: Exchange, upload_id: str) -> UploadRecord:
    """Append the body of the request to an upload."""
    request = exchange.request
    span = Span.of(request)
    async with exchange.backend.uploads.append(
        exchange.scope(UPLOAD_LAYER_PART), exchange.repository, upload_id, registry_id=exchange.key.account
    ) as writer:
        if span is not None and span.first != writer.upload.received:
            raise rejections.chunk_out_of_order(
                span.first, writer.upload.received, _progress(exchange, writer.upload)
            )
        try:
            await pass_on(Body(request).pieces(), writer.write)
        except (ConnectionError, web.HTTPRequestTimeout):
            await writer.commit()  # what came before the client stopped, which may go on from there
            raise
        if span is not None and writer.written != span.size:
            raise rejections.chunk_of_another_size(writer.written, span.size)
        return await writer.commit()


async def _complete(exchange: Exchange, upload_id: str, digest: str) -> web.Response:
    with suppress(LayerAlreadyExistsException):  # another client was faster, which is not an error here
        await exchange.backend.uploads.complete(
            exchange.scope(COMPLETE_LAYER_UPLOAD),
            exchange.repository,
            upload_id,
            [digest],
            registry_id=exchange.key.account,
            may_be_empty=True,
        )
    return _created(exchange, digest)


async def _cancel(exchange: Exchange, upload_id: str) -> None:
    def work(registry: Registry) -> None:
        record = registry.repository(exchange.repository, exchange.key.account)
        cancel_upload(registry, record, upload_id)

    await exchange.write(UPLOAD_LAYER_PART, work)


# ---------------------------------------------------------------------------- what is said of them


def _check(digest: str) -> None:
    if algorithm_of(digest) is None:
        raise rejections.unknown_algorithm(digest)


def _progress(exchange: Exchange, upload: UploadRecord) -> dict[str, str]:
    return {
        "Docker-Upload-UUID": upload.id,
        "Location": f"{exchange.path}/blobs/uploads/{upload.id}",
        "Range": f"0-{max(upload.received - 1, 0)}",
    }


def _accepted(exchange: Exchange, upload: UploadRecord, status: int = 202) -> web.Response:
    return web.Response(status=status, headers={**API_VERSION, **_progress(exchange, upload)})


def _created(exchange: Exchange, digest: str) -> web.Response:
    headers = {
        **API_VERSION,
        "Docker-Content-Digest": digest,
        "Location": f"{exchange.path}/blobs/{digest}",
    }
    return web.Response(status=201, headers=headers)
