"""awsJson1.1: typed requests to the bytes on the wire, and typed responses and errors out of them.

Encoding checks each member against the limits in its annotation, so what leaves is what the API accepts,
or a `ValidationError` that names the path. Decoding checks each value's type, so a response is what its
class says, or a `ResponseError` that names the path.

On the wire absent is not null, timestamps are epoch seconds, blobs are base64. Members that we do
not know are ignored; values of enumerations that we do not know are kept.
"""

import typing
from collections.abc import Callable, Generator, Mapping
from typing import Any, TypeAlias, TypeVar

import msgspec

from ecr_async._wire import decoding, stepwise
from ecr_async._wire.decoding import Document
from ecr_async._wire.encoding import check_exclusive, encoder
from ecr_async._wire.headers import header
from ecr_async._wire.invalid import InvalidError
from ecr_async._wire.operation import AnyOperation, Operation
from ecr_async._wire.redaction import Redactor
from ecr_async.errors import CallError, ResponseError, ServiceError, ValidationError

__all__ = ["ErrorFinder", "decode", "decode_error", "decode_in_steps", "encode"]

ResponseT = TypeVar("ResponseT")

SHOWN = 80
"""Characters of a content type that an error repeats."""

BODY_SHOWN = 4096
"""Bytes at the beginning of an error's body that are looked through for secrets and shown in part."""

ERROR_SIZE_MAX = 128 * 1024
"""Bytes of the largest error that is parsed. The service's have a few hundred; what is larger is a page."""

ErrorFinder: TypeAlias = Callable[[str], type[ServiceError] | None]
"""Finds the class of a modelled error by its code."""


def encode(operation: AnyOperation, request: Any) -> bytes:
    """Return the body of a request; raises `ValidationError` for one that the API would reject."""
    cls: Any = operation.request
    if not isinstance(request, cls):
        got = type(request).__name__
        raise ValidationError("request", f"must be {cls.__name__}, not {got}", operation=operation.name)
    try:
        if operation.exclusive is not None:
            check_exclusive(request, *operation.exclusive)
        document = encoder(cls)(request)
        return _with_blobs(document) if operation.heavy else _JSON.encode(document)
    except InvalidError as invalid:
        raise ValidationError(invalid.path, invalid.limit, operation=operation.name) from None


def _with_blobs(document: dict[str, Any]) -> bytes:
    """Return a document as JSON, its blobs last: msgspec would copy them again as its buffer grows."""
    blobs = {name: value for name, value in document.items() if isinstance(value, msgspec.Raw)}
    others = {name: value for name, value in document.items() if name not in blobs}
    pieces: list[bytes | memoryview] = [_JSON.encode(others)[:-1]]
    for name, blob in blobs.items():
        pieces += [b"," if others else b"", _JSON.encode(name), b":", memoryview(blob)]
    return b"".join([*pieces, b"}"])


def decode(operation: Operation[Any, ResponseT], body: Document) -> ResponseT:
    """Return the typed response in `body`.

    Raises `ResponseError` with the path of what does not fit.
    """
    try:
        response: ResponseT = decoding.decode(operation.response, body or b"{}")
        return response
    except InvalidError as invalid:
        failure = _undecodable(operation, invalid)
    del body  # which may hold a secret, from where a report of this error shows local variables
    raise failure


def decode_in_steps(operation: Operation[Any, ResponseT], body: Document) -> Generator[None, None, ResponseT]:
    """Do the same for a large response, in steps that each take a few milliseconds at most."""
    try:
        response: ResponseT = yield from stepwise.decode_in_steps(operation.response, body)
        return response
    except InvalidError as invalid:
        failure = _undecodable(operation, invalid)
    del body  # which may hold a secret, from where a report of this error shows local variables
    raise failure


def _undecodable(operation: AnyOperation, invalid: InvalidError) -> ResponseError:
    """Return the error for a body that is not a response.

    It is raised outside of the handler, so that no exception that holds the body is chained to it.
    """
    return ResponseError(
        f"{invalid.path or 'the response'} {invalid.limit}",
        truncated=isinstance(invalid, decoding.TruncatedError),
        operation=operation.name,
    )


def decode_error(
    operation: AnyOperation,
    status: int,
    headers: Mapping[str, str],
    body: Document,
    *,
    find_error: ErrorFinder,
    redactor: Redactor,
) -> CallError:
    """Return the exception for a response that is not a success.

    `find_error` returns the class of an error that the operation does not declare, by its code. What the
    exception repeats of the response is cleaned by `redactor`.
    """
    document = _json_object(body) if len(body) <= ERROR_SIZE_MAX else {}
    written = header(headers, "x-amzn-errortype") or _text(document, "__type") or _text(document, "code")
    code = written.partition(":")[0].rpartition("#")[2]
    message = redactor.text(_text(document, "message") or _text(document, "Message"))
    known: dict[str, Any] = {
        "operation": operation.name,
        "status": status,
        "retry_after": _retry_after(headers.get("x-amz-retry-after")),
    }
    if not code:
        kind = (header(headers, "content-type") or "no content type").partition(";")[0]
        sentence = f"the response is not the service's ({redactor.text(kind)[:SHOWN]})"
        shown = redactor.body(bytes(body[:BODY_SHOWN]))
        return ResponseError(f"{sentence}: {message}" if message else sentence, body=shown, **known)
    details = {name: value for name, value in document.items() if name not in _ERROR_ENVELOPE}
    error = operation.error_named(code) or find_error(code) or ServiceError
    return error(message, code=redactor.text(code), details=redactor.value(details), **known)


_JSON = msgspec.json.Encoder()
_ERROR_ENVELOPE = frozenset({"__type", "code", "message", "Message"})


def _json_object(body: Document) -> dict[str, Any]:
    try:
        document = decoding.parse(body)
    except InvalidError:
        return {}
    return typing.cast("dict[str, Any]", document) if isinstance(document, dict) else {}


def _text(document: Mapping[str, Any], name: str) -> str:
    """Return a member that is a text, or a number, as emulators write it; for anything else an empty text."""
    value = document.get(name)
    return str(value) if isinstance(value, (str, int, float)) else ""


def _retry_after(milliseconds: str | None) -> float | None:
    return float(milliseconds) / 1000 if milliseconds and milliseconds.isdecimal() else None
