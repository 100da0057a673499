"""Which function handles which request, and what its errors look like."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

import aiohttp
import attrs
from aiohttp import web
from aiohttp.typedefs import Handler as AnyHandler

from ecr_async.api.common import RepositoryNotFoundException
from ecr_async.local.addresses import Addresses, RegistryKey
from ecr_async.local.authentication import Caller
from ecr_async.local.backend import Backend
from ecr_async.local.distribution import blobs, listing, manifests, rejections, uploads
from ecr_async.local.distribution.errors import (
    API_VERSION,
    DistributionError,
    Kind,
    respond,
    translated,
)
from ecr_async.local.distribution.exchange import Exchange
from ecr_async.local.distribution.login import Login, challenge
from ecr_async.local.distribution.pull_through import PullThrough

__all__ = ["make_distribution"]

logger = logging.getLogger("ecr_async.local")

Handler = Callable[[Exchange], Awaitable[web.StreamResponse]]


async def ping(exchange: Exchange) -> web.Response:
    """Confirm to logged-in callers that this is a registry."""
    return web.json_response({}, headers=API_VERSION)


@attrs.frozen
class Route:
    """A kind of request."""

    method: str
    path: str
    handler: Handler
    kinds: Mapping[str, Kind]
    """What the API's errors are for such a request; under "", what a request is that breaks a limit."""


NOT_SUPPORTED: Mapping[str, Kind] = {"": (400, "UNSUPPORTED")}
MANIFEST: Mapping[str, Kind] = {"": (400, "MANIFEST_INVALID")}
PUSHED_MANIFEST: Mapping[str, Kind] = {
    **MANIFEST,
    # A manifest that ECR doesn't take: https://github.com/oras-project/oras/issues/690,
    # https://github.com/openai/tart/issues/890, https://github.com/falcosecurity/falcoctl/issues/302
    "InvalidParameterException": (405, "UNSUPPORTED"),
    # https://github.com/oras-project/oras-py/issues/54
    "LayersNotFoundException": (404, "BLOB_UPLOAD_UNKNOWN"),
}
REFERRERS: Mapping[str, Kind] = {"": (400, "DIGEST_INVALID")}
UPLOAD: Mapping[str, Kind] = {"": (400, "BLOB_UPLOAD_INVALID")}

NAME = "/{name:.+}"
MANIFESTS = NAME + "/manifests/{reference}"
BLOBS = NAME + "/blobs/{digest}"
UPLOADS = NAME + "/blobs/uploads/"

ROUTES = (
    Route("GET", "", ping, NOT_SUPPORTED),
    Route("GET", "/", ping, NOT_SUPPORTED),
    Route("HEAD", "/", ping, NOT_SUPPORTED),
    Route("GET", "/_catalog", listing.list_repositories, NOT_SUPPORTED),
    Route("GET", NAME + "/tags/list", listing.list_tags, NOT_SUPPORTED),
    Route("GET", NAME + "/referrers/{digest}", listing.list_referrers, REFERRERS),
    Route("GET", MANIFESTS, manifests.get_manifest, MANIFEST),
    Route("HEAD", MANIFESTS, manifests.head_manifest, MANIFEST),
    Route("PUT", MANIFESTS, manifests.put_manifest, PUSHED_MANIFEST),
    Route("DELETE", MANIFESTS, manifests.delete_manifest, MANIFEST),
    Route("POST", UPLOADS, uploads.begin, UPLOAD),
    Route("POST", UPLOADS.rstrip("/"), uploads.begin, UPLOAD),
    Route("GET", UPLOADS + "{upload_id}", uploads.status, UPLOAD),
    Route("PATCH", UPLOADS + "{upload_id}", uploads.append_chunk, UPLOAD),
    Route("PUT", UPLOADS + "{upload_id}", uploads.complete, UPLOAD),
    Route("DELETE", UPLOADS + "{upload_id}", uploads.cancel, UPLOAD),
    Route("GET", BLOBS, blobs.get_blob, NOT_SUPPORTED),
    Route("HEAD", BLOBS, blobs.head_blob, NOT_SUPPORTED),
    Route("DELETE", BLOBS, blobs.delete_blob, NOT_SUPPORTED),
)


@attrs.frozen
class _Door:
    backend: Backend
    addresses: Addresses
    login: Login

    def handler(self, route: Route) -> AnyHandler:
        """Return what aiohttp calls for a kind of request."""

        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                exchange = self._exchange(request)
                try:
                    return await route.handler(exchange)
                except RepositoryNotFoundException:
                    if exchange.key.account != exchange.caller.account:
                        raise self._not_allowed(exchange.caller, exchange.key, request) from None
                    raise
            except web.HTTPRequestTimeout:
                return respond(rejections.stalled())
            except ConnectionError as error:
                return respond(rejections.gone(error))
            except web.HTTPBadRequest as error:
                return respond(rejections.bad_encoding(error.text or ""))
            except Exception as error:
                return respond(_understood(error, route, request))

        return handle

    def _exchange(self, request: web.Request) -> Exchange:
        """Return the caller and the request's target; raises `DistributionError`."""
        authorization, host = request.headers.get("Authorization"), request.host
        url, name = _url(request), request.match_info.get("name")
        if name is not None:
            key, repository = self.addresses.locate(host, name)
            caller = self.login.caller(authorization, url, key)
        else:  # of a whole registry: the host's, or else the caller's own
            named, repository = self.addresses.of_host(host), ""
            key = named or self.addresses.default
            caller = self.login.caller(authorization, url, key, any_region=named is None)
            if named is None:
                key = RegistryKey(caller.account, caller.region)
            elif caller.account != key.account:
                raise self._not_allowed(caller, key, request)
        return Exchange(self.backend, caller, url, request, self.addresses, key, f"/v2/{name}", repository)

    def _not_allowed(self, caller: Caller, key: RegistryKey, request: web.Request) -> DistributionError:
        return rejections.not_authorized(caller.principal, key.account, challenge(_url(request)))


def _url(request: web.Request) -> str:
    """Return the server's URL as the client has it; it is the realm to log in to, whatever `uri_style` is."""
    return f"{request.scheme}://{request.host}"


def make_distribution(backend: Backend, *, login_required: bool) -> web.Application:
    """Return the application to put at `/v2`. Without `login_required`, callers without a password may do
    anything.
    """
    door = _Door(backend, backend.rules.addresses, Login(backend.sealer, backend.clock, login_required))
    application = web.Application(middlewares=[_unrouted])

    async def open_pull_through(_: web.Application) -> AsyncIterator[None]:
        async with aiohttp.ClientSession(auto_decompress=False) as session:
            backend.before_pull = PullThrough(backend, session)
            yield

    application.cleanup_ctx.append(open_pull_through)
    for route in ROUTES:
        application.router.add_route(route.method, route.path, door.handler(route))
    return application


@web.middleware
async def _unrouted(request: web.Request, handler: AnyHandler) -> web.StreamResponse:
    """Reject in this protocol's form what no route is for."""
    try:
        return await handler(request)
    except web.HTTPMethodNotAllowed as error:
        allowed = {"Allow": ", ".join(sorted(error.allowed_methods))}
        return respond(rejections.no_such_method(request.method, allowed))
    except web.HTTPNotFound:
        return respond(rejections.no_such_path())


def _understood(error: Exception, route: Route, request: web.Request) -> DistributionError:
    try:
        return translated(error, route.kinds)
    except Exception:
        logger.exception("%s %s failed", request.method, request.path)
        return rejections.failed()
