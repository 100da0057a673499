"""Writes the functions that turn parsed JSON into attrs objects.

Decoding is where a client spends its time, so a decoder is straight-line code written for its class:
one dictionary look-up and one slot for each field, no loop, no call. A frozen attrs class pays for its
immutability in `__init__`; a decoder fills in an object of a mutable twin with the same slots, and makes
it the real thing with one assignment to `__class__`.
"""

import base64
import typing
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import attrs
from cattrs import Converter

from ecr_async.fields import Kind, kind_of, wire_name

__all__ = ["Decoder", "make_decoder"]

Decoder = Callable[[Any, Any], Any]


def make_decoder(cls: type[Any], converter: Converter) -> Decoder:
    """Write the decoder of an attrs class."""
    names: dict[str, Any] = {
        "cls": cls,
        "twin": _mutable_twin(cls),
        "fromtimestamp": datetime.fromtimestamp,
        "utc": UTC,
        "b64decode": base64.b64decode,
    }
    lines = ["def decode(data, _):", "    get = data.get", "    self = twin()"]
    for field in attrs.fields(cls):
        kind, wire = kind_of(field.type), wire_name(field)
        value = _decoding_expression(kind, field.name, names, converter)
        if field.default is attrs.NOTHING:
            lines += [f"    v = data[{wire!r}]", f"    self.{field.name} = {value}"]
        elif kind.base in (tuple, dict):
            empty = "()" if kind.base is tuple else "{}"
            absent = "None" if field.default is None else empty
            given = "v" if field.default is not None else "v is not None"
            lines += [f"    v = get({wire!r})", f"    self.{field.name} = {value} if {given} else {absent}"]
        elif value == "v":
            lines.append(f"    self.{field.name} = get({wire!r})")
        else:
            lines += [f"    v = get({wire!r})", f"    self.{field.name} = None if v is None else {value}"]
    lines += ["    self.__class__ = cls", "    return self"]
    exec("\n".join(lines), names)  # noqa: S102 - our own text, made of our own field names
    return typing.cast("Decoder", names["decode"])


def _decoding_expression(kind: Kind, name: str, names: dict[str, Any], converter: Converter) -> str:
    """Return Python text that turns `v` from JSON into the field's value."""
    if kind.base is datetime:
        return "fromtimestamp(v, utc)"
    if kind.base is bytes:
        return "b64decode(v)"
    if kind.base in (tuple, dict):
        inner = _decoding_expression(kind_of(kind.item), name, names, converter)
        if inner == "v":
            return "tuple(v)" if kind.base is tuple else "v"
        if kind.base is tuple:
            return f"tuple([{inner} for v in v])"
        return f"{{k: {inner} for k, v in v.items()}}"
    if attrs.has(kind.base):
        names[f"decode_{name}"] = converter.get_structure_hook(kind.base)
        return f"decode_{name}(v, None)"
    return "v"


def _mutable_twin(cls: type[Any]) -> type[Any]:
    """Return a class with the slots of `cls` and none of its rules.

    An object may change between two classes that lay out the same slots; a slot for weak references
    would prevent it.
    """
    return type(cls.__name__, cls.__bases__, {"__slots__": cls.__slots__})
