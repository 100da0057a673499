"""Which function answers which operation."""

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

from ecr_async._wire.operation import AnyOperation, Operation
from ecr_async.local.registry import Registry

__all__ = ["HANDLERS", "handles"]

RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")
Handler: TypeAlias = Callable[[Registry, RequestT], ResponseT]

HANDLERS: dict[str, tuple[AnyOperation, Handler[Any, Any]]] = {}
"""Operations and what answers them, by name."""


def handles(
    operation: Operation[RequestT, ResponseT],
) -> Callable[[Handler[RequestT, ResponseT]], Handler[RequestT, ResponseT]]:
    """Make a function the answer to an operation. It runs on the store's thread, in a transaction."""

    def register(handler: Handler[RequestT, ResponseT]) -> Handler[RequestT, ResponseT]:
        HANDLERS[operation.name] = operation, handler
        return handler

    return register
