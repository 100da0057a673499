"""Writes the functions that make objects of the API from their msgspec twins, each on first use.

Copying is straight-line code written for its class, with what it contains: one statement for each member, no
call. A frozen attrs class pays for its immutability in `__init__`; a copier fills in an object of a mutable
subclass with the same slots, and makes it the real thing with one assignment to `__class__`.
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
    names: dict[str, Any] = {"as_bool": _as_bool}
    lines = ["def copy(twin):", *_indented(_object(cls, "twin", "self", 1, names)), "    return self"]
    return typing.cast("Copier", compile_function("copy", cls.__name__, lines, names))


def _object(cls: Any, twin: str, copy: str, depth: int, names: dict[str, Any]) -> list[str]:
    """Return the statements that make the variable `copy` of `twin`; variables of this depth are free."""
    names[f"new_{cls.__name__}"], names[cls.__name__] = _mutable(cls), cls
    lines = [f"{copy} = new_{cls.__name__}()"]
    for member in members_of(cls):
        lines += _member(member, f"{twin}.{member.name}", f"{copy}.{member.name}", depth, names)
    return [*lines, f"{copy}.__class__ = {cls.__name__}"]


def _member(member: Member, value: str, target: str, depth: int, names: dict[str, Any]) -> list[str]:
    """Return the statements that set a member of the copy to what the twin has."""
    if member.is_required:
        lines, copied = _copied(member.kind, value, depth, names)
        return [*lines, f"{target} = {copied}"]
    empty = {tuple: "()", dict: "{}"}[member.kind.base] if member.is_empty_when_absent else "None"
    if not is_copied(member.kind):
        return [f"{target} = {value}" if empty == "None" else f"{target} = {value} or {empty}"]
    lines, copied = _copied(member.kind, f"value_{depth}", depth, names)
    return [
        f"value_{depth} = {value}",
        f"if value_{depth} is None:",
        f"    {target} = {empty}",
        "else:",
        *_indented([*lines, f"{target} = {copied}"]),
    ]


def _copied(kind: Kind, value: str, depth: int, names: dict[str, Any]) -> tuple[list[str], str]:
    """Return the statements that copy a value, and the expression that is the copy after them."""
    if not is_copied(kind):
        return [], value
    if kind.base is bool:
        return [], f"as_bool({value})"
    if kind.item is None:
        copy = f"copy_{depth}"
        return _object(kind.base, value, copy, depth + 1, names), copy
    items, item, key = f"items_{depth}", f"item_{depth}", f"key_{depth}"
    lines, copied = _copied(kind.item, item, depth + 1, names)
    if kind.base is dict:
        loop, keep, whole = f"for {key}, {item} in {value}.items():", f"{items}[{key}] = {copied}", items
    else:
        loop, keep, whole = f"for {item} in {value}:", f"{items}.append({copied})", f"tuple({items})"
    empty = "{}" if kind.base is dict else "[]"
    return [f"{items} = {empty}", loop, *_indented([*lines, keep])], whole


def _indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _as_bool(value: Any) -> bool:
    if value is True or value is False:
        return value
    raise TypeError("not a boolean")


@cache
def _mutable(cls: type[Any]) -> type[Any]:
    """Return a subclass with the slots of `cls` and none of its rules.

    An object may change between two classes that lay out the same slots, and it does so quickest to the
    one that its class inherits them all from.
    """
    rules = {name: getattr(object, name) for name in ("__init__", "__setattr__", "__delattr__")}
    return type(cls.__name__, (cls,), {"__slots__": (), **rules})
