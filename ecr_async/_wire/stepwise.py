"""Large responses, decoded a step at a time: between two steps the event loop has its turn.

A page of a thousand images is decoded in one step, of 1 ms. What is larger is opened level by level: a list
is divided into shorter ones, msgspec finds where each item of those begins and ends, and each is then decoded
alone. Before that the values are counted, since `{}` is two bytes on the wire and a few hundred in memory.
"""

from collections.abc import Generator
from typing import Any

import msgspec

from ecr_async._wire import decoding
from ecr_async._wire.annotations import Kind, members_of
from ecr_async._wire.decoding import Document, Steps
from ecr_async._wire.invalid import InvalidError
from ecr_async._wire.lenient_decoding import structure, structure_value
from ecr_async._wire.outline import OBJECT_COST, Outline, divided

__all__ = ["VALUES_MAX", "decode_in_steps"]

PAGE_SIZE_MAX = 1024 * 1024
"""The size in bytes of the largest response that is decoded in one step."""

PAGE_ITEMS_MAX = 1000
"""The number of items in the longest list that is decoded so: the largest page of the API."""

ITEM_SIZE_MAX = 64 * 1024
"""The size in bytes of the largest item that is decoded in one step."""

STEP = 128 * 1024
"""About how many bytes of small items are decoded in one step."""

ITEM_COST = 64
"""Bytes that each item counts for there, on top of its own."""

COUNTED = 256 * 1024
"""How many bytes are searched for values in one step."""

VALUES_MAX = 2_000_000
"""How many values a response may hold; an object counts as several."""

UNDIVIDED_VALUES_MAX = 300_000
"""How many values a body may hold whose lists are not divided: msgspec finds their items in 20 ms."""

UNDIVIDED_SIZE_MAX = 16 * 1024 * 1024
"""The size in bytes of the largest such body."""

TEXT_SIZE_MAX = 8 * 1024 * 1024
"""The size in bytes of the largest text or blob, as JSON: an image's manifest has 4 MiB at most."""

MAP_SIZE_MAX = 1024 * 1024
"""The size in bytes of the largest map."""


def decode_in_steps(cls: Any, body: Document) -> Steps:
    """Return the object of a class of the API in a large response's body.

    Raises `InvalidError` with the path of what does not fit, or for a body that holds too much.
    """
    if len(body) <= PAGE_SIZE_MAX and (page := _page(cls, body)) is not None:
        return page
    yield
    is_dense = yield from _check_cost(body)
    return (yield from _open(Kind(cls), body, is_dense))


def _page(cls: Any, body: Document) -> Any | None:
    """Return a page as the API sends it, None for an unusual one, whose faults must be found."""
    try:
        page = decoding.decoder(cls).decode(body)
    except (RecursionError, ValueError):
        return None
    lists: list[Any] = [value for value in msgspec.structs.astuple(page) if isinstance(value, tuple)]
    return page if max(map(len, lists), default=0) <= PAGE_ITEMS_MAX else None


def _check_cost(body: Document) -> Generator[None, None, bool]:
    """Reject a body that holds too many values; return whether it holds very many.

    They are estimated with what stands in strings, such as manifests, which takes no time; and then counted
    if they seem to be too many.
    """
    estimate = 0
    for start in range(0, len(body), COUNTED):
        end = start + COUNTED
        estimate += OBJECT_COST * body.count(b"{", start, end) + body.count(b",", start, end)
        yield
    if estimate > VALUES_MAX:
        outline = Outline()
        for start in range(0, len(body), COUNTED):
            outline.read(body[start : start + COUNTED])
            if outline.cost > VALUES_MAX:
                raise InvalidError(f"must hold at most {VALUES_MAX:,} values")
            yield
    return estimate > UNDIVIDED_VALUES_MAX or len(body) > UNDIVIDED_SIZE_MAX


def _open(kind: Kind, body: "Document | msgspec.Raw", is_dense: bool) -> Steps:
    """Return a value as `structure` takes it: an object and a large list ready, anything else parsed."""
    size = len(memoryview(body))
    is_small = size <= ITEM_SIZE_MAX
    if body == _NULL or not (kind.is_object or (kind.base is tuple and not is_small)):
        limit = TEXT_SIZE_MAX if kind.item is None else MAP_SIZE_MAX
        if size > limit:
            raise InvalidError(f"must be at most {limit:,} bytes")
        return decoding.parse(bytes(body))
    if is_small:
        return decoding.decode(kind.base, bytes(body))
    open_large = _open_object if kind.is_object else _open_list
    return (yield from open_large(kind, body, is_dense))


def _open_object(kind: Kind, body: "Document | msgspec.Raw", is_dense: bool) -> Steps:
    try:
        values = yield from decoding.read_in_steps(_OBJECT, body)
    except msgspec.ValidationError:
        raise InvalidError("must be an object") from None
    yield
    document: dict[str, Any] = {}
    for member in members_of(kind.base):
        try:
            if member.wire in values:
                document[member.wire] = yield from _open(member.kind, values[member.wire], is_dense)
        except InvalidError as invalid:
            raise invalid.under(member.wire) from None
    return structure(kind.base, document)


def _open_list(kind: Kind, body: "Document | msgspec.Raw", is_dense: bool) -> Steps:
    assert kind.item is not None
    whole = memoryview(body)
    if whole[0] != ord("["):
        raise InvalidError("must be a list")
    ready: list[Any] = []
    index = size = 0
    for part in divided(whole, STEP) if is_dense else (body,):
        yield
        for item in (yield from decoding.read_in_steps(_LIST, part)) if part else ():
            try:
                value = structure_value(kind.item, (yield from _open(kind.item, item, is_dense)))
            except InvalidError as invalid:
                raise invalid.under(f"[{index}]") from None
            index += 1
            if value is not None:
                ready.append(value)
            size += len(memoryview(item)) + ITEM_COST
            if size > STEP:
                size = 0
                yield
    return tuple(ready)


_NULL = msgspec.Raw(b"null")
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
