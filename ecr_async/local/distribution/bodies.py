"""The bytes of a blob as they come in a request's body, and which of the blob's bytes they say they are.

They are passed on in pieces of about a MiB, the next one coming in while one is hashed and written, so
memory holds two of them for each client.
"""

import asyncio
import re
from collections.abc import AsyncIterator

import attrs
from aiohttp import web

from ecr_async.local.distribution.errors import DistributionError
from ecr_async.local.uploads import UploadWriter

__all__ = ["Span", "write_body"]

PIECE = 1 << 20
"""Bytes that are hashed and written at a time."""

CONTENT_RANGE = re.compile(r"(?:bytes )?(\d{1,18})-(\d{1,18})(?:/\S+)?")


@attrs.frozen
class Span:
    """The bytes of the blob that a chunk says it is."""

    first: int
    size: int

    @classmethod
    def of(cls, request: web.Request) -> "Span | None":
        """Return what the request's Content-Range says, if it has one."""
        given = request.headers.get("Content-Range")
        if given is None:
            return None
        found = CONTENT_RANGE.fullmatch(given)
        first, last = (int(found[1]), int(found[2])) if found else (0, -1)
        if last < first:
            raise DistributionError(
                400, "BLOB_UPLOAD_INVALID", f"Content-Range must be first-last, not '{given}'"
            )
        size = last - first + 1
        if request.content_length not in (None, size):
            raise DistributionError(
                400, "SIZE_INVALID", f"Content-Length is {request.content_length}, but Content-Range {given}"
            )
        return cls(first, size)


async def write_body(writer: UploadWriter, request: web.Request) -> None:
    """Write the body of a request, the next piece coming in while one is written."""
    writing: asyncio.Task[None] | None = None
    try:
        async for piece in _pieces(request):
            if writing is not None:
                await writing
            writing = asyncio.create_task(writer.write(piece))
    finally:
        if writing is not None:
            await writing


async def _pieces(request: web.Request) -> AsyncIterator[bytes]:
    """Yield the body of a request; if the client goes away, first what it has sent before."""
    chunks: list[bytes] = []
    size = 0
    gone: ConnectionError | None = None
    try:
        async for chunk in request.content.iter_any():
            chunks.append(chunk)
            size += len(chunk)
            if size >= PIECE:
                yield b"".join(chunks)
                chunks.clear()
                size = 0
    except ConnectionError as error:
        gone = error
    if chunks:
        yield b"".join(chunks)
    if gone is not None:
        raise gone
