"""What a structure of the API is at run time: a msgspec `Struct`, which JSON is decoded straight into.

msgspec makes a `Struct` out of JSON faster than any other library makes a dictionary, with every value's
type checked and every timestamp a `datetime`. To attrs the same class is one of its own: `attrs.fields`,
`attrs.evolve` and whatever else builds on them find a description that is made when it is first asked for.
"""

import inspect
import sys
from abc import ABCMeta
from collections.abc import Callable
from datetime import datetime
from functools import cache
from types import NoneType
from typing import Annotated, Any, NoReturn, TypeVar, get_args

import attrs
import msgspec
from msgspec import Meta

from ecr_async._wire.annotations import Kind, kind_of, members_of
from ecr_async._wire.invalid import IS_REQUIRED
from ecr_async._wire.names import camel
from ecr_async.errors import ValidationError

__all__ = ["INTEGERS", "Structure", "field", "structure"]

INTEGERS = range(-(2**63), 2**63)
"""What an integer or a long of the API may be."""


class _Flag(metaclass=ABCMeta):  # noqa: B024 - a type without instances of its own
    """What a boolean is decoded as: decoding that takes a number for a datetime takes 1 for true as well."""


_Flag.register(bool)

_SCALARS: dict[Any, Any] = {
    bool: Annotated[_Flag, Meta(extra_json_schema={"type": "boolean"})],
    datetime: Annotated[datetime, Meta(tz=True)],
    float: Annotated[float, Meta(ge=-sys.float_info.max, le=sys.float_info.max)],
    int: Annotated[int, Meta(ge=INTEGERS[0], le=INTEGERS[-1])],
}

ClassT = TypeVar("ClassT", bound="type[Structure]")


def structure(cls: ClassT) -> ClassT:
    """Prepare a class for decoding: what its fields are annotated with becomes what msgspec understands."""
    cls.__annotated__ = cls.__annotations__
    cls.__annotations__ = {name: _decoded_as(written) for name, written in cls.__annotated__.items()}
    return cls


def field(*, factory: Callable[[], Any]) -> Any:
    """Describe a field as `attrs.field` does: `factory` makes the value of one that is absent."""
    return msgspec.field(default_factory=factory)


@cache
def _decoded_as(annotation: Any) -> Any:
    decoded = _of_kind(kind_of(annotation))
    return decoded | None if NoneType in get_args(annotation) else decoded


def _of_kind(kind: Kind) -> Any:
    if kind.item is None:
        return _SCALARS.get(kind.base, kind.base)
    item: Any = _of_kind(kind.item)
    return dict.__class_getitem__((str, item)) if kind.base is dict else tuple.__class_getitem__((item, ...))


class _Layout(msgspec.StructMeta):
    """Adds to a `Struct` what it lacks as an attrs class; decoding doesn't come by here."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        """Make a structure: of lists it takes tuples, and it names a required field that is left out.

        So values of the same items are equal and can be hashed, and what is left out is as invalid as what
        is empty.
        """
        try:
            made = super().__call__(*args, **kwargs)
        except TypeError:
            for member in members_of(cls)[len(args) :]:
                if member.is_required and member.name not in kwargs:
                    raise ValidationError(member.name, IS_REQUIRED) from None
            raise
        for name in _sequences(cls):
            value = getattr(made, name)
            if type(value) is list:
                msgspec.structs.force_setattr(made, name, tuple(value))  # pyright: ignore[reportUnknownArgumentType]
        return made

    @property
    def __signature__(cls) -> inspect.Signature:
        return inspect.signature(_described(cls))


@cache
def _sequences(cls: Any) -> tuple[str, ...]:
    return tuple(member.name for member in members_of(cls) if member.kind.base is tuple)


@cache
def _described(cls: Any) -> type[Any]:
    """Return an attrs class with the same fields."""
    empty = {tuple: (), dict: attrs.Factory(dict[str, Any])}
    fields: dict[str, Any] = {}
    for member in members_of(cls):
        absent = empty[member.kind.base] if member.is_empty_when_absent else None
        fields[member.name] = attrs.field(
            default=attrs.NOTHING if member.is_required else absent,
            repr=not member.kind.is_sensitive,
            hash=member.kind.base is not dict,
            type=cls.__annotated__[member.name],
        )
    return attrs.make_class(cls.__name__, fields, frozen=True)


class _OfClass:
    """An attribute that a class has, and so its instances, computed when it is asked for."""

    def __init__(self, compute: Callable[[Any], Any]) -> None:
        self._compute = compute

    def __get__(self, _: object, owner: type[Any]) -> Any:
        return self._compute(owner)


class Structure(msgspec.Struct, metaclass=_Layout, gc=False, rename=camel):
    """A value of the API: compared by its fields, shown without those that say nothing."""

    __annotated__ = dict[str, Any]()  # not annotated itself, so that type hints don't show it
    """The annotations of the fields as they are written."""

    __attrs_attrs__ = _OfClass(lambda cls: attrs.fields(_described(cls)))
    __attrs_types_resolved__ = _OfClass(lambda cls: cls)

    def __init_subclass__(cls) -> None:
        if Structure not in cls.__bases__ and inspect.get_annotations(cls):
            raise TypeError(f"{cls.__name__}: a subclass of the API's classes can't have fields of its own")

    def __hash__(self) -> int:
        members = members_of(self.__class__)
        return hash((self.__class__, *(getattr(self, m.name) for m in members if m.kind.base is not dict)))

    def __repr__(self) -> str:
        shown = (f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{self.__class__.__name__}({', '.join(shown)})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        members = [member for member in members_of(self.__class__) if not member.kind.is_sensitive]
        values = [(member.name, getattr(self, member.name)) for member in members]
        return [(name, value) for name, value in values if value not in _NOTHING]

    def __replace__(self, /, **changes: Any) -> Any:  # msgspec's own would leave a list what it is
        fields = {name: getattr(self, name) for name in self.__struct_fields__}
        return self.__class__(**{**fields, **changes})

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise attrs.exceptions.FrozenInstanceError

    def __delattr__(self, name: str) -> NoReturn:
        raise attrs.exceptions.FrozenInstanceError


_NOTHING: tuple[object, ...] = (None, (), {})
