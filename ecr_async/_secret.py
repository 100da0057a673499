"""Text that `repr` hides, so that a traceback that shows local variables doesn't show it."""

from __future__ import annotations

from typing import Any

__all__ = ["Secret", "SecretBuffer", "SecretBytes", "hide"]


class Secret(str):
    """A string that `repr` hides; in every other respect the string itself, also to aiohttp.

    Error reporters print the local variables of a failed call with `repr`. What a user formats or
    prints explicitly is shown.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


class SecretBytes(bytes):
    """Bytes that `repr` hides: a body, which may hold a token or a signed URL."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{len(self):,} bytes>"


class SecretBuffer(bytearray):
    """Bytes that `repr` hides, filled piece by piece, so that a large body is not copied to be joined."""

    __slots__ = ()

    def put(self, start: int, piece: bytes) -> int:
        """Put a piece in its place, in the size that there is or beyond, and return where it ends."""
        end = start + len(piece)
        self[start:end] = piece
        return end

    def __repr__(self) -> str:
        return f"<{len(self):,} bytes>"


def hide(value: Any) -> Any:
    """Return a string as a `Secret`, None as it is, and of anything else only its type.

    Rebinding a parameter to the result takes the value out of the frame before an error can show it.
    """
    if value is None or isinstance(value, type):
        return value
    return Secret(value) if isinstance(value, str) else value.__class__
