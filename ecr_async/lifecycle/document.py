"""ECR's JSON to rules, and back. Types and members are judged here; what they mean is judged after.

The document's form: https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_examples.html
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias, TypeVar, cast

import attrs
import msgspec

from ecr_async.errors import ValidationError
from ecr_async.lifecycle.errors import LifecyclePolicyError, Problem
from ecr_async.lifecycle.rules import Action, Rule, Selection

__all__ = ["misfits", "read", "write"]

ModelT = TypeVar("ModelT")
Fault: TypeAlias = tuple[str, str]
UNKNOWN = "no such member"


@attrs.frozen
class _Kind:
    """A JSON type: what to call it, and whether a value is of it."""

    name: str
    holds: Callable[[Any], bool]


def _is_strings(value: Any) -> bool:
    return LIST.holds(value) and bool(value) and all(map(STRING.holds, value))


INTEGER = _Kind("an integer", lambda value: type(value) is int)
STRING = _Kind("a string", lambda value: isinstance(value, str))
OBJECT = _Kind("an object", lambda value: isinstance(value, dict))
LIST = _Kind("a list", lambda value: isinstance(value, list))
STRINGS = _Kind("a list of one or more strings", _is_strings)


@attrs.frozen
class _Member:
    """A member of an object in the document, and the attribute that holds it."""

    wire: str
    attribute: str
    kind: _Kind
    required: bool = False
    model: type | None = None


SELECTION = (
    _Member("tagStatus", "tag_status", STRING, required=True),
    _Member("tagPatternList", "tag_patterns", STRINGS),
    _Member("tagPrefixList", "tag_prefixes", STRINGS),
    _Member("storageClass", "storage_class", STRING),
    _Member("countType", "count_type", STRING, required=True),
    _Member("countUnit", "count_unit", STRING),
    _Member("countNumber", "count_number", INTEGER, required=True),
)
ACTION = (
    _Member("type", "type", STRING, required=True),
    _Member("targetStorageClass", "target_storage_class", STRING),
)
RULE = (
    _Member("rulePriority", "priority", INTEGER, required=True),
    _Member("description", "description", STRING),
    _Member("selection", "selection", OBJECT, required=True, model=Selection),
    _Member("action", "action", OBJECT, required=True, model=Action),
)
MEMBERS: Mapping[type, tuple[_Member, ...]] = {Rule: RULE, Selection: SELECTION, Action: ACTION}


def read(text: str) -> tuple[list[Rule | None], list[Problem]]:
    """Return the document's rules, None where one cannot be read, and why it cannot.

    Raises `LifecyclePolicyError` if there is no list of rules in it, `ValidationError` if it isn't text.
    """
    if not isinstance(cast("object", text), str | bytes):
        raise ValidationError("text", f"must be a string, not {type(text).__name__}")
    try:
        document: Any = msgspec.json.decode(text)
    except (RecursionError, ValueError) as error:
        raise LifecyclePolicyError([Problem("document", f"must be JSON: {error}")]) from None
    if not OBJECT.holds(document):
        raise LifecyclePolicyError([Problem("document", f"must be {OBJECT.name}")])
    entries = document.get("rules")
    if not LIST.holds(entries):
        raise LifecyclePolicyError([Problem("rules", f"must be {LIST.name}")])
    problems = [Problem(name, UNKNOWN) for name in document if name != "rules"]
    rules: list[Rule | None] = []
    for place, value in enumerate(entries, start=1):
        if OBJECT.holds(value):
            faults: list[Fault] = []
            rule = _structure(value, Rule, "", faults)
            written = value.get("rulePriority")
            priority = written if INTEGER.holds(written) else None
            problems += [Problem(path, message, place, priority) for path, message in faults]
            rules.append(None if faults else rule)
        else:
            problems.append(Problem("rule", f"must be {OBJECT.name}", place))
            rules.append(None)
    return rules, problems


def write(rules: Iterable[Rule]) -> str:
    """Return the document of these rules, without white space; what is left out stays out."""
    return msgspec.json.encode({"rules": [_unstructure(rule) for rule in rules]}).decode()


def misfits(rule: object) -> list[Fault]:
    """Return which parts of a rule are of types that the document doesn't have.

    True would be written as `true`, for instance, and 1.5 as it is.
    """
    faults: list[Fault] = []
    _compare(rule, Rule, "rule", "", faults)
    return faults


def _compare(value: object, model: type, name: str, path: str, faults: list[Fault]) -> None:
    if not isinstance(value, model):
        faults.append((name, f"must be a {model.__name__}, not {type(value).__name__}"))
        return
    for member in MEMBERS[model]:
        held: object = getattr(value, member.attribute)
        here = f"{path}{member.wire}"
        if member.model is not None:
            _compare(held, member.model, here, f"{here}.", faults)
        elif member.kind is STRINGS:
            if not all(map(STRING.holds, cast("tuple[object, ...]", held))):
                faults.append((here, "must be a list of strings"))
        elif not member.kind.holds(held) and (held is not None or member.required):
            faults.append((here, f"must be {member.kind.name}, not {type(held).__name__}"))


def _structure(
    value: Mapping[str, Any], model: type[ModelT], path: str, faults: list[Fault]
) -> ModelT | None:
    """Return `value` as a `model`, or None with the reasons added to `faults`."""
    before = len(faults)
    members = MEMBERS[model]
    unknown = value.keys() - {member.wire for member in members}
    faults += [(f"{path}{name}", UNKNOWN) for name in value if name in unknown]
    attributes: dict[str, Any] = {}
    for member in members:
        here = f"{path}{member.wire}"
        if member.wire not in value:
            if member.required:
                faults.append((here, "required"))
        elif not member.kind.holds(value[member.wire]):
            faults.append((here, f"must be {member.kind.name}"))
        elif member.model is None:
            attributes[member.attribute] = value[member.wire]
        else:
            attributes[member.attribute] = _structure(value[member.wire], member.model, f"{here}.", faults)
    return None if len(faults) > before else model(**attributes)


def _unstructure(value: Rule | Selection | Action) -> dict[str, Any]:
    written: dict[str, Any] = {}
    for member in MEMBERS[type(value)]:
        held = getattr(value, member.attribute)
        if held is not None and held != ():
            written[member.wire] = held if member.model is None else _unstructure(held)
    return written
