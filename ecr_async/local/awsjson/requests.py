"""Requests: awsJson1.1 read strictly, into what the API's types and limits allow.

A member of a wrong type is a `SerializationException`, as the protocol's parser raises it; a member that
breaks a limit is an `InvalidParameterException`, in ECR's words. Types come first, as in AWS's services.

The client passes on enumerations' values that it does not know, in case the service does. The service
does not.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeVar

import msgspec

from ecr_async._wire.annotations import Kind, members_of
from ecr_async._wire.operation import AnyOperation, Limit, Operation
from ecr_async.errors import ServiceError
from ecr_async.local.awsjson.base64_blobs import decode_blob
from ecr_async.local.json_values import as_items, as_object
from ecr_async.local.rules import messages

__all__ = ["read_request"]

RequestT = TypeVar("RequestT")

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])


def read_request(operation: Operation[RequestT, Any], body: bytes | bytearray) -> RequestT:
    """Return the request in a body; raises `ServiceError`."""
    violations: list[ServiceError] = []
    try:
        document = _document(operation, body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise messages.not_json() from None
    request: RequestT = _structure(operation.request, document, "", violations)
    _check_exclusive(operation, request, violations)
    if violations:
        raise violations[0]
    return request


def _document(operation: AnyOperation, body: bytes | bytearray) -> Any:
    """Return what is in the body; blobs are left as they stand in it, since they are large."""
    if not operation.heavy:
        return msgspec.json.decode(body or b"{}")
    return {
        name: value if name in _blobs(operation) else msgspec.json.decode(value)
        for name, value in _members.decode(body).items()
    }


@cache
def _blobs(operation: AnyOperation) -> frozenset[str]:
    request: Any = operation.request
    return frozenset(member.wire for member in members_of(request) if member.kind.base is bytes)


# ---------------------------------------------------------------------------- types


def _structure(cls: Any, value: Any, path: str, violations: list[ServiceError]) -> Any:
    document = as_object(value)
    if document is None:
        raise messages.wrong_type(value, "structure")
    members: dict[str, Any] = {}
    for member in members_of(cls):
        held = document.get(member.wire)
        where = f"{path}{member.wire}"
        if held is not None:
            members[member.name] = _value(member.kind, held, where, violations)
            _check(member.kind, members[member.name], where, violations)
        elif member.is_required:
            raise violations[0] if violations else messages.missing(where)
    return cls(**members)


def _value(kind: Kind, value: Any, path: str, violations: list[ServiceError]) -> Any:
    """Return a value as what it must be; raises `SerializationException` if it is something else."""
    if kind.is_object:
        return _structure(kind.base, value, f"{path}.", violations)
    return _READERS[kind.base](kind, value, path, violations)


def _list(kind: Kind, value: Any, path: str, violations: list[ServiceError]) -> Any:
    items = as_items(value)
    if items is None or kind.item is None:
        raise messages.wrong_type(value, "list")
    return tuple(_value(kind.item, each, f"{path}[{n}]", violations) for n, each in enumerate(items))


def _scalar(accepted: type[Any], name: str) -> Callable[[Kind, Any, str, list[ServiceError]], Any]:
    def read(kind: Kind, value: Any, path: str, violations: list[ServiceError]) -> Any:
        if type(value) is not accepted:
            raise messages.wrong_type(value, name)
        return value

    return read


def _blob(kind: Kind, value: Any, path: str, violations: list[ServiceError]) -> bytes:
    try:
        return decode_blob(memoryview(value))
    except (TypeError, ValueError):
        raise messages.wrong_type(value, "blob") from None


_READERS: Mapping[Any, Callable[[Kind, Any, str, list[ServiceError]], Any]] = {  # of every type in a request
    tuple: _list,
    str: _scalar(str, "string"),
    int: _scalar(int, "integer"),
    bool: _scalar(bool, "boolean"),
    bytes: _blob,
}


# ---------------------------------------------------------------------------- limits


def _check(kind: Kind, value: Any, path: str, violations: list[ServiceError]) -> None:
    """Add what is wrong with a value that has the right type."""
    broken = _broken(kind, value)
    if broken:
        constraint = messages.member_constraint(broken) if kind.base is tuple else messages.constraint(broken)
        violations.append(messages.invalid(path, constraint))
    elif kind.values and value not in kind.values:
        violations.append(messages.invalid(path, messages.not_in_set(kind.values)))
    elif kind.base is tuple and kind.item is not None and not kind.item.is_object:
        for item in value:
            broken = _broken(kind.item, item)
            if broken:
                violations.append(messages.invalid(path, messages.items_constraint(broken)))
                return
            if kind.item.values and item not in kind.item.values:
                violations.append(messages.invalid(path, messages.not_in_set(kind.item.values)))
                return


def _broken(kind: Kind, value: Any) -> messages.Broken | None:
    """Return the limit that a value breaks."""
    limit = kind.limit or Limit()
    is_number = kind.base is int
    if kind.base is bool or kind.is_object:
        return None
    size = value if is_number else len(value)
    if limit.minimum is not None and size < limit.minimum:
        return messages.Broken(at_least=limit.minimum, is_number=is_number)
    if limit.maximum is not None and size > limit.maximum:
        return messages.Broken(at_most=limit.maximum, is_number=is_number)
    if limit.pattern is not None and not limit.advice and not _pattern(limit.pattern)(value):
        return messages.Broken(pattern=limit.pattern)
    return None


def _check_exclusive(operation: AnyOperation, request: Any, violations: list[ServiceError]) -> None:
    if operation.exclusive is None:
        return
    names = {member.name: member.wire for member in members_of(request.__class__)}
    field, others = operation.exclusive
    if getattr(request, field) is not None:
        given = [other for other in others if getattr(request, other) is not None]
        violations += [messages.exclusive(names[other], names[field]) for other in given]


@cache
def _pattern(pattern: str) -> Callable[[str], object]:
    return re.compile(pattern, re.ASCII).fullmatch
