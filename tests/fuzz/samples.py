"""Right documents, made of what the API's classes say: every member there, with a value of its type."""

import json
from datetime import datetime
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


def sample(cls: Any) -> bytes:
    """Return a document of a class of the API."""
    return json.dumps(_object(cls)).encode()


def _object(cls: Any) -> dict[str, Any]:
    return {member.wire: _value(member.kind) for member in members_of(cls)}


def _value(kind: Kind) -> Any:
    if kind.item is not None:
        item = _value(kind.item)
        return [item, item] if kind.base is tuple else {"HIGH": item, "LOW": item}
    return _object(kind.base) if kind.is_object else _VALUES[kind.base]


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
