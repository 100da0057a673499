"""What the annotations of the API's types say: a field's kind, its limit, its name on the wire."""

import types
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import attrs

from ecr_async._wire.operation import Limit

__all__ = ["Kind", "kind_of", "wire_name"]


@attrs.frozen(eq=False, repr=False)
class Kind:
    """What a field's annotation says: a plain type, that of its items, and its limit."""

    base: Any
    item: Any = None
    limit: Limit | None = None


def kind_of(annotation: Any) -> Kind:
    """Return what an annotation says; a union with None, or of literals and text, is of its first kind."""
    origin = get_origin(annotation)
    if origin is Annotated:
        base, *extra = get_args(annotation)
        limit = next((x for x in extra if isinstance(x, Limit)), None)
        return attrs.evolve(kind_of(base), limit=limit)
    if origin in (Union, types.UnionType):
        return kind_of(next(option for option in get_args(annotation) if option is not types.NoneType))
    if origin is Literal:
        return Kind(str)
    if origin in (tuple, Sequence):
        return Kind(tuple, item=get_args(annotation)[0])
    if origin is Mapping:
        return Kind(dict, item=get_args(annotation)[1])
    return Kind(annotation)


def wire_name(field: "attrs.Attribute[Any]") -> str:
    """Return a field's name in JSON: `repository_name` is `repositoryName`."""
    given = field.metadata.get("wire")
    if given:
        return str(given)
    first, *rest = field.name.split("_")
    return first + "".join(word.capitalize() for word in rest)
