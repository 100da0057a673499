"""JSON that others wrote, read without trusting it."""

from collections.abc import Mapping
from typing import Any, TypeGuard

import msgspec

__all__ = ["as_items", "as_list", "as_object", "compacted", "parse"]


def parse(text: str) -> Mapping[str, Any] | None:
    """Return the object in a text, None if the text is of something else; raises `ValueError` if
    of nothing.
    """
    try:
        return as_object(msgspec.json.decode(text))
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError) as error:
        raise ValueError(str(error)) from None


def compacted(text: str) -> str:
    """Return JSON without the white space between its values, which a lifecycle policy comes back without."""
    return msgspec.json.format(text, indent=-1)


def as_object(value: Any) -> Mapping[str, Any] | None:
    """Return a value if it is an object."""
    return value if _is_object(value) else None


def as_items(value: Any) -> list[Any] | None:
    """Return a value if it is a list."""
    return value if _is_list(value) else None


def as_list(value: Any) -> list[Any]:
    """Return the items of a list; anything else is taken for a list of one, as policies abbreviate it."""
    return value if _is_list(value) else [value]


def _is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def _is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)
