"""Makes objects of the API of parsed JSON, member by member, and names the one that doesn't fit.

This is the way for documents that the fast one (`layout`) does not take. Most of those are wrong,
and here the place of the fault is found. Others are only unusual, and botocore reads them, so the client
does too: timestamps in ISO 8601, numbers in strings, nulls in lists and maps, required members that are
missing.
"""

import base64
import binascii
import math
import re
import typing
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

from ecr_async._wire.annotations import Kind, members_of
from ecr_async._wire.invalid import InvalidError
from ecr_async._wire.layout import INTEGERS

__all__ = ["structure", "structure_value"]


def structure(cls: Any, document: Any) -> Any:
    """Return the object of a class of the API in a JSON document.

    A tuple in the document is a list that is ready: it is taken as it is. Raises `InvalidError` with the
    path of the first value that does not fit, and never the value.
    """
    fields: dict[str, Any] = {}
    values = _typed(document, dict, "an object")
    for member in members_of(cls):
        try:
            value = structure_value(member.kind, values.get(member.wire))
            if value is None and member.is_required:
                value = _missing(member.kind)
        except InvalidError as invalid:
            raise invalid.under(member.wire) from None
        if value is not None:
            fields[member.name] = value
    return cls(**fields)


def _missing(kind: Kind) -> Any:
    """Return what stands for a required member that a response leaves out: Smithy's "error correction".

    Source: https://smithy.io/2.0/spec/aggregate-types.html#client-error-correction
    """
    if kind.base is datetime:
        return datetime.fromtimestamp(0, UTC)
    return structure(kind.base, {}) if kind.is_object else kind.base()


def structure_value(kind: Kind, value: Any) -> Any:
    """Return a member's value; None if it is null."""
    if value is None:
        return None
    if kind.base is tuple:
        if isinstance(value, tuple):
            return value  # pyright: ignore[reportUnknownVariableType]
        items = typing.cast("list[Any]", _typed(value, list, "a list"))
        return tuple(_items(kind, enumerate(items), "[{}]").values())
    if kind.base is dict:
        return _items(kind, _typed(value, dict, "an object").items(), "{}")
    if kind.is_object:
        return value if type(value) is kind.base else structure(kind.base, value)
    return _SCALARS[kind.base](value)


def _items(kind: Kind, items: Iterable[tuple[Any, Any]], step: str) -> dict[Any, Any]:
    assert kind.item is not None
    found: dict[Any, Any] = {}
    for key, item in items:
        try:
            value = structure_value(kind.item, item)
            if value is not None:
                found[key] = value
        except InvalidError as invalid:
            raise invalid.under(
                step.format(key if re.fullmatch(_NAMEABLE, str(key), re.ASCII) else "*")
            ) from None
    return found


_NAMEABLE = r"[\w.-]{1,64}"
"""The keys of a map that may stand in a path: what else a key says may be a value."""


def _typed(value: Any, cls: type[Any], name: str) -> Any:
    """Return a value of a JSON type. `True` does not count as a number, although Python says so."""
    if type(value) is cls:
        return value
    raise InvalidError(f"must be {name}, not {_JSON_TYPES.get(type(value), type(value).__name__)}")


def _string(value: Any) -> str:
    return str(_typed(value, str, "a string"))


def _boolean(value: Any) -> bool:
    return bool(_typed(value, bool, "a boolean"))


_NUMBER = r"[+-]?[0-9]{1,19}(\.[0-9]{1,19})?([eE][+-]?[0-9]{1,2})?"


def _integer(value: Any) -> int:
    if type(value) is str and re.fullmatch(_NUMBER, value, re.ASCII):
        value = int(value) if value.lstrip("+-").isdecimal() else float(value)
    if type(value) is float and value.is_integer():
        value = int(value)
    number = int(_typed(value, int, "an integer"))
    if number not in INTEGERS:
        raise InvalidError("must fit into 64 bits")
    return number


def _number(value: Any) -> float:
    if type(value) in (int, str):
        value = _float(value)
    number = float(_typed(value, float, "a number"))
    if not math.isfinite(number):
        raise InvalidError("must be a finite number")
    return number


def _float(value: int | str) -> float:
    try:
        return float(value)
    except (OverflowError, ValueError):
        raise InvalidError("must be a number") from None


def _timestamp(value: Any) -> datetime:
    if type(value) is str and (moment := _written_time(value)) is not None:
        return moment
    try:
        return datetime.fromtimestamp(_number(value), UTC)
    except InvalidError:
        if type(value) is not str:
            raise
        raise InvalidError("must be a time, in ISO 8601 or in seconds since 1970") from None
    except (OSError, OverflowError, ValueError):
        raise InvalidError("must be a time between the years 1 and 9999") from None


def _written_time(text: str) -> datetime | None:
    """Return the moment that ISO 8601 or RFC 822 writes so; without a zone it is UTC."""
    for read in (datetime.fromisoformat, _rfc822_time):
        try:
            moment = read(text)
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
        except (IndexError, OverflowError, TypeError, ValueError):  # IndexError: a fault of Python's
            pass
    return None


def _rfc822_time(text: str) -> datetime:
    # Only what begins as such a time does: its reader takes `12` for a year.
    if not re.match(r"[A-Z][a-z]{2}, \d", text, re.ASCII):
        raise ValueError("no day of the week")
    moment: datetime = import_module("email.utils").parsedate_to_datetime(text)
    return moment


def _blob(value: Any) -> bytes:
    try:
        return base64.b64decode(_typed(value, str, "a string"), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidError("must be base64") from None


_SCALARS: dict[Any, Callable[[Any], Any]] = {
    str: _string,
    bool: _boolean,
    int: _integer,
    float: _number,
    bytes: _blob,
    datetime: _timestamp,
}

_JSON_TYPES: dict[Any, str] = {
    dict: "an object",
    list: "a list",
    str: "a string",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    type(None): "null",
}
