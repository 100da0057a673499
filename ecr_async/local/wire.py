"""awsJson1.1 from the service's side: requests read and checked, answers and refusals written."""

import re
import types
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import attrs
import orjson
from cattrs import Converter
from cattrs.gen import make_dict_unstructure_fn, override

from ecr_async._wire import codec
from ecr_async._wire.annotations import members_of
from ecr_async._wire.decoding import decode, parse
from ecr_async._wire.invalid import InvalidError
from ecr_async._wire.operation import Operation
from ecr_async._wire.structuring import structure
from ecr_async.api.common import InvalidParameterException, ServerException
from ecr_async.errors import ServiceError, ValidationError

__all__ = ["dump", "invalid", "load", "read_request", "write_error", "write_response"]

RequestT = TypeVar("RequestT")
ValueT = TypeVar("ValueT")

STATUSES = {ServerException.code: 500, "NotImplementedByLocalECR": 501}
"""HTTP statuses by error code; a refusal is a 400."""


def read_request(operation: Operation[RequestT, Any], body: bytes) -> RequestT:
    """Return the request in `body`; raises `InvalidParameterException` where it breaks a limit."""
    try:
        request: RequestT = structure(operation.request, parse(body or b"{}"), lenient=False)
    except InvalidError as error:
        if error.path:
            raise invalid(error.path, error.limit) from None
        raise ServiceError(
            f"The body does not fit the operation: it {error.limit}", code="SerializationException"
        ) from None
    try:
        codec.encode(operation, request)
    except ValidationError as error:
        names_a_field = operation.exclusive is not None and error.path in operation.exclusive[1]
        limit = _on_the_wire(error.limit) if names_a_field else error.limit
        raise invalid(_on_the_wire(error.path), limit) from None
    for path, accepted in _unknown_values(request):
        raise invalid(path, f"must be one of {', '.join(accepted)}")
    return request


def invalid(path: str, constraint: str) -> InvalidParameterException:
    """Return ECR's refusal of one member of a request."""
    return InvalidParameterException(
        f"Invalid parameter at '{path}' failed to satisfy constraint: '{constraint}'"
    )


def write_response(response: Any) -> bytes:
    """Return the body of a success. Lists of the response itself are there even if they are empty."""
    document = _converter.unstructure(response)
    for name, wire in _top_level_lists(response.__class__):
        if not getattr(response, name):
            document[wire] = []
    return orjson.dumps(document)


def dump(value: Any) -> str:
    """Return an object of the API as the store keeps it."""
    return orjson.dumps(_converter.unstructure(value)).decode()


def load(form: type[ValueT], text: str) -> ValueT:
    """Return an object of the API that was kept."""
    value: ValueT = decode(form, text.encode())
    return value


def write_error(error: ServiceError) -> tuple[int, bytes]:
    """Return the status and the body of a refusal."""
    body = {"__type": error.code, "message": error.message, **error.details}
    return STATUSES.get(error.code, 400), orjson.dumps(body)


def _unstructurer(cls: Any) -> Any:
    names: Any = {
        member.name: override(rename=member.wire, omit_if_default=not member.is_required)
        for member in members_of(cls)
    }
    return make_dict_unstructure_fn(cls, _converter, **names)


_converter = Converter()
"""Answers need no checking, so they take cattrs' own way, which is faster."""
_converter.register_unstructure_hook(datetime, datetime.timestamp)
_converter.register_unstructure_hook_factory(attrs.has, _unstructurer)


@cache
def _top_level_lists(cls: Any) -> tuple[tuple[str, str], ...]:
    return tuple(
        (member.name, member.wire)
        for member in members_of(cls)
        if member.kind.base is tuple and member.is_empty_when_absent
    )


def _on_the_wire(names: str) -> str:
    return re.sub(r"_([a-z])", lambda found: found[1].upper(), names)


# ---------------------------------------------------------------------------- enumerations
#
# The client passes on values that it does not know, in case the service does. The service does not.


@attrs.frozen
class _Member:
    """A field that holds an enumeration's value, or an object that may."""

    name: str
    wire: str
    values: tuple[str, ...]
    is_list: bool


@cache
def _members(cls: Any) -> tuple[_Member, ...]:
    members: list[_Member] = []
    wires = {member.name: member.wire for member in members_of(cls)}
    for field in attrs.fields(cls):
        item, is_list = _item(field.type)
        values = _enumeration(item)
        nested = next((option for option in _options(item) if attrs.has(option)), None)
        if values or (nested and _members(nested)):
            members.append(_Member(field.name, wires[field.name], values, is_list))
    return tuple(members)


def _options(annotation: Any) -> tuple[Any, ...]:
    """Return what a value may be, None apart."""
    if get_origin(annotation) is Annotated:
        return _options(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(flat for option in get_args(annotation) for flat in _options(option))
    return (annotation,)


def _item(annotation: Any) -> tuple[Any, bool]:
    """Return the type of a field or, for a list, of its items; and whether it is a list."""
    for option in _options(annotation):
        if get_origin(option) is Sequence:
            return get_args(option)[0], True
    return annotation, False


def _enumeration(annotation: Any) -> tuple[str, ...]:
    return next((get_args(option) for option in _options(annotation) if get_origin(option) is Literal), ())


def _unknown_values(value: Any, path: str = "") -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield where a request holds a value that its enumeration hasn't got, and what that has."""
    for member in _members(value.__class__):
        held = getattr(value, member.name)
        items: Mapping[str, Any] = {f"{path}{member.wire}": held}
        if member.is_list:
            items = {f"{path}{member.wire}[{index}]": item for index, item in enumerate(held or ())}
        for place, item in items.items():
            if item is None:
                continue
            if not member.values:
                yield from _unknown_values(item, f"{place}.")
            elif item not in member.values:
                yield place, member.values
