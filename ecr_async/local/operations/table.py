"""How an operation is carried out: on a snapshot, in a transaction, or in steps of its own."""

from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeAlias, TypeVar

import attrs

from ecr_async._wire.operation import Operation
from ecr_async.local.backend import Backend
from ecr_async.local.rules.registry import Registry, Scope

__all__ = ["Handler", "Prepares", "Reads", "Steps", "Writes"]

RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")
PreparedT = TypeVar("PreparedT")
ResultT = TypeVar("ResultT")


@attrs.frozen
class Reads(Generic[RequestT, ResponseT]):
    """An operation that only reads, or nearly: on a snapshot. See `Registry.require_write`."""

    operation: Operation[RequestT, ResponseT]
    function: Callable[[Registry, RequestT], ResponseT]

    async def run(
        self, backend: Backend, scope: Scope, request: RequestT, write: Callable[[ResponseT], ResultT]
    ) -> ResultT:
        """Carry out a request."""
        return await backend.read(scope, lambda registry: write(self.function(registry, request)))


@attrs.frozen
class Writes(Generic[RequestT, ResponseT]):
    """An operation that writes: in a transaction."""

    operation: Operation[RequestT, ResponseT]
    function: Callable[[Registry, RequestT], ResponseT]

    async def run(
        self, backend: Backend, scope: Scope, request: RequestT, write: Callable[[ResponseT], ResultT]
    ) -> ResultT:
        """Carry out a request."""
        return await backend.write(scope, lambda registry: write(self.function(registry, request)))


@attrs.frozen
class Prepares(Generic[RequestT, PreparedT, ResponseT]):
    """An operation with long work to do on a snapshot, before a short transaction that checks again."""

    operation: Operation[RequestT, ResponseT]
    prepare: Callable[[Registry, RequestT], PreparedT]
    finish: Callable[[Registry, RequestT, PreparedT], ResponseT]

    async def run(
        self, backend: Backend, scope: Scope, request: RequestT, write: Callable[[ResponseT], ResultT]
    ) -> ResultT:
        """Carry out a request."""
        prepared = await backend.read(scope, lambda registry: self.prepare(registry, request))
        return await backend.write(scope, lambda registry: write(self.finish(registry, request, prepared)))

    def function(self, registry: Registry, request: RequestT) -> ResponseT:
        """Do both at once, in an open transaction."""
        return self.finish(registry, request, self.prepare(registry, request))


@attrs.frozen
class Steps(Generic[RequestT, ResponseT]):
    """An operation that awaits something between its transactions: the bytes of an upload."""

    operation: Operation[RequestT, ResponseT]
    steps: Callable[[Backend, Scope, RequestT], Awaitable[ResponseT]]

    async def run(
        self, backend: Backend, scope: Scope, request: RequestT, write: Callable[[ResponseT], ResultT]
    ) -> ResultT:
        """Carry out a request."""
        return write(await self.steps(backend, scope, request))


Handler: TypeAlias = Reads[Any, Any] | Writes[Any, Any] | Prepares[Any, Any, Any] | Steps[Any, Any]
"""What carries out one operation.

`operation` is the operation; `run(backend, scope, request, write)` carries out a request and returns what
`write` makes of the response, off the event loop; all but `Steps` also have `function(registry, request)`,
which does the same in a transaction that is open already.
"""
