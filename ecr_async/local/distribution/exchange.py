"""One request under way: who sent it, which registry it is about, and how it gets at the state."""

from collections.abc import Callable
from typing import Any, TypeVar

import attrs
from aiohttp import web

from ecr_async._wire import codec
from ecr_async._wire.operation import Operation
from ecr_async.local.addresses import Addresses, RegistryKey
from ecr_async.local.authentication import Caller
from ecr_async.local.backend import Backend
from ecr_async.local.operations import HANDLERS
from ecr_async.local.rules.registry import Registry, Scope

__all__ = ["Access", "Exchange"]

RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")
ResultT = TypeVar("ResultT")


@attrs.frozen
class Access:
    """A caller's way to the state, as one or another of the API's operations."""

    backend: Backend
    caller: Caller
    url: str
    """The server's, as the caller reaches it, without a slash at its end."""

    def scope(self, operation: Operation[Any, Any]) -> Scope:
        """Return in whose name, and as which operation, something is done."""
        return Scope(self.caller, operation.name, self.url)

    async def read(self, operation: Operation[Any, Any], work: Callable[[Registry], ResultT]) -> ResultT:
        """Do what an operation of the API allows, by reading; raises `ServiceError`."""
        return await self.backend.read(self.scope(operation), work)

    async def write(self, operation: Operation[Any, Any], work: Callable[[Registry], ResultT]) -> ResultT:
        """Do what an operation of the API allows, in a transaction; raises `ServiceError`."""
        return await self.backend.write(self.scope(operation), work)


@attrs.frozen
class Exchange(Access):
    """A request to a registry by a caller who is known."""

    request: web.Request
    addresses: Addresses
    key: RegistryKey
    """The registry that the request is about."""
    path: str
    """Where the client sees the repository: what precedes `/manifests/` and the like in its URLs."""
    repository: str
    """The repository's name in its registry."""

    @property
    def name(self) -> str:
        """The repository's name as the client wrote it."""
        return self.path.removeprefix("/v2/")

    async def perform(self, operation: Operation[RequestT, ResponseT], request: RequestT) -> ResponseT:
        """Carry out an operation of the API; raises `ValidationError` for its limits, `ServiceError` for the
        rest.
        """
        codec.encode(operation, request)
        return await HANDLERS[operation.name].run(self.backend, self.scope(operation), request, _unchanged)


def _unchanged(response: ResultT) -> ResultT:
    return response
