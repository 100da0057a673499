"""JSON that others wrote, read without trusting it."""

from collections.abc import Mapping
from typing import Any, TypeGuard

import orjson

__all__ = ["as_list", "as_object", "parse"]


def parse(text: str) -> Mapping[str, Any] | None:
    """Return the object in a text, None if the text is of something else; raises `ValueError` if of nothing."""
    return as_object(orjson.loads(text))


def as_object(value: Any) -> Mapping[str, Any] | None:
    """Return a value if it is an object."""
    return value if _is_object(value) else None


def as_list(value: Any) -> list[Any]:
    """Return the items of a list; anything else is taken for a list of one, as policies abbreviate it."""
    return value if _is_list(value) else [value]


def _is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def _is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)
