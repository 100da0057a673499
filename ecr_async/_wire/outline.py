"""Where a JSON document's objects, lists and values begin and end, found without reading what they hold.

A decoder makes a Python object of every value, in one go. Here brackets and commas outside of strings are
counted, piece by piece, at the speed at which bytes are searched: so a document's cost is known before it is
decoded, and a long list can be divided into shorter ones.
"""

import re
from collections.abc import Generator

__all__ = ["OBJECT_COST", "Outline", "divided"]

OBJECT_COST = 8
"""An object counts as so many values: `{}` is two bytes on the wire, and a few hundred in memory."""

PROBES = 200
"""How many commas are looked at in one step."""


class Outline:
    """What is known of a document up to where it was read.

    `depth` counts the objects and lists that are open, `cost` the values, and `is_in_string` says whether a
    string is open.
    """

    __slots__ = ("_is_escaped", "cost", "depth", "is_in_string")

    def __init__(self) -> None:
        self.cost = self.depth = 0
        self.is_in_string = self._is_escaped = False

    def read(self, piece: bytes | bytearray) -> None:
        """Read the next piece; it may end anywhere."""
        text = piece[1:] if self._is_escaped and piece else piece
        self._is_escaped = self._is_escaped and not piece
        if b"\\" in text:
            text = text.replace(rb"\\", b"").replace(rb"\"", b"")
            self._is_escaped = text.endswith(b"\\")
        parts = text.split(b'"')
        outside = b" ".join(parts[self.is_in_string :: 2])
        self.is_in_string ^= len(parts) % 2 == 0
        objects = outside.count(b"{")
        self.cost += OBJECT_COST * objects + outside.count(b",") + outside.count(b"[")
        self.depth += objects + outside.count(b"[") - outside.count(b"}") - outside.count(b"]")


def divided(items: memoryview, size: int) -> Generator[bytes | None, None, None]:
    """Yield a list as shorter ones of about `size` bytes or more, all of the same items.

    `items` is a whole and valid list. Yields None where the event loop may have its turn.
    """
    outline = Outline()
    first = position = 1  # after the bracket
    last = len(items) - 1
    probes = 0
    while position < last:
        is_long_enough = position - first >= size
        comma = _COMMA.search(items, position if is_long_enough else min(first + size, last))
        if comma is None:
            break
        end = comma.start()
        outline.read(bytes(items[position:end]))
        if is_divide := outline.depth == 0 and not outline.is_in_string:
            yield _listed(items[first:end])
            first = end + 1
        outline.read(b",")
        position = end + 1
        probes = 0 if is_divide else probes + 1
        if probes % PROBES == PROBES - 1:
            yield None
    yield _listed(items[first:last])


def _listed(items: memoryview) -> bytes:
    return b"".join((b"[", items, b"]"))


_COMMA = re.compile(b",")
