"""Writes the functions that turn parsed JSON into attrs objects.

Decoding is where a client spends its time, so a decoder is straight-line code written for its class:
one dictionary look-up and one slot for each field, no loop, no call. A frozen attrs class pays for its
immutability in `__init__`; a decoder fills in an object of a mutable twin with the same slots, and makes
it the real thing with one assignment to `__class__`.

The objects of a long list nearly all have the same members, so for them there is a decoder of that shape:
it takes all members out of the dictionary at once and doesn't ask for those that are not there. An object
of another shape among them goes to the decoder of its class.
"""

import base64
import typing
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

import attrs
from cattrs import Converter

from ecr_async._wire.annotations import Kind, kind_of, wire_name

__all__ = ["Decoder", "make_decoder"]

Decoder = Callable[[Any, Any], Any]
ListDecoder = Callable[[list[Any]], tuple[Any, ...]]

LONG_LIST = 50
"""Objects from which on a list gets a decoder of its own; writing one takes what it saves on some 600 of them."""

SHAPES_MAX = 16
"""Decoders written for one class, so that answers of ever other shapes don't fill the memory."""


def make_decoder(cls: type[Any], converter: Converter) -> Decoder:
    """Write the decoder of an attrs class."""
    names = _names(cls)
    lines = ["def decode(data, _):", "    get = data.get", "    self = twin()"]
    for field in attrs.fields(cls):
        wire = wire_name(field)
        look_up = f"data[{wire!r}]" if field.default is attrs.NOTHING else f"get({wire!r})"
        lines += [f"    v = {look_up}", f"    self.{field.name} = {_value(field, 'v', names, converter)}"]
    lines += ["    self.__class__ = cls", "    return self"]
    return typing.cast("Decoder", _written(lines, names, "decode"))


def _list_decoder(cls: type[Any], converter: Converter) -> ListDecoder:
    """Return the decoder of a list of objects."""
    decode = converter.get_structure_hook(cls)
    by_shape: dict[tuple[str, ...], ListDecoder | None] = {}

    def decode_list(items: list[Any]) -> tuple[Any, ...]:
        if len(items) >= LONG_LIST:
            shape = tuple(items[0])
            if shape not in by_shape and len(by_shape) < SHAPES_MAX:
                by_shape[shape] = _shape_decoder(cls, shape, decode, converter)
            decode_alike = by_shape.get(shape)
            if decode_alike is not None:
                return decode_alike(items)
        return tuple([decode(item, cls) for item in items])

    return decode_list


def _shape_decoder(
    cls: type[Any], shape: Sequence[str], decode: Decoder, converter: Converter
) -> ListDecoder | None:
    """Write the decoder of a list whose objects have the members of `shape`, or None where that gains nothing.

    An object with as many members, among which all these are, has no others.
    """
    values = {wire: f"v{number}" for number, wire in enumerate(shape)}
    fields = attrs.fields(cls)
    if len(shape) < 2 or any(f.default is attrs.NOTHING and wire_name(f) not in values for f in fields):
        return None
    names = _names(cls) | {"decode": decode, "pick": itemgetter(*shape)}
    lines = [
        "def decode_alike(items):",
        "    decoded = []",
        "    add = decoded.append",
        "    for data in items:",
        f"        if len(data) != {len(shape)}:",
        "            add(decode(data, cls))",
        "            continue",
        "        try:",
        f"            {', '.join(values.values())} = pick(data)",
        "        except KeyError:",
        "            add(decode(data, cls))",
        "            continue",
        "        self = twin()",
    ]
    for field in fields:
        value = values.get(wire_name(field))
        given = _absent(field) if value is None else _value(field, value, names, converter)
        lines.append(f"        self.{field.name} = {given}")
    lines += ["        self.__class__ = cls", "        add(self)", "    return tuple(decoded)"]
    return typing.cast("ListDecoder", _written(lines, names, "decode_alike"))


def _names(cls: type[Any]) -> dict[str, Any]:
    """Return what the text of every decoder refers to."""
    return {
        "cls": cls,
        "twin": _mutable_twin(cls),
        "fromtimestamp": datetime.fromtimestamp,
        "utc": UTC,
        "b64decode": base64.b64decode,
    }


def _written(lines: Sequence[str], names: dict[str, Any], function: str) -> Any:
    exec("\n".join(lines), names)  # noqa: S102 - our own text, made of our own field names
    return names[function]


def _value(field: "attrs.Attribute[Any]", v: str, names: dict[str, Any], converter: Converter) -> str:
    """Return Python text for a field's value, made of the one that the variable `v` has from JSON."""
    decoded = _decoding_expression(kind_of(field.type), field.name, v, names, converter)
    absent = _absent(field)
    if field.default is attrs.NOTHING or (decoded == v and absent == "None"):
        return decoded
    return f"None if {v} is None else {decoded}" if absent == "None" else f"{decoded} if {v} else {absent}"


def _absent(field: "attrs.Attribute[Any]") -> str:
    """Return Python text for the value of a field that an answer leaves out."""
    if field.default is None:
        return "None"
    return {tuple: "()", dict: "{}"}.get(kind_of(field.type).base, "None")


def _decoding_expression(kind: Kind, name: str, v: str, names: dict[str, Any], converter: Converter) -> str:
    """Return Python text that decodes what the variable `v` has from JSON."""
    if kind.base is datetime:
        return f"fromtimestamp({v}, utc)"
    if kind.base is bytes:
        return f"b64decode({v})"
    if kind.base in (tuple, dict):
        item = kind_of(kind.item)
        if kind.base is tuple and attrs.has(item.base):
            names[f"decode_{name}"] = _list_decoder(item.base, converter)
            return f"decode_{name}({v})"
        inner = _decoding_expression(item, name, "v", names, converter)
        if inner == "v":
            return f"tuple({v})" if kind.base is tuple else v
        if kind.base is tuple:
            return f"tuple([{inner} for v in {v}])"
        return f"{{k: {inner} for k, v in {v}.items()}}"
    if attrs.has(kind.base):
        names[f"decode_{name}"] = converter.get_structure_hook(kind.base)
        return f"decode_{name}({v}, None)"
    return v


def _mutable_twin(cls: type[Any]) -> type[Any]:
    """Return a class with the slots of `cls` and none of its rules.

    An object may change between two classes that lay out the same slots, and it does so quickest to the
    one that its class inherits them all from.
    """
    rules = {name: getattr(object, name) for name in ("__init__", "__setattr__", "__delattr__")}
    return type(cls.__name__, (cls,), {"__slots__": (), **rules})
