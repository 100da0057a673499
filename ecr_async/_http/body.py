"""Request bodies. One that is made piece by piece is hashed and sent piece by piece, and never joined."""

import asyncio
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Protocol, TypeAlias, TypeGuard

from aiohttp import BytesPayload, Payload, payload_type
from aiohttp.abc import AbstractStreamWriter

from ecr_async._record import Record
from ecr_async._secret import SecretBytes

__all__ = ["Body", "Content", "Pieced", "Pieces", "is_small"]

payload_type(SecretBytes)(BytesPayload)  # which aiohttp then finds at once, and shows no body in a traceback

LARGE = 1024 * 1024
"""Bytes above which a body is handed to the socket in pieces."""

PIECE = 512 * 1024
"""Bytes that are sent in one turn of the event loop, if the socket has room for them."""


class Pieced(Protocol):
    """Content in pieces that are made when they are sent, anew each time."""

    @property
    def size(self) -> int:
        """Bytes of all pieces."""
        ...

    def __iter__(self) -> Iterator[bytes]: ...


Content: TypeAlias = bytes | Pieced
"""A body's bytes, in one piece or several."""


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

    _value: Content

    def __init__(self, content: Content, on_sent: Callable[[int], None]) -> None:
        super().__init__(content, content_type="application/octet-stream")
        self._size = self.total = len(content) if isinstance(content, bytes) else content.size
        self._on_sent = on_sent

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Return the content as text."""
        return b"".join(_parts(self._value)).decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Send the pieces, each when the socket has room for it."""
        for part in _parts(self._value):
            await writer.write(part)
            self._on_sent(len(part))
            await asyncio.sleep(0)  # `write` waits for nothing as long as there is room


def _parts(content: Content) -> Iterator[memoryview]:
    for piece in [content] if isinstance(content, bytes) else content:
        view = memoryview(piece)
        for start in range(0, len(view), PIECE):
            yield view[start : start + PIECE]
