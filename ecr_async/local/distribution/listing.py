"""Content discovery: tags, repositories and referrers, in pages that link to the next.

https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#content-discovery
"""

import re
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from aiohttp import web

from ecr_async.api.images import LIST_IMAGES
from ecr_async.api.referrers import (
    LIST_IMAGE_REFERRERS,
    ImageReferrer,
    ListImageReferrersFilter,
    ListImageReferrersRequest,
    SubjectIdentifier,
)
from ecr_async.api.repositories import DESCRIBE_REPOSITORIES
from ecr_async.local.distribution import rejections
from ecr_async.local.distribution.errors import API_VERSION
from ecr_async.local.distribution.exchange import Exchange
from ecr_async.local.rules.registry import Registry
from ecr_async.oci.media_types import OCI_INDEX

__all__ = ["list_referrers", "list_repositories", "list_tags"]

MAX_PAGE_SIZE = 1000
"""Tags or repositories; also how many a page has if the client doesn't say."""
REFERRERS_PAGE = 50
NUMBER = re.compile(r"[0-9]{1,18}")


async def list_tags(exchange: Exchange) -> web.Response:
    """List the tags of a repository's active images, in the order of their bytes."""
    size, last = _page(exchange.request)

    def work(registry: Registry) -> list[str]:
        record = registry.repository(exchange.repository, exchange.key.account)
        rows = registry.db.execute(
            "SELECT tag FROM tags JOIN images ON images.id = tags.image_id "
            "WHERE tags.repository_id = ? AND tag > ? AND status = 'ACTIVE' ORDER BY tag LIMIT ?",
            (record.id, last, size + 1),
        )
        return [tag for (tag,) in rows]

    tags = await exchange.read(LIST_IMAGES, work)
    return _listing({"name": exchange.name, "tags": tags[:size]}, _next_page(exchange, tags, size))


async def list_repositories(exchange: Exchange) -> web.Response:
    """List the repositories of a registry, in the order of their names."""
    size, last = _page(exchange.request)

    def work(registry: Registry) -> list[str]:
        rows = registry.db.execute(
            "SELECT name FROM repositories WHERE account = ? AND region = ? AND name > ? ORDER BY name LIMIT ?",
            (registry.account, registry.region, last, size + 1),
        )
        return [name for (name,) in rows]

    names = await exchange.read(DESCRIBE_REPOSITORIES, work)
    return _listing({"repositories": names[:size]}, _next_page(exchange, names, size))


async def list_referrers(exchange: Exchange) -> web.Response:
    """List the artifacts whose subject is a manifest, which needn't be there, as an image index."""
    digest, query = exchange.request.match_info["digest"], exchange.request.query
    artifact_types = query.getall("artifactType", [])
    response = await exchange.perform(
        LIST_IMAGE_REFERRERS,
        ListImageReferrersRequest(
            exchange.repository,
            SubjectIdentifier(digest),
            exchange.key.account,
            ListImageReferrersFilter(artifact_types) if artifact_types else None,
            query.get("nextToken"),
            REFERRERS_PAGE,
        ),
    )
    index = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [_descriptor(referrer) for referrer in response.referrers],
    }
    headers = {"OCI-Filters-Applied": "artifactType"} if artifact_types else {}
    if response.next_token is not None:
        arguments = [("artifactType", one) for one in artifact_types] + [("nextToken", response.next_token)]
        headers |= _link(exchange, arguments)
    return _listing(index, headers, OCI_INDEX)


def _descriptor(referrer: ImageReferrer) -> dict[str, Any]:
    members: dict[str, Any] = {
        "mediaType": referrer.media_type,
        "digest": referrer.digest,
        "size": referrer.size,
    }
    if referrer.artifact_type is not None:
        members["artifactType"] = referrer.artifact_type
    if referrer.annotations:
        members["annotations"] = dict(referrer.annotations)
    return members


def _page(request: web.Request) -> tuple[int, str]:
    """Return how many items a request wants, and the one after which they begin."""
    given = request.query.get("n")
    if given is not None and not NUMBER.fullmatch(given):
        raise rejections.bad_page_size()
    return min(int(given or MAX_PAGE_SIZE), MAX_PAGE_SIZE), request.query.get("last", "")


def _next_page(exchange: Exchange, items: list[str], size: int) -> dict[str, str]:
    if not 0 < size < len(items):
        return {}
    return _link(exchange, [("n", str(size)), ("last", items[size - 1])])


def _link(exchange: Exchange, arguments: list[tuple[str, str]]) -> dict[str, str]:
    path = quote(exchange.request.path, safe="/:")
    return {"Link": f'<{path}?{urlencode(arguments)}>; rel="next"'}


def _listing(
    document: dict[str, Any], headers: dict[str, str], media_type: str = "application/json"
) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(document), content_type=media_type, headers={**API_VERSION, **headers}
    )
