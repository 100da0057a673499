"""The embedded ECR as an aiohttp application: routes requests to handlers, and writes their responses.

POST /                    the API, awsJson1.1
GET  /_local/layers/…     layers, at the URLs that GetDownloadUrlForLayer returned
any  /_local/…            the control door, see `ecr_async.local.control`
any  /v2/…                the OCI distribution API, see `ecr_async.local.distribution`
"""

import logging
import uuid
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Any

from aiohttp import web

from ecr_async._auth.signing import CONTENT_TYPE
from ecr_async._wire.operation import TARGET_PREFIX
from ecr_async.api.layers import UPLOAD_LAYER_PART
from ecr_async.errors import ServiceError
from ecr_async.local.authentication import Authenticator, Caller, Claim
from ecr_async.local.awsjson.part_uploads import receive_part
from ecr_async.local.awsjson.requests import read_request
from ecr_async.local.backend import Backend
from ecr_async.local.distribution import make_distribution
from ecr_async.local.http.bodies import LARGE_BODY, MAX_BODY_BYTES, Body, LargeBodies
from ecr_async.local.http.connections import Connections
from ecr_async.local.http.interference import Interference
from ecr_async.local.http.layer_response import LayerResponse
from ecr_async.local.operations import HANDLERS
from ecr_async.local.operations.layers import DOWNLOAD_PATH, DOWNLOAD_PURPOSE
from ecr_async.local.operations.table import Handler
from ecr_async.local.rules import messages
from ecr_async.local.rules.registry import Scope
from ecr_async.local.wire import write_error, write_response

__all__ = ["make_application"]

logger = logging.getLogger("ecr_async.local")

Next = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_application(
    backend: Backend,
    authenticator: Authenticator,
    interference: Interference,
    connections: Connections,
    control: web.Application | None,
) -> web.Application:
    """Return the application that serves a backend, misbehaving as configured, with or without a control
    door.
    """
    server = _Server(backend, authenticator)
    application = web.Application(middlewares=[connections.middleware, _check_host, interference.middleware])
    application.router.add_post("/", server.operation)
    application.router.add_get(DOWNLOAD_PATH + "{digest}", server.layer)
    if control is not None:
        application.add_subapp("/_local", control)
    application.add_subapp("/v2", make_distribution(backend, login_required=authenticator.verify))
    return application


@web.middleware
async def _check_host(request: web.Request, handler: Next) -> web.StreamResponse:
    """Reject a host that no URL can hold: it becomes part of the repositories' URIs."""
    if not request.host.isascii():
        raise web.HTTPBadRequest(text=messages.MALFORMED_HOST)
    return await handler(request)


class _Server:
    def __init__(self, backend: Backend, authenticator: Authenticator) -> None:
        self._backend = backend
        self._authenticator = authenticator
        self._large_bodies = LargeBodies()

    async def operation(self, request: web.Request) -> web.Response:
        """Respond to one call of the API."""
        request_id = str(uuid.uuid4())
        headers = {"x-amzn-RequestId": request_id, "Content-Type": CONTENT_TYPE}
        try:
            claim = self._authenticator.claim(request.headers)  # before the body costs anything
            status, body = 200, await self._respond(request, claim)
        except ServiceError as error:
            status, body = write_error(error)
        except web.HTTPException:
            raise
        except ConnectionError:
            return web.Response(status=400)  # which nobody is there to read
        except Exception:
            logger.exception("request %s failed", request_id)
            status, body = write_error(messages.failed())
        return web.Response(status=status, body=body, headers=headers)

    async def _respond(self, request: web.Request, claim: Claim | None) -> bytes:
        body = Body(request, MAX_BODY_BYTES)
        start = b"".join(await body.piece(LARGE_BODY))
        if len(start) < LARGE_BODY:
            start += b"".join(await body.piece())  # nothing, unless the client has stopped in the middle
            return await self._carry_out(request, *self._understand(request, claim, start))
        if request.headers.get("X-Amz-Target") == UPLOAD_LAYER_PART.target:
            part = await receive_part(self._backend, self._authenticator, request, claim, body, start)
            if part is not None:
                return write_response(part)
        async with self._large_bodies.whole(start, body) as content:
            understood = await self._backend.uploads.run(lambda: self._understand(request, claim, content))
            return await self._carry_out(request, *understood)

    def _understand(
        self, request: web.Request, claim: Claim | None, content: bytes | bytearray
    ) -> tuple[Caller, Handler, Any]:
        """Return who calls, what carries it out, and the request."""
        caller = self._authenticator.authenticate(claim, request, sha256(content).hexdigest())
        target = request.headers.get("X-Amz-Target", "").encode(errors="replace").decode()
        name = target.removeprefix(TARGET_PREFIX)
        handler = HANDLERS.get(name) if target != name else None
        if handler is None:
            raise messages.unknown_operation(target)
        return caller, handler, read_request(handler.operation, content)

    async def _carry_out(
        self, request: web.Request, caller: Caller, handler: Handler, parameters: Any
    ) -> bytes:
        scope = Scope(caller, handler.operation.name, f"{request.scheme}://{request.host}")
        return await handler.run(self._backend, scope, parameters, write_response)

    async def layer(self, request: web.Request) -> web.StreamResponse:
        """Hand out a layer, or the requested ranges of it."""
        digest = request.match_info["digest"]
        try:
            granted, until = self._backend.sealer.open(DOWNLOAD_PURPOSE, request.query.get("ticket", ""))
        except ValueError:
            raise web.HTTPForbidden(text=messages.FOREIGN_URL) from None
        if granted != digest or until < self._backend.clock():
            raise web.HTTPForbidden(text=messages.EXPIRED_URL)
        file = await self._backend.uploads.run(lambda: self._backend.blobs.find(digest))
        if file is None:
            raise web.HTTPNotFound(text=messages.DELETED_LAYER)
        return LayerResponse(file, headers={"Content-Type": "application/octet-stream"})
