"""The common base of the API's types: how they are compared and shown.

attrs could write these methods into every class, but compiling them doubles what it costs to load a
family of a few dozen classes; here they are once.
"""

from typing import Any

import attrs

__all__ = ["Record"]


class Record:
    """A value of the API: compared by its fields, shown without those that say nothing."""

    __slots__ = ()

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


_NOTHING: tuple[object, ...] = (None, (), {})


def _fields(record: Any) -> "tuple[attrs.Attribute[Any], ...]":
    fields: tuple[attrs.Attribute[Any], ...] = attrs.fields(record.__class__)
    return fields
