"""The bodies of requests, read within bounds of size, memory and time."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from aiohttp import web

__all__ = ["LARGE_BODY", "Bodies"]

MAX_BODY_BYTES = 32 * 1024 * 1024
"""Bytes; the largest request is a layer part of 20 MiB, in base64."""
LARGE_BODY = 256 * 1024
"""Bytes from which on a body counts as large, and is hashed and decoded off the event loop."""
LARGE_AT_ONCE = 2
"""Requests with large bodies in memory at once. Others wait in their clients' sockets, at no cost."""
STALL_SECONDS = 30.0
"""How long a client may pause in the middle of a body."""


class Bodies:
    """Reads bodies, few large ones at a time."""

    def __init__(self) -> None:
        self._large = asyncio.Semaphore(LARGE_AT_ONCE)

    @asynccontextmanager
    async def room(self, request: web.Request) -> AsyncGenerator[None]:
        """Wait until there is room for the body, and keep it until what was made of the body is done with."""
        if request.can_read_body and (request.content_length or MAX_BODY_BYTES) >= LARGE_BODY:
            async with self._large:
                yield
        else:
            yield

    async def read(self, request: web.Request) -> bytearray:
        """Return the body; raises `HTTPRequestEntityTooLarge`, or `HTTPRequestTimeout` on a stall."""
        body = bytearray()
        try:
            while True:
                async with asyncio.timeout(STALL_SECONDS):
                    piece = await request.content.readany()
                if not piece:
                    return body
                body += piece
                if len(body) > MAX_BODY_BYTES:
                    raise web.HTTPRequestEntityTooLarge(MAX_BODY_BYTES, len(body))
        except TimeoutError:
            raise web.HTTPRequestTimeout from None
