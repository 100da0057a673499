"""The common base of the API's types: how they are compared and shown.

attrs could write these methods into every class, but compiling them doubles what it costs to load a
family of a few dozen classes; here they are once.
"""

import functools
from collections.abc import Callable
from typing import Any

import attrs

from ecr_async._wire.annotations import members_of
from ecr_async.errors import ValidationError

__all__ = ["Structure"]


class Structure:
    """A value of the API: compared by its fields, shown without those that say nothing."""

    __slots__ = ()

    def __init_subclass__(cls) -> None:
        if "__attrs_attrs__" in cls.__dict__:
            cls.__init__ = _initializer(cls.__init__)  # type: ignore[method-assign]

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return all(getattr(self, field.name) == getattr(other, field.name) for field in _fields(self))

    def __hash__(self) -> int:
        return hash((self.__class__, *(getattr(self, f.name) for f in _fields(self) if f.hash is not False)))

    def __repr__(self) -> str:
        shown = (
            f"{field.name}={getattr(self, field.name)!r}"
            for field in _fields(self)
            if field.repr and getattr(self, field.name) not in _NOTHING
        )
        return f"{self.__class__.__name__}({', '.join(shown)})"


def _initializer(init: Callable[..., None]) -> Callable[..., None]:
    """Return an initializer that takes lists for tuples, and names a required field that is left out.

    So values of the same items are equal and can be hashed, and what is left out is as invalid as what is
    empty.
    """
    sequences: tuple[str, ...] | None = None

    @functools.wraps(init)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        nonlocal sequences
        try:
            init(self, *args, **kwargs)
        except TypeError:
            for field in _fields(self)[len(args) :]:
                if field.default is attrs.NOTHING and field.name not in kwargs:
                    raise ValidationError(field.name, "is required") from None
            raise
        if sequences is None:
            sequences = tuple(
                member.name for member in members_of(self.__class__) if member.kind.base is tuple
            )
        for name in sequences:
            value = getattr(self, name)
            if type(value) is list:
                object.__setattr__(self, name, tuple(value))  # pyright: ignore[reportUnknownArgumentType]

    return __init__


_NOTHING: tuple[object, ...] = (None, (), {})


def _fields(record: Any) -> "tuple[attrs.Attribute[Any], ...]":
    fields: tuple[attrs.Attribute[Any], ...] = attrs.fields(record.__class__)
    return fields
