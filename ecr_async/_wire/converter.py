"""cattrs converters for the API's types: what finds the hooks that make them of dictionaries, and back.

A call does without: what it decodes comes from JSON alone, and goes the way of `decoding`.
"""

import base64
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

from cattrs import Converter
from cattrs.gen import make_dict_unstructure_fn, override

from ecr_async._wire.annotations import members_of
from ecr_async._wire.invalid import InvalidError
from ecr_async._wire.lenient_decoding import structure
from ecr_async._wire.structure import Structure
from ecr_async.errors import ValidationError

__all__ = ["converter", "make_converter"]


def make_converter() -> Converter:
    """Make a [cattrs](https://catt.rs) converter that knows the types of the API.

    `structure` makes a request or a response of what boto3 returns and of what the AWS CLI prints: members
    have the API's names, times are datetimes, ISO 8601 or seconds since 1970, and unknown members are
    ignored. `unstructure` gives what `json.dumps` takes, with times in ISO 8601 and blobs in base64, and
    without absent members.

    The converter is yours: register hooks, and put the types of the API into attrs classes of your own.

    Raises:
        ValidationError: From `structure`, with the path of what does not fit. Limits are not checked; a
            request is checked when it is sent.
    """
    return converter(write_time=datetime.isoformat)


def converter(
    *, write_time: Callable[[datetime], Any], absent_if_empty: Collection[tuple[type[Any], str]] = ()
) -> Converter:
    """Make a converter; the members named in `absent_if_empty`, by class, are left out if they are empty."""

    def unstructurer(cls: Any) -> Callable[[Any], dict[str, Any]]:
        names: Any = {
            member.name: override(
                rename=member.wire,
                omit_if_default=not (member.is_required or member.is_empty_when_absent)
                or (cls, member.name) in absent_if_empty,
            )
            for member in members_of(cls)
        }
        return make_dict_unstructure_fn(cls, made, **names)

    made = Converter()
    made.register_unstructure_hook(datetime, write_time)
    made.register_unstructure_hook(bytes, _as_base64)
    made.register_unstructure_hook_factory(_is_of_the_api, unstructurer)
    made.register_structure_hook_func(_is_of_the_api, _structured)
    return made


def _is_of_the_api(cls: Any) -> bool:
    return isinstance(cls, type) and issubclass(cls, Structure)


def _as_base64(blob: bytes) -> str:
    return base64.b64encode(blob).decode()


def _structured(document: Any, cls: type[Structure]) -> Structure:
    if type(document) is cls:
        return document
    try:
        return cast("Structure", structure(cls, _as_json(document)))
    except InvalidError as invalid:
        raise ValidationError(invalid.path or cls.__name__, invalid.limit) from None


def _as_json(value: Any) -> Any:
    """Return a value as it is after a way through JSON."""
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
    if isinstance(value, bytes):
        return _as_base64(value)
    if isinstance(value, Mapping):
        return {key: _as_json(item) for key, item in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, (list, tuple)):
        return [_as_json(item) for item in cast("Sequence[Any]", value)]
    return value
