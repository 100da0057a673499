"""Base64 by pybase64, which several extras install: a seventh of the time that the standard library takes."""

import base64
from typing import Protocol

__all__ = ["b64encode"]


class _Encoder(Protocol):
    def __call__(self, s: bytes | memoryview, /) -> bytes: ...


try:
    from pybase64 import b64encode
except ImportError:
    b64encode: _Encoder = base64.b64encode  # type: ignore[no-redef]
