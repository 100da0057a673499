"""JSON to objects of the API: fast where a document is as the API writes it, leniently where it is not.

body ── msgspec ──> object
└─ does not fit ──> parsed ── structured member by member ──> object, or the path of the fault
"""

from collections.abc import Generator
from functools import cache
from typing import Any, TypeAlias

import msgspec

from ecr_async._wire.invalid import InvalidError
from ecr_async._wire.lenient_decoding import structure
from ecr_async._wire.surrogates import repaired

__all__ = ["Document", "Steps", "TruncatedError", "decode", "decoder", "parse", "read_in_steps"]

Document: TypeAlias = bytes | bytearray
"""JSON as it came; a large response is in the buffer that it was read into."""

Steps: TypeAlias = Generator[None, None, Any]
"""Yields between two steps, and returns the result."""


class TruncatedError(InvalidError):
    """A document that ends in the middle."""


@cache
def decoder(cls: Any) -> "msgspec.json.Decoder[Any]":
    """Return the decoder of a class of the API, for documents that are as the API writes them."""
    # Lax, since strict decoding takes no number for a datetime; so a number in a string is read as a number.
    return msgspec.json.Decoder(cls, strict=False, dec_hook=_flag)


def _flag(_: Any, value: Any) -> bool:
    """Return a value that stands where a boolean belongs, the one thing that msgspec has no type for here."""
    if value is True or value is False:
        return value
    raise ValueError("must be a boolean")


def decode(cls: Any, body: Document) -> Any:
    """Return the object of a class of the API in a response's body.

    Raises `InvalidError` with the path of what does not fit.
    """
    try:
        return decoder(cls).decode(body)
    except (RecursionError, ValueError):
        return structure(cls, parse(body))


def parse(body: Document) -> Any:
    """Return the JSON value in `body`; raises `InvalidError` if there is none."""
    try:
        return _finished(read_in_steps(_VALUE, body))
    except msgspec.ValidationError:  # any value will do, but a number of thousands of digits is none
        raise InvalidError("must not hold integers of thousands of digits") from None


def read_in_steps(json: "msgspec.json.Decoder[Any]", body: Any) -> Steps:
    """Return what a decoder makes of a body; yields while the body is repaired, if it must be.

    A byte order mark is skipped. An escape of half a surrogate pair, which no encoding of text can carry,
    becomes U+FFFD. Raises `InvalidError` for what is not JSON, and msgspec's own `ValidationError`.
    """
    try:
        try:
            return json.decode(body)
        except msgspec.ValidationError:
            raise
        except msgspec.DecodeError:
            return json.decode((yield from repaired(bytes(body))))
    except UnicodeDecodeError:
        raise InvalidError("must be UTF-8") from None
    except RecursionError:
        raise InvalidError("must not be nested so deeply") from None
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError as error:
        if "truncated" in str(error):
            raise TruncatedError("is truncated") from None
        raise InvalidError("is not JSON") from None


def _finished(steps: Steps) -> Any:
    """Return the result of steps that are taken one right after the other."""
    while True:
        try:
            next(steps)
        except StopIteration as finished:
            return finished.value


# With the hook a number out of range is infinite, and so found at its path.
_VALUE: "msgspec.json.Decoder[Any]" = msgspec.json.Decoder(float_hook=float)
