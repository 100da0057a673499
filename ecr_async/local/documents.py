"""JSON that others wrote, read without trusting it."""

from collections.abc import Mapping
from typing import Any

import orjson

__all__ = ["as_list", "as_object", "parse"]


def parse(text: str) -> Mapping[str, Any] | None:
    """Return the object in a text, None if the text is of something else; raises `ValueError` if of nothing."""
    return as_object(orjson.loads(text))


def as_object(value: Any) -> Mapping[str, Any] | None:
    """Return a value if it is an object."""
    object_: dict[str, Any] | None = value if isinstance(value, dict) else None
    return object_


def as_list(value: Any) -> list[Any]:
    """Return the items of a list; anything else is taken for a list of one, as policies abbreviate it."""
    items: list[Any] = value if isinstance(value, list) else [value]
    return items
