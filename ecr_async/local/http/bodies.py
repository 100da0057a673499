"""The bodies of requests, read within bounds of size, memory and time, whichever door they come by."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any

import attrs
from aiohttp import web

from ecr_async._http.reading import read_piece

__all__ = ["LARGE_BODY", "MAX_BODY_BYTES", "Body", "Chunks", "LargeBodies", "pass_on"]

MAX_BODY_BYTES = 32 * 1024 * 1024
"""Bytes of a call of the API; the largest is a layer part of 20 MiB, in base64."""
LARGE_BODY = 256 * 1024
"""Bytes from which on a body counts as large, and is hashed and decoded off the event loop."""
LARGE_AT_ONCE = 2
"""Large bodies that are in memory as a whole. Others wait in their clients' sockets, at no cost."""
LARGE_SECONDS = 10.0
"""How long such a body may take to come in, once there is room for it: others may be waiting."""
STALL_SECONDS = 30.0
"""How long a client may pause in the middle of a body."""
PIECE = 1 << 20
"""Bytes that are hashed and written at a time."""

Chunks = Sequence[bytes]
"""Bytes as they came in; joining them would be a copy."""


@attrs.define
class Body:
    """The body of a request on its way in.

    Its methods raise `HTTPRequestTimeout` if the client stalls, `HTTPRequestEntityTooLarge` beyond
    `max_bytes`, `HTTPBadRequest` for a body that is not encoded as its head says, and `ConnectionError` if
    the client goes away.
    """

    request: web.Request
    max_bytes: int | None = None
    """None for any number."""
    _received: int = 0
    _failure: Exception | None = None

    async def piece(self, size: int = PIECE) -> Chunks:
        """Return the next bytes, `size` or some more, none at the end.

        They are fewer at the end of the body, or if the client stops in the middle of them: then the next
        call raises why.
        """
        if self._failure is not None:
            raise self._failure
        content, length = self.request.content, self.request.content_length
        chunks, left = list[bytes](), size
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(STALL_SECONDS) as limit:
                while left > 0 and (chunk := await read_piece(content, length)):
                    limit.reschedule(loop.time() + STALL_SECONDS)
                    chunks.append(chunk)
                    left -= len(chunk)
        except TimeoutError:
            self._failure = web.HTTPRequestTimeout()
        except ConnectionError as error:
            self._failure = error
        except web.RequestPayloadError as error:
            self._failure = web.HTTPBadRequest(text=str(error))
        if self._failure is not None and not chunks:
            raise self._failure
        self._received += size - left
        if self.max_bytes is not None and self._received > self.max_bytes:
            raise web.HTTPRequestEntityTooLarge(self.max_bytes, self._received)
        return chunks

    async def pieces(self) -> AsyncIterator[Chunks]:
        """Yield the rest of the body."""
        while piece := await self.piece():
            yield piece


async def pass_on(pieces: AsyncIterator[Chunks], work: Callable[[Chunks], Coroutine[Any, Any, None]]) -> None:
    """Do work with one piece after the other, while the next one comes in.

    So memory holds two of them for each client.
    """
    working: asyncio.Task[None] | None = None
    try:
        async for piece in pieces:
            if working is not None:
                await working
            working = asyncio.create_task(work(piece))
    finally:
        if working is not None:
            await working


class LargeBodies:
    """Holds large bodies in memory, few at a time."""

    def __init__(self) -> None:
        self._room = asyncio.Semaphore(LARGE_AT_ONCE)

    @asynccontextmanager
    async def whole(self, start: bytes, body: Body) -> AsyncGenerator[bytearray]:
        """Read a body whole, of which the start has come in, and keep room for it in the block."""
        async with self._room:
            content = bytearray(start)
            try:
                async with asyncio.timeout(LARGE_SECONDS):
                    async for piece in body.pieces():
                        for chunk in piece:
                            content += chunk
            except TimeoutError:
                raise web.HTTPRequestTimeout from None
            yield content
