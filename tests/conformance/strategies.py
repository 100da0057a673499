"""Requests and responses as they may be, drawn from botocore's own model.

Nothing here knows our generated classes, so what is drawn tests them. Operations are named as the API
names them; requests are the dictionaries that a botocore client takes, responses are documents on the wire.
"""

import functools
import json
import re
from pathlib import Path
from typing import Any

import botocore.loaders
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape
from hypothesis import strategies as st

TAKEN: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "tools" / "generator" / "model.json").read_text()
)
"""The model that ecr_async/api was generated from; the installed botocore's may be older or newer."""


def _known() -> ServiceModel:
    """Return botocore's model without what came after the one that we were generated from."""
    model: dict[str, Any] = botocore.loaders.Loader().load_service_model("ecr", "service-2")
    operations = {
        name: operation for name, operation in model["operations"].items() if name in TAKEN["operations"]
    }
    shapes = {name: shape for name, shape in model["shapes"].items() if name in TAKEN["shapes"]}
    for name, shape in shapes.items():
        if "members" in shape:
            known = TAKEN["shapes"][name]["members"]
            shape["members"] = {
                member: target for member, target in shape["members"].items() if member in known
            }
    return ServiceModel({**model, "operations": operations, "shapes": shapes}, "ecr")


MODEL = _known()
OPERATIONS: list[str] = list(MODEL.operation_names)
ERRORS: list[str] = [shape.name for shape in MODEL.error_shapes]

REPEATS = 3
"""How much longer than it has to be a string or a list is drawn; the limits have tests of their own."""

REQUIRED_BY_NOW = {"Tag": ["Key", "Value"]}
"""Members that are required, but were not in the oldest models that we are tested with."""

Document = dict[str, Any]


def operation(name: str) -> OperationModel:
    """An operation as botocore models it."""
    return MODEL.operation_model(name)


def requests(name: str) -> st.SearchStrategy[Document]:
    """A request of an operation, as botocore's client takes it."""
    return _requested(operation(name).input_shape)


def responses(name: str) -> st.SearchStrategy[Document]:
    """A response of the service, as parsed JSON.

    Members that no model has yet, values that no enumeration has yet, and null for what is absent
    are among it.
    """
    return _response(operation(name).output_shape)


# ---------------------------------------------------------------------------- requests


OUR_PATTERNS = {"ImageDigest": r"[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+"}
"""What we check beyond the model: a tag in a digest's place is sent by nobody who means it."""


@functools.cache
def _requested(shape: Shape) -> st.SearchStrategy[Any]:
    if isinstance(shape, StructureShape):
        members = {name: _requested(member) for name, member in shape.members.items()}
        return _structure(shape, members)
    if isinstance(shape, ListShape):
        low, high = _bounds(shape)
        return st.lists(_requested(shape.member), min_size=low, max_size=high)
    if shape.type_name == "string":
        return st.sampled_from(shape.enum) if shape.enum else _string(shape)
    if shape.type_name in ("integer", "long"):
        return st.integers(shape.metadata.get("min"), shape.metadata.get("max", 2**63 - 1))
    if shape.type_name == "blob":
        return st.binary(max_size=64)
    if shape.type_name == "boolean":
        return st.booleans()
    raise NotImplementedError(f"no request had a {shape.type_name} when this was written: {shape.name}")


def _structure(
    shape: StructureShape, members: dict[str, st.SearchStrategy[Any]]
) -> st.SearchStrategy[Document]:
    required = {name: members.pop(name) for name in _required(shape)}
    return st.fixed_dictionaries(required, optional=members)


def _required(shape: StructureShape) -> list[str]:
    return list(dict.fromkeys([*shape.required_members, *REQUIRED_BY_NOW.get(shape.name, ())]))


def _bounds(shape: Shape) -> tuple[int, int]:
    low = shape.metadata.get("min", 0)
    return low, min(shape.metadata.get("max", low + REPEATS), low + REPEATS)


def _string(shape: Shape) -> st.SearchStrategy[str]:
    pattern = OUR_PATTERNS.get(shape.name) or shape.metadata.get("pattern")
    if pattern is None:
        low, high = _bounds(shape)
        return st.text(min_size=min(low, REPEATS), max_size=high).map(lambda text: text.ljust(low, "."))
    low, high = shape.metadata.get("min", 0), shape.metadata.get("max", 1000)
    matching = st.from_regex(re.compile(_sparing(pattern), re.ASCII), fullmatch=True)
    return matching.filter(lambda text: low <= len(text) <= high)


def _sparing(pattern: str) -> str:
    """Repeat what may be repeated without end at most `REPEATS` times: drawing is slow, and
    nested in itself.
    """
    endless = {"*": f"{{0,{REPEATS}}}", "+": f"{{1,{REPEATS}}}"}
    escaped_class_or_repeat = r"\\.|\[(?:\\.|[^\]])*\]|[*+]"
    return re.sub(escaped_class_or_repeat, lambda found: endless.get(found[0], found[0]), pattern)


# ---------------------------------------------------------------------------- responses

_WORDS = st.text(max_size=REPEATS)
_MOMENTS = st.one_of(
    st.integers(0, 2**32), st.floats(0, 2**32), st.integers(0, 2**42).map(lambda ms: ms / 1000)
)
_UNKNOWN = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | _WORDS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_WORDS, inner, max_size=2),
    max_leaves=3,
)
_LEAVES: dict[str, st.SearchStrategy[Any]] = {
    "string": _WORDS,
    "integer": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "double": st.floats(allow_nan=False, allow_infinity=False) | st.integers(0, 10),
    "boolean": st.booleans(),
    "timestamp": _MOMENTS,
}


@functools.cache
def _response(shape: Shape) -> st.SearchStrategy[Any]:
    if isinstance(shape, StructureShape):
        members = {
            name: _response(member) if name in _required(shape) else st.none() | _response(member)
            for name, member in shape.members.items()
        }
        unknown = st.dictionaries(_WORDS.map("new{}".format), _UNKNOWN, max_size=1)
        return st.builds(lambda known, new: {**known, **new}, _structure(shape, members), unknown)
    if isinstance(shape, ListShape):
        return st.lists(_response(shape.member), max_size=2)
    if isinstance(shape, MapShape):
        return st.dictionaries(_response(shape.key), _response(shape.value), max_size=2)
    if shape.type_name == "string" and shape.enum:
        return st.sampled_from(shape.enum) | st.just("A_VALUE_OF_TOMORROW")
    return _LEAVES[shape.type_name]
