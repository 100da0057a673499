"""awsJson1.1: attrs objects to the bytes on the wire, and back.

cattrs holds the converter and finds the hook for a type; the hooks are made here, once for each
class, on first use. Decoding is where a client spends its time, so a decoder is straight-line code
written for its class: one dictionary look-up and one slot for each field, no loop, no call.
A frozen attrs class pays for its immutability in `__init__`; a decoder fills in an object of a
mutable twin with the same slots, and makes it the real thing with one assignment to `__class__`.

Encoding checks each field against the limits in its annotation, so what leaves is what the API
accepts, or a `ValidationError` that names the path.

On the wire absent is not null, timestamps are epoch seconds, blobs are base64. Members that we do
not know are ignored; values of enumerations that we do not know are kept.
"""

import base64
import gc
import re
import types
import typing
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import attrs
import orjson
from cattrs import Converter

from ecr_async.errors import CallError, ResponseError, ServiceError, ValidationError
from ecr_async.operation import AnyOperation, Limit, Operation

__all__ = ["collection_paused", "converter", "decode", "decode_error", "encode", "request_id", "wire_name"]

ResponseT = TypeVar("ResponseT")
Encoder = Callable[[Any], Any]
Decoder = Callable[[Any, Any], Any]

BLOB_SLICE = 3 * 64 * 1024
"""Bytes turned into base64 at once; the interpreter lock is free between slices."""

SHOWN = 80
"""Characters of a wrong value that its error repeats."""

converter = Converter()
"""The cattrs converter that knows every type of `ecr_async.api`, in the wire's form."""


def encode(operation: AnyOperation, request: Any) -> bytes:
    """Return the body that asks for `operation`; raises `ValidationError`, having sent nothing."""
    if not isinstance(request, operation.request):
        expected, got = operation.request.__name__, type(request).__name__
        raise ValidationError("request", f"must be {expected}, not {got}", operation=operation.name)
    try:
        if operation.exclusive is not None:
            _check_exclusive(request, *operation.exclusive)
        return orjson.dumps(converter.get_unstructure_hook(operation.request)(request))
    except _InvalidError as invalid:
        raise ValidationError(invalid.path, invalid.limit, operation=operation.name) from None
    except orjson.JSONEncodeError as error:
        raise ValidationError("request", str(error), operation=operation.name) from None


def decode(operation: Operation[Any, ResponseT], body: bytes) -> ResponseT:
    """Return the typed response in `body`; raises `ResponseError` if there is none in it."""
    try:
        structure = converter.get_structure_hook(operation.response)
        response: ResponseT = structure(orjson.loads(body) if body else {}, operation.response)
        return response
    except orjson.JSONDecodeError as error:
        raise ResponseError(f"the answer is not JSON: {error}") from None
    except (AttributeError, KeyError, OSError, OverflowError, TypeError, ValueError) as error:
        raise ResponseError(f"the answer does not fit the API's model: {type(error).__name__}") from None


@contextmanager
def collection_paused() -> Generator[None, None, None]:
    """Hold off the garbage collector while a large answer is decoded.

    None of the many thousand objects that it becomes is garbage, but making them would set off several
    collections to find that out, each of which may look at everything else that the program holds.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def decode_error(operation: AnyOperation, status: int, headers: Mapping[str, str], body: bytes) -> CallError:
    """Return the exception for an answer that is not a success."""
    document = _json_object(body)
    written = headers.get("x-amzn-errortype") or document.get("__type") or document.get("code")
    known: dict[str, Any] = {
        "operation": operation.name,
        "status": status,
        "request_id": request_id(headers),
        "retry_after": _retry_after(headers.get("x-amz-retry-after")),
    }
    if not written:
        kind = headers.get("content-type", "no content type").partition(";")[0]
        return ResponseError(f"the answer is not the service's ({kind})", body=body, **known)
    code = str(written).partition(":")[0].rpartition("#")[2]
    message = document.get("message") or document.get("Message") or ""
    details = {name: value for name, value in document.items() if name not in _ERROR_ENVELOPE}
    error = operation.error_named(code) or _modelled_elsewhere(code) or ServiceError
    return error(str(message), code=code, details=details, **known)


def request_id(headers: Mapping[str, str]) -> str | None:
    """Return the service's own name for an attempt, out of its answer's headers."""
    return headers.get("x-amzn-requestid") or headers.get("x-amz-request-id")


def wire_name(field: "attrs.Attribute[Any]") -> str:
    """Return a field's name in JSON: `repository_name` is `repositoryName`."""
    given = field.metadata.get("wire")
    if given:
        return str(given)
    first, *rest = field.name.split("_")
    return first + "".join(word.capitalize() for word in rest)


_ERROR_ENVELOPE = frozenset({"__type", "code", "message", "Message"})


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return typing.cast("dict[str, Any]", document) if isinstance(document, dict) else {}


