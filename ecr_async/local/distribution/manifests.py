"""Manifests: pulled, pushed and deleted, by tag or digest."""

from contextlib import suppress

from aiohttp import web

from ecr_async.api.common import ImageIdentifier
from ecr_async.api.manifests import (
    BATCH_DELETE_IMAGE,
    BATCH_GET_IMAGE,
    PUT_IMAGE,
    BatchDeleteImageRequest,
    BatchGetImageRequest,
    ImageAlreadyExistsException,
    ImageFailure,
)
from ecr_async.local.distribution import rejections
from ecr_async.local.distribution.errors import API_VERSION
from ecr_async.local.distribution.exchange import Exchange
from ecr_async.local.http.bodies import Body
from ecr_async.local.operations.provisioning import repository_to_push
from ecr_async.local.operations.replication import push_and_replicate
from ecr_async.local.rules import messages
from ecr_async.local.rules.images import TAG, NoImageError, find
from ecr_async.local.rules.manifests import Manifest
from ecr_async.local.rules.registry import Registry
from ecr_async.local.state.digests import algorithm_of
from ecr_async.oci.manifests import MAX_MANIFEST_BYTES

__all__ = ["delete_manifest", "get_manifest", "head_manifest", "put_manifest"]


async def get_manifest(exchange: Exchange) -> web.Response:
    """Send a manifest, which counts as a pull of the image."""
    response = await exchange.perform(
        BATCH_GET_IMAGE,
        BatchGetImageRequest(exchange.repository, [_reference(exchange)], exchange.key.account),
    )
    for failure in response.failures:
        raise _failed(failure)
    [image] = response.images
    assert image.image_id is not None
    assert image.image_id.image_digest is not None
    return web.Response(
        body=(image.image_manifest or "").encode(),
        headers={
            **API_VERSION,
            "Content-Type": image.image_manifest_media_type or "application/json",
            "Docker-Content-Digest": image.image_id.image_digest,
        },
    )


async def head_manifest(exchange: Exchange) -> web.Response:
    """Describe a manifest, which doesn't count as a pull of the image."""
    named, account = _reference(exchange), exchange.key.account
    scope = exchange.scope(BATCH_GET_IMAGE)
    await exchange.backend.prepare_pull(scope, exchange.repository, account, [named])

    def work(registry: Registry) -> tuple[str, str, int]:
        record = registry.repository(exchange.repository, exchange.key.account)
        image = find(registry, record, named)
        if image.status != "ACTIVE":
            raise NoImageError("ImageInaccessible", messages.not_active(image.status))
        (size,) = registry.db.execute(
            "SELECT length(CAST(manifest AS BLOB)) FROM images WHERE id = ?", (image.id,)
        ).fetchone()
        return image.digest, image.media_type, size

    digest, media_type, size = await exchange.read(BATCH_GET_IMAGE, work)
    return web.Response(
        headers={
            **API_VERSION,
            "Content-Type": media_type,
            "Content-Length": str(size),
            "Docker-Content-Digest": digest,
        }
    )


async def put_manifest(exchange: Exchange) -> web.Response:
    """Take a manifest in, under a tag or under its digest and the tags of the query."""
    named = _reference(exchange)
    digest = named.image_digest
    tags = [named.image_tag] if digest is None else exchange.request.query.getall("tag", [])
    algorithm = digest and algorithm_of(digest)
    if digest is not None and algorithm is None:
        raise rejections.unknown_algorithm(digest)
    if not all(tag is not None and TAG.fullmatch(tag) for tag in tags):
        raise rejections.malformed_tag()
    text = await _text(exchange.request)
    media_type = exchange.request.headers.get("Content-Type", "").partition(";")[0].strip() or None

    def work(registry: Registry) -> Manifest:
        record = repository_to_push(registry, exchange.repository, exchange.key.account)
        for tag in tags or [None]:
            with suppress(ImageAlreadyExistsException):  # not an error here
                push_and_replicate(registry, record, text, media_type, tag=tag, digest=digest)
        return Manifest.parse(text, media_type, algorithm or "sha256")

    manifest = await exchange.write(PUT_IMAGE, work)
    headers = {
        **API_VERSION,
        "Location": f"{exchange.path}/manifests/{manifest.digest}",
        "Docker-Content-Digest": manifest.digest,
    }
    if manifest.subject is not None:
        headers["OCI-Subject"] = manifest.subject
    if digest is not None and tags:
        headers["OCI-Tag"] = ", ".join(filter(None, tags))
    return web.Response(status=201, headers=headers)


async def delete_manifest(exchange: Exchange) -> web.Response:
    """Delete an image, or a tag; the last tag takes its image along, as with BatchDeleteImage."""
    response = await exchange.perform(
        BATCH_DELETE_IMAGE,
        BatchDeleteImageRequest(exchange.repository, [_reference(exchange)], exchange.key.account),
    )
    for failure in response.failures:
        raise _failed(failure)
    return web.Response(status=202, headers=API_VERSION)


def _reference(exchange: Exchange) -> ImageIdentifier:
    """Return the tag or digest in the path: the colon distinguishes them."""
    text = exchange.request.match_info["reference"]
    return ImageIdentifier(text, None) if ":" in text else ImageIdentifier(None, text)


async def _text(request: web.Request) -> str:
    """Return the body of a request, which must be a manifest's size and text."""
    body = Body(request, MAX_MANIFEST_BYTES)
    try:
        return b"".join([chunk async for chunks in body.pieces() for chunk in chunks]).decode()
    except web.HTTPRequestEntityTooLarge:
        raise rejections.manifest_too_large(MAX_MANIFEST_BYTES) from None
    except UnicodeDecodeError:
        raise messages.bad_manifest(messages.NOT_JSON) from None


def _failed(failure: ImageFailure) -> NoImageError:
    return NoImageError(str(failure.failure_code), failure.failure_reason or "")
