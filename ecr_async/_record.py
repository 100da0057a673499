"""The base of small classes that only hold things: a call's, a session's."""

from typing import Any

import msgspec

__all__ = ["Record"]


class Record(msgspec.Struct, eq=False):
    """Holds what belongs together; as a struct it costs little to define and to make.

    It is equal only to itself, and no `repr` shows what it holds, which may be secret.
    """

    __repr__ = object.__repr__

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return []
