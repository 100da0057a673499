"""Writes the functions that turn the API's objects into what JSON can hold, checking each field on the way.

An encoder is straight-line code written for its class; a value that keeps the limits, as
nearly all do, is checked in one expression, and the message for one that doesn't is worked out afterwards.
"""

import math
import re
import typing
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import msgspec

from ecr_async._wire.annotations import Kind, members_of
from ecr_async._wire.invalid import IS_REQUIRED, InvalidError
from ecr_async._wire.layout import INTEGERS
from ecr_async._wire.operation import Limit
from ecr_async._wire.source import compile_function

__all__ = ["Encoder", "check_exclusive", "encoder"]

Encoder = Callable[[Any], Any]

BLOB_SLICE = 3 * 64 * 1024
"""Bytes turned into base64 at once; the interpreter lock is free between slices."""

SHOWN = 80
"""Characters of a wrong value that its error repeats."""


def check_exclusive(request: Any, field: str, others: Sequence[str]) -> None:
    """Reject a request that has both a field and one that cannot be combined with it."""
    if getattr(request, field) is None:
        return
    for other in others:
        if getattr(request, other) is not None:
            raise InvalidError(f"cannot be sent together with {field}", other)


@cache
def encoder(cls: Any) -> Encoder:
    """Return the encoder of a class, which checks what it encodes; it is written on first use."""
    names: dict[str, Any] = {"cls": cls, "InvalidError": InvalidError, "IS_REQUIRED": IS_REQUIRED}
    lines = [
        "def encode(value):",
        "    if not isinstance(value, cls):",
        "        raise InvalidError(f'must be {cls.__name__}, not {type(value).__name__}')",
        "    name = ''",
        "    try:",
        "        document = {}",
    ]
    for member in members_of(cls):
        names[f"encode_{member.name}"] = _value_encoder(member.kind)
        step = [f"name = {member.name!r}", f"document[{member.wire!r}] = encode_{member.name}(v)"]
        if member.is_required:
            step[1:1] = ["if v is None:", "    raise InvalidError(IS_REQUIRED)"]
        else:
            given = "v is not None and v != ()" if member.is_empty_when_absent else "v is not None"
            step = [f"if {given}:", *(f"    {line}" for line in step)]
        lines += [f"        {line}" for line in (f"v = value.{member.name}", *step)]
    lines += [
        "    except InvalidError as invalid:",
        "        raise invalid.under(name) from None",
        "    return document",
    ]
    return typing.cast("Encoder", compile_function("encode", cls.__name__, lines, names))


def _value_encoder(kind: Kind) -> Encoder:
    """Return the function that checks and encodes one value of this kind."""
    limit = kind.limit or Limit()
    if kind.item is not None:
        encode_item = _value_encoder(kind.item)
        return _sequence_encoder(encode_item, limit) if kind.base is tuple else _mapping_encoder(encode_item)
    if kind.base is str:
        return _string_encoder(limit)
    if kind.base is bool:
        return _typed_encoder(bool, "true or false")
    if kind.base in (int, float):
        return _number_encoder(kind.base, limit)
    if kind.base is bytes:
        return _blob_encoder(limit)
    if kind.base is datetime:
        return datetime.timestamp
    return encoder(kind.base)


def _typed_encoder(cls: type[Any] | tuple[type[Any], ...], name: str) -> Encoder:
    def encode_value(value: Any) -> Any:
        if not isinstance(value, cls):
            raise InvalidError(f"must be {name}, not {type(value).__name__}")
        return value

    return encode_value


def _string_encoder(limit: Limit) -> Encoder:
    check_type = _typed_encoder(str, "a string")
    low, high, check_length = _bounds(limit, "{} long", "characters")
    matches = re.compile(limit.pattern, re.ASCII).fullmatch if limit.pattern else _anything

    def encode_string(value: Any) -> Any:
        if isinstance(value, str) and low <= len(value) <= high and matches(value):
            return value if value.isascii() else _encodable(value)
        check_length(len(check_type(value)))
        raise InvalidError(f"{limit.advice or f'must match {limit.pattern}'}, not {value[:SHOWN]!r}")

    return encode_string


def _encodable(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidError("must be text that UTF-8 can carry, without halves of surrogate pairs") from None
    return value


def _anything(_: str) -> bool:
    return True


def _number_encoder(cls: type[Any], limit: Limit) -> Encoder:
    kinds = (int,) if cls is int else (int, float)
    check_type = _typed_encoder(kinds, "a number")
    low, high, check_value = _bounds(limit, "{}", "")
    low, high = max(low, INTEGERS[0]), min(high, INTEGERS[-1])

    def encode_number(value: Any) -> Any:
        if isinstance(value, kinds) and low <= value <= high and not isinstance(value, bool):
            return value
        check_type(value)
        if isinstance(value, bool):
            raise InvalidError("must be a number, not bool")
        check_value(value)
        raise InvalidError("must fit into 64 bits")

    return encode_number


def _blob_encoder(limit: Limit) -> Encoder:
    check_type = _typed_encoder((bytes, bytearray, memoryview), "bytes")
    _, _, check_length = _bounds(limit, "{} long", "bytes")

    def encode_blob(value: Any) -> Any:
        check_type(value)
        view = memoryview(value)
        if not view.c_contiguous:
            raise InvalidError("must be contiguous bytes")
        view = view.cast("B")
        check_length(len(view))
        from ecr_async._wire.base64_text import b64encode  # noqa: PLC0415 - few programs send blobs

        slices = (view[start : start + BLOB_SLICE] for start in range(0, len(view), BLOB_SLICE))
        return msgspec.Raw(b"".join((b'"', *map(b64encode, slices), b'"')))

    return encode_blob


def _sequence_encoder(encode_item: Encoder, limit: Limit) -> Encoder:
    _, _, check_size = _bounds(limit, "a list of {}", "items")

    def encode_sequence(value: Any) -> list[Any]:
        if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
            raise InvalidError(f"must be a list, not {type(value).__name__}")
        items: list[Any] = list(value)  # pyright: ignore[reportUnknownArgumentType]
        check_size(len(items))
        encoded: list[Any] = []
        try:
            for item in items:
                encoded.append(encode_item(item))  # noqa: PERF401 - the index is in len(encoded)
        except InvalidError as invalid:
            raise invalid.under(f"[{len(encoded)}]") from None
        return encoded

    return encode_sequence


def _mapping_encoder(encode_item: Encoder) -> Encoder:
    check_type = _typed_encoder(Mapping, "a mapping")

    def encode_mapping(value: Any) -> dict[str, Any]:
        return {key: encode_item(item) for key, item in check_type(value).items()}

    return encode_mapping


def _bounds(limit: Limit, sentence: str, unit: str) -> tuple[float, float, Callable[[float], None]]:
    """Return the least and the greatest number that the limit admits, and a check that raises beyond them."""
    low = -math.inf if limit.minimum is None else limit.minimum
    high = math.inf if limit.maximum is None else limit.maximum
    if low == -math.inf:
        bounds = f"at most {high:,}"
    elif high == math.inf:
        bounds = f"at least {low:,}"
    else:
        bounds = f"{low:,} to {high:,}"
    wish = f"must be {sentence.format(f'{bounds} {unit}'.strip())}"

    def check(number: float) -> None:
        if not low <= number <= high:
            raise InvalidError(f"{wish}, not {number:,}")

    return low, high, check
