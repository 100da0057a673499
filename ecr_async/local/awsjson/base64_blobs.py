"""Blobs in JSON: base64, decoded by a vectorised library if there is one.

Of the time that a layer part takes, the standard library's decoder is nearly half; pybase64, which the
extra `local` installs, decodes the same in a tenth.
"""

import base64
import binascii
from typing import Protocol

import msgspec

__all__ = ["decode_base64", "decode_blob"]


class _Decoder(Protocol):
    def __call__(self, s: bytes | memoryview | str, /, *, validate: bool) -> bytes: ...


try:
    from pybase64 import b64decode
except ImportError:
    b64decode: _Decoder = base64.b64decode  # type: ignore[no-redef]


def decode_base64(text: bytes | memoryview) -> bytes:
    """Return what base64 stands for; raises `ValueError` for any other text."""
    return b64decode(text, validate=True)


def decode_blob(raw: memoryview) -> bytes:
    """Return the bytes that a JSON string stands for; raises `ValueError`."""
    if bytes(raw[:1]) != b'"':
        raise ValueError("not a string")
    try:
        return b64decode(raw[1:-1], validate=True)
    except binascii.Error:  # which a string with escapes may be in the right, as in `\/`
        text = msgspec.json.decode(raw, type=str)
        if "\\" not in bytes(raw).decode():
            raise
        return b64decode(text, validate=True)
