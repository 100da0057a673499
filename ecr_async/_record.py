"""The base of small classes that only hold things: a call's, a session's."""

import msgspec

__all__ = ["Record"]


class Record(msgspec.Struct, eq=False):
    """Holds what belongs together; as a struct it costs little to define and to make.

    It is equal only to itself, and its `repr` shows nothing of what it holds, which may be secret.
    """

    __repr__ = object.__repr__
