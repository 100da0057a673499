"""Right documents, made of what the API's classes say: every member there, with a value of its type."""

import json
from collections.abc import Container, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from ecr_async._wire.annotations import Kind, members_of

__all__ = ["check_types", "sample"]

_VALUES: dict[Any, Any] = {
    str: "team/app",
    int: 12,
    float: 7.5,
    bool: True,
    bytes: "bGF5ZXI=",
    datetime: 1_700_000_000.25,
}


def sample(
    cls: Any,
    named: Mapping[str, Any] = MappingProxyType({}),
    *,
    items: int = 2,
    leave_out: Container[str] = (),
) -> bytes:
    """Return a document of a class of the API, with so many items in each list.

    `named` are values of members by their names on the wire.
    """

    def structure(cls: Any, leave_out: Container[str] = ()) -> dict[str, Any]:
        return {
            member.wire: valued(member.kind, named.get(member.wire))
            for member in members_of(cls)
            if member.name not in leave_out
        }

    def valued(kind: Kind, value: Any = None) -> Any:
        if kind.item is not None:
            item = valued(kind.item, value)
            return [item] * items if kind.base is tuple else {"HIGH": item, "LOW": item}
        if kind.is_object:
            return structure(kind.base)
        return value or (kind.values[0] if kind.values else _VALUES[kind.base])

    return json.dumps(structure(cls, leave_out)).encode()


def check_types(value: Any, kind: Kind) -> None:
    """Raise `AssertionError` where a value, or one inside it, is not what its annotation says."""
    assert type(value) is kind.base, f"{type(value).__name__} instead of {kind.base.__name__}"
    if kind.base is datetime:
        assert value.utcoffset() is not None
    if kind.item is not None:
        for item in value.values() if kind.base is dict else value:
            check_types(item, kind.item)
    if kind.is_object:
        for member in members_of(value.__class__):
            held = getattr(value, member.name)
            if held is not None:
                check_types(held, member.kind)
            assert held is not None or not (member.is_required or member.is_empty_when_absent)
