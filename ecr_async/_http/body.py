"""Request bodies. What is made piece by piece is hashed and sent so, and never joined."""

import io
from collections.abc import Sequence
from hashlib import sha256
from typing import TypeAlias

import attrs
from aiohttp import Payload
from aiohttp.abc import AbstractStreamWriter

__all__ = ["Body", "Content", "payload"]

Content: TypeAlias = bytes | Sequence[bytes]
"""A body's bytes, in one piece or several."""

LARGE = 1024 * 1024
"""Bytes above which a body is handed to the socket in pieces."""


@attrs.frozen(eq=False, repr=False)
class Body:
    """A request's body, and its SHA-256 in hexadecimal, which is signed."""

    content: Content
    sha256: str

    @classmethod
    def of(cls, content: bytes) -> "Body":
        """Return the body that has this content."""
        return cls(content, sha256(content).hexdigest())


def payload(content: Content) -> bytes | io.BytesIO | Payload:
    """Return what aiohttp sends the content from."""
    if isinstance(content, bytes):
        return content if len(content) < LARGE else io.BytesIO(content)
    return _Pieces(content)


class _Pieces(Payload):
    """A payload of pieces, which can be sent any number of times."""

    _value: Sequence[bytes]

    def __init__(self, pieces: Sequence[bytes]) -> None:
        super().__init__(pieces, content_type="application/octet-stream")
        self._size = sum(map(len, pieces))

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Return the content as text."""
        return b"".join(self._value).decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Send the pieces."""
        for piece in self._value:
            await writer.write(piece)
