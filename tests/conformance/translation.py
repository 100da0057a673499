"""Between botocore's dictionaries and our objects, by the names of the API and nothing else.

This knows no more than that a shape is a class of the same name, and that its members are attributes in
snake case, which is how botocore itself spells names in Python. It shares no code with the codec.
"""

from datetime import UTC, datetime
from typing import Any

from botocore import xform_name
from botocore.model import ListShape, MapShape, Shape, StructureShape

import ecr_async


def to_ours(shape: Shape, value: Any) -> Any:
    """Build our object from a botocore client's parameters."""
    if isinstance(shape, StructureShape):
        fields = {xform_name(name): to_ours(shape.members[name], member) for name, member in value.items()}
        return getattr(ecr_async, shape.name)(**fields)
    if isinstance(shape, ListShape):
        return [to_ours(shape.member, item) for item in value]
    return value


def from_ours(shape: Shape, value: Any) -> Any:
    """Take our object apart, into what botocore's parser makes of the same response."""
    if value is None:
        return None
    if isinstance(shape, StructureShape):
        assert type(value) is getattr(ecr_async, shape.name)
        members = {name: getattr(value, xform_name(name)) for name in shape.members}
        return {name: from_ours(shape.members[name], member) for name, member in members.items()}
    if isinstance(shape, ListShape):
        assert type(value) is tuple
        return [from_ours(shape.member, item) for item in value]
    if isinstance(shape, MapShape):
        return {key: from_ours(shape.value, item) for key, item in value.items()}
    if shape.type_name == "timestamp":
        assert value.tzinfo is UTC
    return value


def normal(shape: Shape, value: Any) -> Any:
    """Leave out what is absent: null, and an empty list or map, which for us is the same as none.

    Moments come out in UTC: botocore gives them in the machine's own zone.
    """
    if value is None:
        return None
    if isinstance(shape, StructureShape):
        members = {name: normal(shape.members[name], member) for name, member in value.items()}
        return {name: member for name, member in members.items() if not _absent(shape.members[name], member)}
    if isinstance(shape, ListShape):
        return [normal(shape.member, item) for item in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return value


def _absent(shape: Shape, value: Any) -> bool:
    return value is None or (isinstance(shape, ListShape | MapShape) and not value)
