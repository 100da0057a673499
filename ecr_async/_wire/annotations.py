"""What the annotations of the API's classes say of a member: its kind, its limit, its name on the wire."""

import itertools
import types
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from ecr_async._wire.operation import SENSITIVE, Limit

__all__ = ["Kind", "Member", "kind_of", "members_of"]


class Kind(msgspec.Struct, frozen=True, eq=False):
    """What an annotation says: a plain type, `tuple` and `dict` with that of their items, and a limit."""

    base: Any
    item: "Kind | None" = None
    limit: Limit | None = None
    values: tuple[str, ...] = ()
    """Those of an enumeration, if it is one."""
    is_sensitive: bool = False
    """Whether it is kept out of what is shown."""

    @property
    def is_object(self) -> bool:
        """Whether the type is a class of the API."""
        return isinstance(self.base, msgspec.StructMeta)


class Member(msgspec.Struct, frozen=True, eq=False):
    """One member of a class: an attribute in Python, and what it is on the wire."""

    name: str
    wire: str
    kind: Kind
    is_required: bool
    is_empty_when_absent: bool
    """A list or a map of a response, which is empty, not None, when it is absent."""


@cache
def kind_of(annotation: Any) -> Kind:
    """Return what an annotation says; a union with None, or of literals and text, is of its first kind."""
    origin = get_origin(annotation)
    if origin is Annotated:
        base, *extra = get_args(annotation)
        limit = next((x for x in extra if isinstance(x, Limit)), None)
        kind = kind_of(base)
        return Kind(kind.base, kind.item, limit, kind.values, SENSITIVE in extra)
    if origin in (Union, types.UnionType):
        return kind_of(next(option for option in get_args(annotation) if option is not types.NoneType))
    if origin is Literal:
        return Kind(str, values=get_args(annotation))
    if origin in (tuple, Sequence):
        return Kind(tuple, kind_of(get_args(annotation)[0]))
    if origin is Mapping:
        return Kind(dict, kind_of(get_args(annotation)[1]))
    return Kind(annotation)


@cache
def members_of(cls: Any) -> tuple[Member, ...]:
    """Return the members of a class of the API."""
    names = zip(cls.__struct_fields__, cls.__struct_encode_fields__, strict=True)
    required = len(cls.__struct_fields__) - len(cls.__struct_defaults__)
    defaults = (*itertools.repeat(None, required), *cls.__struct_defaults__)
    return tuple(
        Member(
            name=name,
            wire=wire,
            kind=kind_of(cls.__annotated__[name]),
            is_required=position < required,
            is_empty_when_absent=defaults[position] is not None,
        )
        for position, (name, wire) in enumerate(names)
    )
