"""Carries out faults and rate limits, between the HTTP server and its handlers."""

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from aiohttp import web

from ecr_async._auth.signing import CONTENT_TYPE
from ecr_async.local.authentication import CREDENTIAL
from ecr_async.local.http.behaviour import Behaviour, Fault
from ecr_async.local.http.layer_response import LayerResponse
from ecr_async.local.rules import messages

__all__ = ["Interference"]

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

TICK = 0.05
"""Seconds between the pieces of a slow response."""


class Interference:
    """Applies the faults and rate limits of `behaviour` to requests."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self._struck: set[asyncio.Task[Any]] = set()

    def give_up(self) -> None:
        """End the requests that a fault still holds up, and close their connections."""
        for task in self._struck:
            task.cancel()

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Handle a request, or apply a fault to it."""
        operation = operation_of(request)
        if operation is None:
            return await handler(request)
        faults = self._behaviour.strike(operation)
        if not faults:
            return await self._admit(operation, request, handler)
        task = asyncio.current_task()
        assert task is not None
        self._struck.add(task)
        try:
            for fault in faults:
                if fault.kind != "delay":
                    return await _struck(fault, request, handler)
                await asyncio.sleep(fault.seconds)
            return await self._admit(operation, request, handler)
        finally:
            self._struck.discard(task)

    async def _admit(self, operation: str, request: web.Request, handler: Handler) -> web.StreamResponse:
        if self._behaviour.admits(operation, _registry(request)):
            return await handler(request)
        return _rejection(request, 400, "ThrottlingException", messages.RATE_EXCEEDED)


def operation_of(request: web.Request) -> str | None:
    """Return what faults know a request by, None for one of the control door."""
    if request.path == "/":
        return request.headers.get("X-Amz-Target", "").rpartition(".")[2]
    if request.path.startswith("/_local/") and not request.path.startswith("/_local/layers/"):
        return None
    return f"{request.method} {request.path}"


def _registry(request: web.Request) -> tuple[str, str]:
    """Return the access key and the region that a request claims: a bucket belongs to these."""
    found = CREDENTIAL.search(request.headers.get("Authorization", ""))
    return (found[1], found[3]) if found else ("", "")


async def _struck(fault: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
    match fault.kind:
        case "throttle":
            return _rejection(request, 400, "ThrottlingException", messages.RATE_EXCEEDED)
        case "error":
            return _rejection(request, fault.status, fault.code, fault.message)
        case "page":
            page = f"<html><body><h1>{fault.status}</h1></body></html>"
            return web.Response(status=fault.status, text=page, content_type="text/html")
        case "truncate" | "slow":
            return await _sent_in_part(fault, request, await handler(request))
        case _:
            return await _without_response(fault, request, handler)


def _rejection(request: web.Request, status: int, code: str, message: str) -> web.Response:
    if request.path == "/":
        body = json.dumps({"__type": code, "message": message}).encode()
        return web.Response(status=status, body=body, headers={"Content-Type": CONTENT_TYPE})
    if code == "ThrottlingException":
        status, code = (429, "TOOMANYREQUESTS") if request.path.startswith("/v2") else (503, "SlowDown")
    return web.json_response({"errors": [{"code": code, "message": message}]}, status=status)


async def _without_response(fault: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
    if fault.after:
        await handler(request)
    if fault.kind == "hang":
        await asyncio.Event().wait()
    if request.transport is not None:
        if fault.kind == "reset":
            connection: socket.socket = request.transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            request.transport.abort()
        else:
            request.transport.close()
    return web.Response()  # which finds nobody to go to


async def _sent_in_part(
    fault: Fault, request: web.Request, response: web.StreamResponse
) -> web.StreamResponse:
    content, headers = await _content(request, response)
    sent = web.StreamResponse(status=response.status, headers=headers)
    sent.content_length = len(content)
    await sent.prepare(request)
    if fault.kind == "truncate":
        await sent.write(content[: len(content) // 2])
        if request.transport is not None:
            request.transport.close()
        return sent
    async for piece in _pieces(content, fault.bytes_per_second):
        await sent.write(piece)
    await sent.write_eof()
    return sent


async def _content(request: web.Request, response: web.StreamResponse) -> tuple[bytes, dict[str, str]]:
    if isinstance(response, LayerResponse):
        content = await asyncio.to_thread(response.path.read_bytes)
        span = response.choose(request, len(content))
        content = content[span.start : span.stop]
    else:
        body = response.body if isinstance(response, web.Response) else b""
        content = body if isinstance(body, bytes) else b""
    headers = {name: value for name, value in response.headers.items() if name.lower() != "content-length"}
    return content, headers


async def _pieces(content: bytes, bytes_per_second: int) -> AsyncIterator[bytes]:
    size = max(1, int(bytes_per_second * TICK))
    for start in range(0, len(content), size):
        yield content[start : start + size]
        await asyncio.sleep(size / max(bytes_per_second, 1))
