"""The file of a layer as a response: all of it, or the requested range.

https://www.rfc-editor.org/rfc/rfc9110#section-14
"""

import asyncio
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from aiohttp import web

__all__ = ["LayerResponse"]

RANGE = re.compile(r"bytes=(?=-?\d)(\d{0,18})-(\d{0,18})", re.ASCII | re.IGNORECASE)
"""One range, which is what ECR sends at a time; any other header is ignored."""

PIECE = 1024 * 1024
"""Bytes that are sent in one turn of the event loop.

To a client on the same machine, which receives as fast as the system sends, a `sendfile` goes on to the end
of what it is to send.
"""


class LayerResponse(web.StreamResponse):
    """A layer's file. `path` is where it is, for a fault to send a part of it."""

    def __init__(self, path: Path, headers: Mapping[str, str]) -> None:
        super().__init__(headers=headers)
        self.path = path

    async def prepare(self, request: web.BaseRequest) -> Any:
        """Send the file, or the requested range of it."""
        try:
            file = self._open()
        except FileNotFoundError:
            self.set_status(404)
            return await super().prepare(request)
        with file:
            span = self.choose(request, os.fstat(file.fileno()).st_size)
            writer = await super().prepare(request)
            if request.method != "HEAD":
                await self._send(request, file, span)
            return writer

    def _open(self) -> BinaryIO:
        """Open the file: at once, as it has just been found, and a thread may outlive the request."""
        return self.path.open("rb", buffering=0)

    def choose(self, request: web.BaseRequest, size: int) -> range:
        """Return which of the file's bytes are to be sent, and have status and headers say so."""
        span = _requested(request.headers.get("Range", ""), size)
        if span is not None:
            self.set_status(206 if span else 416)
            which = f"{span[0]}-{span[-1]}" if span else "*"
            self.headers["Content-Range"] = f"bytes {which}/{size}"
        self.headers["Accept-Ranges"] = "bytes"
        span = range(size) if span is None else span
        self.content_length = len(span)
        return span

    async def _send(self, request: web.BaseRequest, file: BinaryIO, span: range) -> None:
        """Send these bytes of the file, one piece after the other."""
        by_the_system = True
        for start in range(0, len(span), PIECE):
            piece = span[start : start + PIECE]
            if by_the_system:
                by_the_system = await _send_by_the_system(request.transport, file, piece)
            if not by_the_system:
                await self.write(await asyncio.to_thread(_read, file, piece))


async def _send_by_the_system(transport: asyncio.Transport | None, file: BinaryIO, piece: range) -> bool:
    """Send bytes of a file without reading them; return whether that is possible, as it is not by TLS."""
    if transport is None:
        raise ConnectionResetError("the client has gone away")
    try:
        loop = asyncio.get_running_loop()
        await loop.sendfile(transport, file, piece.start, len(piece), fallback=False)
    except RuntimeError:  # also `NotImplementedError`, of other loops
        return False
    await asyncio.sleep(0)  # to a fast client all goes without waiting
    return True


def _read(file: BinaryIO, piece: range) -> bytes:
    file.seek(piece.start)
    return file.read(len(piece))


def _requested(header: str, size: int) -> range | None:
    """Return the range in a Range header: empty if the file doesn't have it, None if there is none."""
    found = RANGE.fullmatch(header)
    if found is None:
        return None
    first, last = found.groups()
    if not first:
        return range(max(size - int(last), 0), size)
    return range(int(first), min(int(last or size), size - 1) + 1)
