"""A success's body, for each operation: a typed response or a `ResponseError`, the same at once
and in steps.
"""

from functools import partial
from typing import Any

import pytest

from ecr_async._wire import codec
from ecr_async._wire.annotations import Kind
from ecr_async.errors import ResponseError
from ecr_async.service import LARGE_RESPONSE
from tests.conformance import strategies
from tests.conformance.test_requests import operation_of
from tests.fuzz.samples import check_types, sample
from tests.fuzz.target import Target

__all__ = ["TARGETS"]


def _in_steps(operation: Any, body: bytes) -> Any:
    steps = codec.decode_in_steps(operation, body)
    while True:
        try:
            next(steps)
        except StopIteration as finished:
            return finished.value


def _decoded(operation: Any, body: bytes) -> str:
    decode = codec.decode if len(body) < LARGE_RESPONSE else _in_steps  # as a call does
    try:
        response = decode(operation, body)
    except ResponseError as error:
        return _rejected(operation, body, error)
    check_types(response, Kind(operation.response))
    assert not body or _in_steps(operation, body) == response
    return "response"


def _rejected(operation: Any, body: bytes, error: ResponseError) -> str:
    assert error.__context__ is None
    with pytest.raises(ResponseError):
        _in_steps(operation, body)
    return "truncated" if error.truncated else "rejected"


TARGETS = [
    Target(f"response {name}", [sample(operation.response)], partial(_decoded, operation))
    for name in strategies.OPERATIONS
    for operation in [operation_of(name)]
]
