"""Writes the functions that make objects of the API from their msgspec twins, each on first use.

Copying is straight-line code written for its class: one slot for each member, no loop, no call. A frozen
attrs class pays for its immutability in `__init__`; a copier fills in an object of a mutable subclass with
the same slots, and makes it the real thing with one assignment to `__class__`.
"""

import typing
from collections.abc import Callable
from functools import cache
from typing import Any

from ecr_async._wire.annotations import Kind, Member, members_of
from ecr_async._wire.source import compile_function
from ecr_async._wire.twins import is_copied

__all__ = ["Copier", "copier"]

Copier = Callable[[Any], Any]


@cache
def copier(cls: Any) -> Copier:
    """Return the copier of a class; it raises `TypeError` for a value that the twin didn't check."""
    names: dict[str, Any] = {"cls": cls, "mutable": _mutable(cls), "as_bool": _as_bool}
    copied = [f"    self.{each.name} = {_copied(each, names)}" for each in members_of(cls)]
    lines = [
        "def copy(twin):",
        "    self = mutable()",
        *copied,
        "    self.__class__ = cls",
        "    return self",
    ]
    return typing.cast("Copier", compile_function("copy", cls.__name__, lines, names))


def _copied(member: Member, names: dict[str, Any]) -> str:
    """Return Python text for a member's value, made of the twin's."""
    value = f"twin.{member.name}"
    function = f"copy_{member.name}"
    if member.is_required:
        return _copied_value(member.kind, value, function, names)
    empty = {tuple: "()", dict: "{}"}[member.kind.base] if member.is_empty_when_absent else "None"
    if not is_copied(member.kind):
        return value if empty == "None" else f"{value} or {empty}"
    copied = _copied_value(member.kind, "v", function, names)
    return f"{empty} if (v := {value}) is None else {copied}"


def _copied_value(kind: Kind, value: str, function: str, names: dict[str, Any]) -> str:
    """Return Python text that copies what `value` stands for; `function` is a name that is free."""
    if not is_copied(kind):
        return value
    if kind.base is bool:
        return f"as_bool({value})"
    if kind.item is None:
        names[function] = copier(kind.base)
        return f"{function}({value})"
    item = _copied_value(kind.item, "v", function, names)
    if kind.base is dict:
        return f"{{k: {item} for k, v in {value}.items()}}"
    return f"tuple([{item} for v in {value}])"


def _as_bool(value: Any) -> bool:
    if value is True or value is False:
        return value
    raise TypeError("not a boolean")


def _mutable(cls: type[Any]) -> type[Any]:
    """Return a subclass with the slots of `cls` and none of its rules.

    An object may change between two classes that lay out the same slots, and it does so quickest to the
    one that its class inherits them all from.
    """
    rules = {name: getattr(object, name) for name in ("__init__", "__setattr__", "__delattr__")}
    return type(cls.__name__, (cls,), {"__slots__": (), **rules})