def _retry_after(milliseconds: str | None) -> float | None:
    return float(milliseconds) / 1000 if milliseconds and milliseconds.isdecimal() else None


def _modelled_elsewhere(code: str) -> type[ServiceError] | None:
    from ecr_async import api  # noqa: PLC0415 - only for an error that the operation doesn't declare

    return api.error_named(code)


def _check_exclusive(request: Any, field: str, others: Sequence[str]) -> None:
    if getattr(request, field) is None:
        return
    for other in others:
        if getattr(request, other) is not None:
            raise _InvalidError(f"cannot be sent together with {field}", other)


class _InvalidError(Exception):
    """A limit that was broken; the path grows from the inside as the exception rises."""

    def __init__(self, limit: str, path: str = "") -> None:
        super().__init__(limit)
        self.limit = limit
        self.path = path

    def under(self, name: str) -> "_InvalidError":
        separator = "" if not self.path or self.path.startswith("[") else "."
        self.path = f"{name}{separator}{self.path}"
        return self


# ---------------------------------------------------------------------------- types of fields


@attrs.frozen
class _Kind:
    """What a field's annotation says: a plain type, that of its items, and its limit."""

    base: Any
    item: Any = None
    limit: Limit | None = None


def _kind(annotation: Any) -> _Kind:
    origin = get_origin(annotation)
    if origin is Annotated:
        base, *extra = get_args(annotation)
        limit = next((x for x in extra if isinstance(x, Limit)), None)
        return attrs.evolve(_kind(base), limit=limit)
    if origin in (Union, types.UnionType):
        return _kind(next(option for option in get_args(annotation) if option is not types.NoneType))
    if origin is Literal:
        return _Kind(str)
    if origin in (tuple, Sequence):
        return _Kind(tuple, item=get_args(annotation)[0])
    if origin is Mapping:
        return _Kind(dict, item=get_args(annotation)[1])
    return _Kind(annotation)


# ---------------------------------------------------------------------------- decoding


def _make_decoder(cls: type[Any]) -> Decoder:
    """Write the decoder of an attrs class, as a person in a hurry would."""
    names: dict[str, Any] = {
        "cls": cls,
        "twin": _mutable_twin(cls),
        "fromtimestamp": datetime.fromtimestamp,
        "utc": UTC,
        "b64decode": base64.b64decode,
    }
    lines = ["def decode(data, _):", "    get = data.get", "    self = twin()"]
    for field in attrs.fields(cls):
        kind, wire = _kind(field.type), wire_name(field)
        value = _decoding_expression(kind, field.name, names)
        if field.default is attrs.NOTHING:
            lines += [f"    v = data[{wire!r}]", f"    self.{field.name} = {value}"]
        elif kind.base in (tuple, dict):
            empty = "()" if kind.base is tuple else "{}"
            absent = "None" if field.default is None else empty
            given = "v" if field.default is not None else "v is not None"
            lines += [f"    v = get({wire!r})", f"    self.{field.name} = {value} if {given} else {absent}"]
        elif value == "v":
            lines.append(f"    self.{field.name} = get({wire!r})")
        else:
            lines += [f"    v = get({wire!r})", f"    self.{field.name} = None if v is None else {value}"]
    lines += ["    self.__class__ = cls", "    return self"]
    exec("\n".join(lines), names)  # noqa: S102 - our own text, made of our own field names
    return typing.cast("Decoder", names["decode"])


def _decoding_expression(kind: _Kind, name: str, names: dict[str, Any]) -> str:
    """Return Python text that turns `v` from JSON into the field's value."""
    if kind.base is datetime:
        return "fromtimestamp(v, utc)"
    if kind.base is bytes:
        return "b64decode(v)"
    if kind.base in (tuple, dict):
        inner = _decoding_expression(_kind(kind.item), name, names)
        if inner == "v":
            return "tuple(v)" if kind.base is tuple else "v"
        if kind.base is tuple:
            return f"tuple([{inner} for v in v])"
        return f"{{k: {inner} for k, v in v.items()}}"
    if attrs.has(kind.base):
        names[f"decode_{name}"] = converter.get_structure_hook(kind.base)
        return f"decode_{name}(v, None)"
    return "v"


def _mutable_twin(cls: type[Any]) -> type[Any]:
    """Return a class with the slots of `cls` and none of its rules.

    An object may change between two classes that lay out the same slots; a slot for weak references
    would prevent it.
    """
    return type(cls.__name__, cls.__bases__, {"__slots__": cls.__slots__})


converter.register_structure_hook_factory(attrs.has, _make_decoder)


# ---------------------------------------------------------------------------- encoding


