"""awsJson1.1: attrs objects to the bytes on the wire, and back.

cattrs holds the converter and finds the hook for a type; the hooks are made by `encoding` and `decoding`,
once for each class, on first use. Encoding checks each field against the limits in its annotation, so
what leaves is what the API accepts, or a `ValidationError` that names the path.

On the wire absent is not null, timestamps are epoch seconds, blobs are base64. Members that we do
not know are ignored; values of enumerations that we do not know are kept.
"""

import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, TypeVar

import attrs
import orjson
from cattrs import Converter

from ecr_async._wire.decoding import make_decoder
from ecr_async._wire.encoding import InvalidError, check_exclusive, make_encoder
from ecr_async._wire.operation import AnyOperation, Operation
from ecr_async.errors import CallError, ResponseError, ServiceError, ValidationError

__all__ = ["ErrorFinder", "converter", "decode", "decode_error", "encode", "parse", "structure"]

ResponseT = TypeVar("ResponseT")

ErrorFinder: TypeAlias = Callable[[str], type[ServiceError] | None]
"""Finds the class of a modelled error by its code."""

converter = Converter()
"""The cattrs converter that knows every type of `ecr_async.api`, in the wire's form."""

converter.register_structure_hook_factory(attrs.has, make_decoder)
converter.register_unstructure_hook_factory(attrs.has, make_encoder)


def encode(operation: AnyOperation, request: Any) -> bytes:
    """Return the body that asks for `operation`; raises `ValidationError`, having sent nothing."""
    if not isinstance(request, operation.request):
        expected, got = operation.request.__name__, type(request).__name__
        raise ValidationError("request", f"must be {expected}, not {got}", operation=operation.name)
    try:
        if operation.exclusive is not None:
            check_exclusive(request, *operation.exclusive)
        return orjson.dumps(converter.get_unstructure_hook(operation.request)(request))
    except InvalidError as invalid:
        raise ValidationError(invalid.path, invalid.limit, operation=operation.name) from None
    except orjson.JSONEncodeError as error:
        raise ValidationError("request", str(error), operation=operation.name) from None


def decode(operation: Operation[Any, ResponseT], body: bytes) -> ResponseT:
    """Return the typed response in `body`; raises `ResponseError` if there is none in it."""
    return structure(operation, parse(body))


def parse(body: bytes) -> Any:
    """Do the first half of decoding: return the JSON in `body`, or raise `ResponseError`."""
    try:
        return orjson.loads(body) if body else {}
    except orjson.JSONDecodeError as error:
        raise ResponseError(f"the answer is not JSON: {error}") from None


def structure(operation: Operation[Any, ResponseT], document: Any) -> ResponseT:
    """Do the second half: return the typed response in what `parse` gave, or raise `ResponseError`."""
    try:
        response: ResponseT = converter.get_structure_hook(operation.response)(document, operation.response)
        return response
    except (AttributeError, KeyError, OSError, OverflowError, TypeError, ValueError) as error:
        raise ResponseError(f"the answer does not fit the API's model: {type(error).__name__}") from None


def decode_error(
    operation: AnyOperation, status: int, headers: Mapping[str, str], body: bytes, find_error: ErrorFinder
) -> CallError:
    """Return the exception for a response that is not a success.

    `find_error` returns the class of an error that the operation does not declare, by its code.
    """
    document = _json_object(body)
    written = headers.get("x-amzn-errortype") or document.get("__type") or document.get("code")
    known: dict[str, Any] = {
        "operation": operation.name,
        "status": status,
        "retry_after": _retry_after(headers.get("x-amz-retry-after")),
    }
    if not written:
        kind = headers.get("content-type", "no content type").partition(";")[0]
        return ResponseError(f"the answer is not the service's ({kind})", body=body, **known)
    code = str(written).partition(":")[0].rpartition("#")[2]
    message = document.get("message") or document.get("Message") or ""
    details = {name: value for name, value in document.items() if name not in _ERROR_ENVELOPE}
    error = operation.error_named(code) or find_error(code) or ServiceError
    return error(str(message), code=code, details=details, **known)


_ERROR_ENVELOPE = frozenset({"__type", "code", "message", "Message"})


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return typing.cast("dict[str, Any]", document) if isinstance(document, dict) else {}


def _retry_after(milliseconds: str | None) -> float | None:
    return float(milliseconds) / 1000 if milliseconds and milliseconds.isdecimal() else None
