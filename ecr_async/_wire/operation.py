"""What the generated modules are made of: operations, and what there is to say of their fields."""

from typing import Any, Generic, TypeVar

import msgspec

from ecr_async.errors import ServiceError

__all__ = ["SENSITIVE", "TARGET_PREFIX", "AnyOperation", "Limit", "Operation"]

TARGET_PREFIX = "AmazonEC2ContainerRegistry_V20150921."
"""What stands before an operation's name in its `X-Amz-Target` header."""

SENSITIVE = "sensitive"
"""Marks, as an annotation of a field's type, what no `repr` shows: a secret, or a layer's bytes."""

RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")


class Limit(msgspec.Struct, frozen=True):
    """What the API accepts, as an annotation of a field's type.

    `minimum` and `maximum` bound a string's or a blob's length, a list's size, a number's value;
    `pattern` is a regular expression that the whole string must match. A limit with `advice` is the
    client's own: the service would reject the value later, with a less helpful message.
    """

    minimum: int | None = None
    maximum: int | None = None
    pattern: str | None = None
    advice: str | None = None


class Operation(msgspec.Struct, Generic[RequestT, ResponseT], frozen=True, eq=False):
    """One operation of the API: its name on the wire, its types, the errors it declares."""

    name: str
    request: type[RequestT]
    response: type[ResponseT]
    errors: tuple[type[ServiceError], ...] = ()
    exclusive: tuple[str, tuple[str, ...]] | None = None
    """A field, and those that cannot be sent with it."""
    heavy: bool = False
    """The request holds a blob: it is encoded and hashed off the event loop."""

    @property
    def target(self) -> str:
        """Its `X-Amz-Target` header."""
        return TARGET_PREFIX + self.name

    def error_named(self, code: str) -> type[ServiceError] | None:
        """Return the class of a declared error."""
        for error in self.errors:
            if error.code == code:
                return error
        return None


AnyOperation = Operation[Any, Any]
