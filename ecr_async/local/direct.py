"""Requests carried out without HTTP, for whoever holds the server. Faults and rate limits don't apply."""

from collections.abc import Callable, Iterable
from typing import Any

import attrs

from ecr_async._wire import codec
from ecr_async.errors import ValidationError
from ecr_async.local.authentication import Caller
from ecr_async.local.awsjson.requests import read_request
from ecr_async.local.backend import Backend
from ecr_async.local.operations import HANDLERS
from ecr_async.local.operations.table import Handler, Steps
from ecr_async.local.rules.registry import Registry, Scope

__all__ = ["call", "fill"]

_HANDLERS = {handler.operation.request: handler for handler in HANDLERS.values()}


async def call(backend: Backend, caller: Caller, url: str, request: Any) -> Any:
    """Carry out a request, any of the API's, and return its response. `url` is the server's."""
    handler = _handler(request)
    scope = Scope(caller, handler.operation.name, url)
    return await handler.run(backend, scope, _received(handler, request), lambda response: response)


async def fill(
    backend: Backend, caller: Caller, url: str, requests: Iterable[Any], clock: Callable[[], float]
) -> None:
    """Carry out requests in one transaction; `clock` is read for each, after it was taken."""

    def work(registry: Registry) -> None:
        for request in requests:
            handler = _handler(request)
            if isinstance(handler, Steps):
                raise ValidationError(
                    "requests", f"{type(request).__name__} cannot be carried out in a transaction with others"
                )
            scope = Scope(caller, handler.operation.name, url)
            at = attrs.evolve(registry, scope=scope, now=clock())
            handler.function(at, _received(handler, request))

    await backend.write(Scope(caller, "", url), work)


def _handler(request: object) -> Handler:
    handler = _HANDLERS.get(type(request))
    if handler is None:
        given = f"the class {request.__name__}" if isinstance(request, type) else type(request).__name__
        raise ValidationError("request", f"must be an object like DescribeImagesRequest('app'), not {given}")
    return handler


def _received(handler: Handler, request: Any) -> Any:
    """Return a request as the server would have read it. Raises what it would."""
    return read_request(handler.operation, codec.encode(handler.operation, request))