def _make_encoder(cls: type[Any]) -> Encoder:
    """Make the encoder of an attrs class, which checks what it encodes."""
    members = [
        (field.name, wire_name(field), _value_encoder(_kind(field.type)), field.default)
        for field in attrs.fields(cls)
    ]

    def encode_object(value: Any) -> dict[str, Any]:
        if not isinstance(value, cls):
            raise _InvalidError(f"must be {cls.__name__}, not {type(value).__name__}")
        document: dict[str, Any] = {}
        for name, wire, encode_value, default in members:
            member = getattr(value, name)
            if member is None or (member == () and default == ()):
                if default is attrs.NOTHING:
                    raise _InvalidError("is required", name)
                continue
            try:
                document[wire] = encode_value(member)
            except _InvalidError as invalid:
                raise invalid.under(name) from None
        return document

    return encode_object


def _value_encoder(kind: _Kind) -> Encoder:
    """Return the function that checks and encodes one value of this kind."""
    limit = kind.limit or Limit()
    if kind.base is tuple:
        return _sequence_encoder(_value_encoder(_kind(kind.item)), limit)
    if kind.base is dict:
        return _mapping_encoder(_value_encoder(_kind(kind.item)))
    if kind.base is str:
        return _string_encoder(limit)
    if kind.base is bool:
        return _typed_encoder(bool, "true or false")
    if kind.base in (int, float):
        return _number_encoder(kind.base, limit)
    if kind.base is bytes:
        return _blob_encoder(limit)
    if kind.base is datetime:
        return datetime.timestamp
    return converter.get_unstructure_hook(kind.base)


def _typed_encoder(cls: type[Any], name: str) -> Encoder:
    def encode_value(value: Any) -> Any:
        if not isinstance(value, cls):
            raise _InvalidError(f"must be {name}, not {type(value).__name__}")
        return value

    return encode_value


def _string_encoder(limit: Limit) -> Encoder:
    check_type = _typed_encoder(str, "a string")
    check_length = _bounds(limit, "{} long", "characters")
    matches = re.compile(limit.pattern, re.ASCII).fullmatch if limit.pattern else None

    def encode_string(value: Any) -> Any:
        check_type(value)
        if check_length:
            check_length(len(value))
        if matches and not matches(value):
            raise _InvalidError(f"must match {limit.pattern}, not {value[:SHOWN]!r}")
        return value

    return encode_string


def _number_encoder(cls: type[Any], limit: Limit) -> Encoder:
    check_type = _typed_encoder(int if cls is int else (int, float), "a number")  # type: ignore[arg-type]
    check_value = _bounds(limit, "{}", "")

    def encode_number(value: Any) -> Any:
        check_type(value)
        if isinstance(value, bool):
            raise _InvalidError("must be a number, not bool")
        if check_value:
            check_value(value)
        return value

    return encode_number


def _blob_encoder(limit: Limit) -> Encoder:
    check_type = _typed_encoder((bytes, bytearray, memoryview), "bytes")  # type: ignore[arg-type]
    check_length = _bounds(limit, "{} long", "bytes")

    def encode_blob(value: Any) -> Any:
        check_type(value)
        view = memoryview(value)
        if not view.c_contiguous:
            raise _InvalidError("must be bytes that lie side by side")
        view = view.cast("B")
        if check_length:
            check_length(len(view))
        slices = (view[start : start + BLOB_SLICE] for start in range(0, len(view), BLOB_SLICE))
        return orjson.Fragment(b"".join((b'"', *map(base64.b64encode, slices), b'"')))

    return encode_blob


def _sequence_encoder(encode_item: Encoder, limit: Limit) -> Encoder:
    check_size = _bounds(limit, "a list of {}", "items")

    def encode_sequence(value: Any) -> list[Any]:
        if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
            raise _InvalidError(f"must be a list, not {type(value).__name__}")
        items: list[Any] = list(value)  # pyright: ignore[reportUnknownArgumentType]
        if check_size:
            check_size(len(items))
        encoded: list[Any] = []
        try:
            for item in items:
                encoded.append(encode_item(item))  # noqa: PERF401 - the index is in len(encoded)
        except _InvalidError as invalid:
            raise invalid.under(f"[{len(encoded)}]") from None
        return encoded

    return encode_sequence


def _mapping_encoder(encode_item: Encoder) -> Encoder:
    check_type = _typed_encoder(Mapping, "a mapping")

    def encode_mapping(value: Any) -> dict[str, Any]:
        return {key: encode_item(item) for key, item in check_type(value).items()}

    return encode_mapping


def _bounds(limit: Limit, sentence: str, unit: str) -> Callable[[int], None] | None:
    """Return the check of a number against the limit, or None when all numbers pass."""
    low, high = limit.minimum, limit.maximum
    if low is None and high is None:
        return None
    if low is None:
        bounds = f"at most {high:,}"
    elif high is None:
        bounds = f"at least {low:,}"
    else:
        bounds = f"{low:,} to {high:,}"
    wish = f"must be {sentence.format(f'{bounds} {unit}'.strip())}"

    def check(number: int) -> None:
        if (low is not None and number < low) or (high is not None and number > high):
            raise _InvalidError(f"{wish}, not {number:,}")

    return check


converter.register_unstructure_hook_factory(attrs.has, _make_encoder)
