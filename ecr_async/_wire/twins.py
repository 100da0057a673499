"""The msgspec twins of the API's classes, which JSON is decoded into.

msgspec makes a `Struct` out of JSON faster than any other library makes a dictionary, with every value's
type checked and every timestamp a `datetime`. A twin has the members of its class, under their names on
the wire; `copying` makes the object from it. Twins are made on first use.
"""

import sys
from datetime import datetime
from functools import cache
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from ecr_async._wire.annotations import Kind, members_of

__all__ = ["INTEGERS", "is_copied", "twin"]

INTEGERS = range(-(2**63), 2**63)
"""What an integer or a long of the API may be."""

_SCALARS: dict[Any, Any] = {
    # Lax decoding, which datetimes in numbers need, takes 1 for true as well; `copying` does not.
    bool: Any,
    datetime: Annotated[datetime, Meta(tz=True)],
    float: Annotated[float, Meta(ge=-sys.float_info.max, le=sys.float_info.max)],
    int: Annotated[int, Meta(ge=INTEGERS[0], le=INTEGERS[-1])],
}


@cache
def twin(cls: Any) -> type[msgspec.Struct]:
    """Return the twin of a class of the API."""
    members = members_of(cls)
    fields: list[Any] = []
    for member in members:
        annotation = _annotation(member.kind)
        fields.append(
            (member.name, annotation) if member.is_required else (member.name, annotation | None, None)
        )
    names = {member.name: member.wire for member in members}
    return msgspec.defstruct(cls.__name__, fields, rename=names, gc=False)


def is_copied(kind: Kind) -> bool:
    """Whether the value in a twin is not yet the one in the object."""
    return kind.is_object or kind.base is bool or (kind.item is not None and is_copied(kind.item))


def _annotation(kind: Kind) -> Any:
    if kind.item is not None:
        item: Any = _annotation(kind.item)
        if kind.base is dict:
            return dict.__class_getitem__((str, item))
        # The copier makes a tuple of objects itself; any other is ready.
        return list.__class_getitem__(item) if is_copied(kind.item) else tuple.__class_getitem__((item, ...))
    return twin(kind.base) if kind.is_object else _SCALARS.get(kind.base, kind.base)
