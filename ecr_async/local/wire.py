"""awsJson1.1 from the service's side: responses and errors written, and what the store keeps as JSON."""

from datetime import datetime
from typing import Any, TypeVar

import msgspec

from ecr_async._wire.converter import converter
from ecr_async._wire.decoding import decode
from ecr_async.api.common import ServerException
from ecr_async.api.images import ImageDetail
from ecr_async.api.referrers import ImageReferrer
from ecr_async.api.repositories import Repository
from ecr_async.errors import ServiceError

__all__ = ["dump", "load", "write_error", "write_response"]

ValueT = TypeVar("ValueT")

STATUSES = {ServerException.code: 500}
"""HTTP statuses by error code; of all other errors it is 400."""

ABSENT_IF_EMPTY = {
    (ImageDetail, "image_tags"),
    (ImageReferrer, "annotations"),
    (Repository, "image_tag_mutability_exclusion_filters"),
}
"""Lists and maps that ECR leaves out if nothing is in them. All others are there, even in nested objects."""


def write_response(response: Any) -> bytes:
    """Return the body of a success."""
    return msgspec.json.encode(_converter.unstructure(response))


def dump(value: Any) -> str:
    """Return an object of the API as the store keeps it."""
    return msgspec.json.encode(_converter.unstructure(value)).decode()


def load(form: type[ValueT], text: str) -> ValueT:
    """Return an object of the API that was kept."""
    value: ValueT = decode(form, text.encode())
    return value


def write_error(error: ServiceError) -> tuple[int, bytes]:
    """Return the status and the body of an error."""
    body = {"__type": error.code, "message": error.message, **error.details}
    return STATUSES.get(error.code, 400), msgspec.json.encode(body)


_converter = converter(write_time=datetime.timestamp, absent_if_empty=ABSENT_IF_EMPTY)
"""Responses need no checking, so they take cattrs' own way, which is faster."""
