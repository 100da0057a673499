"""Request bodies. One that is made piece by piece is hashed and sent piece by piece, and never joined."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from typing import TypeAlias, TypeGuard

from aiohttp import BytesPayload, Payload, payload_type
from aiohttp.abc import AbstractStreamWriter

from ecr_async._record import Record
from ecr_async._secret import SecretBytes

__all__ = ["Body", "Content", "Pieces", "is_small"]

payload_type(SecretBytes)(BytesPayload)  # which aiohttp then finds at once, and shows no body in a traceback

Content: TypeAlias = bytes | Sequence[bytes]
"""A body's bytes, in one piece or several."""

LARGE = 1024 * 1024
"""Bytes above which a body is handed to the socket in pieces."""

PIECE = 128 * 1024

PIECES_A_TURN = 4
"""Pieces that are sent in one turn of the event loop, if the socket has room for them all the time."""


class Body(Record):
    """A request's body, and its SHA-256 in hexadecimal, which is signed."""

    content: Content
    sha256: str

    @classmethod
    def of(cls, content: bytes) -> "Body":
        """Return the body that has this content."""
        return cls(content, sha256(content).hexdigest())


def is_small(content: Content) -> TypeGuard[bytes]:
    """Whether the content is handed to the socket as it is."""
    return isinstance(content, bytes) and len(content) < LARGE


class Pieces(Payload):
    """Large content that is sent in pieces, any number of times; `on_sent` is called with the size of
    each.
    """

    _value: Sequence[bytes]

    def __init__(self, content: Content, on_sent: Callable[[int], None]) -> None:
        pieces = [content] if isinstance(content, bytes) else content
        super().__init__(pieces, content_type="application/octet-stream")
        self.total = sum(map(len, pieces))
        self._size = self.total
        self._on_sent = on_sent

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Return the content as text."""
        return b"".join(self._value).decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Send the pieces, each when the socket has room for it."""
        for number, part in enumerate(_parts(self._value), start=1):
            await writer.write(part)
            self._on_sent(len(part))
            if number % PIECES_A_TURN == 0:
                await asyncio.sleep(0)  # `write` waits for nothing as long as there is room


def _parts(pieces: Sequence[bytes]) -> Iterator[memoryview]:
    for piece in pieces:
        view = memoryview(piece)
        for start in range(0, len(view), PIECE):
            yield view[start : start + PIECE]
