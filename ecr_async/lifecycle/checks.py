"""Requirements that ECR makes of a policy's rules, each in one place.

The facts are those of
https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html,
https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html#lp_evaluation_rules,
https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_examples.html and, for the
number of rules, https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html
"""

from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import TypeAlias, get_args

from ecr_async.lifecycle.errors import Problem
from ecr_async.lifecycle.rules import (
    Action,
    ActionType,
    CountType,
    CountUnit,
    Rule,
    Selection,
    TagStatus,
    TargetStorageClass,
)

__all__ = ["check_count", "check_length", "check_rules"]

MAX_RULES = 50
MAX_WILDCARDS = 4
MAX_INTEGER = 2**31 - 1
"""The API's integers have 32 bits."""
MIN_DAYS_ARCHIVED = 90
MIN_LENGTH = 100
MAX_LENGTH = 30_720

Fault: TypeAlias = tuple[str, str]
"""A member's path in its rule, and what is wrong with it."""


def check_length(text: str) -> Iterator[Problem]:
    """Yield what is wrong with the length of the document's text."""
    if not MIN_LENGTH <= len(text) <= MAX_LENGTH:
        yield Problem("document", f"must have {MIN_LENGTH:,} to {MAX_LENGTH:,} characters, not {len(text):,}")


def check_rules(rules: Mapping[int, Rule]) -> Iterator[Problem]:
    """Yield what is wrong with the rules, which are given by their places in the document."""
    for place, rule in rules.items():
        for faults in (_priority(rule), _selection(rule.selection), _action(rule.action, rule.selection)):
            for path, message in faults:
                yield Problem(path, message, place, rule.priority)
    for check in (_priorities, _any_is_last, _untagged_once, _prefixes_unique):
        yield from check(rules)


def check_count(count: int) -> Iterator[Problem]:
    """Yield what is wrong with the number of rules."""
    if not 1 <= count <= MAX_RULES:
        yield Problem("rules", f"must be 1 to {MAX_RULES} rules, not {count}")


def _priority(rule: Rule) -> Iterator[Fault]:
    if not 1 <= rule.priority <= MAX_INTEGER:
        yield "rulePriority", f"must be 1 to {MAX_INTEGER:,}"


def _selection(selection: Selection) -> Iterator[Fault]:
    yield from _one_of("selection.tagStatus", selection.tag_status, TagStatus)
    yield from _tags(selection)
    yield from _one_of("selection.countType", selection.count_type, CountType)
    if selection.count_type in get_args(CountType):
        yield from _storage_class(selection)
        yield from _count_unit(selection)
    least = MIN_DAYS_ARCHIVED if selection.count_type == "sinceImageTransitioned" else 1
    if not least <= selection.count_number <= MAX_INTEGER:
        yield "selection.countNumber", f"must be {least} to {MAX_INTEGER:,} with {selection.count_type}"


def _tags(selection: Selection) -> Iterator[Fault]:
    lists = {
        "selection.tagPatternList": selection.tag_patterns,
        "selection.tagPrefixList": selection.tag_prefixes,
    }
    given = [path for path, entries in lists.items() if entries]
    if selection.tag_status == "tagged":
        if not given:
            yield "selection.tagPatternList", "it or tagPrefixList is required with tagged"
        elif len(given) == 2:
            yield "selection.tagPrefixList", "not together with tagPatternList"
    elif selection.tag_status in get_args(TagStatus):
        for path in given:
            yield path, f"not with {selection.tag_status}"
    for path, entries in lists.items():
        for index, entry in enumerate(entries):
            if not entry:
                yield f"{path}[{index}]", "must not be empty"
    for index, pattern in enumerate(selection.tag_patterns):
        if pattern.count("*") > MAX_WILDCARDS:
            yield f"selection.tagPatternList[{index}]", f"at most {MAX_WILDCARDS} wildcards"


def _storage_class(selection: Selection) -> Iterator[Fault]:
    demanded = "archive" if selection.count_type == "sinceImageTransitioned" else "standard"
    if selection.effective_storage_class != demanded:
        yield "selection.storageClass", f"must be {demanded} with {selection.count_type}"


def _count_unit(selection: Selection) -> Iterator[Fault]:
    if selection.count_type == "imageCountMoreThan":
        if selection.count_unit is not None:
            yield "selection.countUnit", f"not with {selection.count_type}"
    elif selection.count_unit is None:
        yield "selection.countUnit", f"required with {selection.count_type}"
    else:
        yield from _one_of("selection.countUnit", selection.count_unit, CountUnit)


def _action(action: Action, selection: Selection) -> Iterator[Fault]:
    yield from _one_of("action.type", action.type, ActionType)
    if action.type == "transition":
        if action.target_storage_class is None:
            yield "action.targetStorageClass", "required with transition"
        else:
            yield from _one_of("action.targetStorageClass", action.target_storage_class, TargetStorageClass)
    elif action.target_storage_class is not None:
        yield "action.targetStorageClass", "only with transition"
    if selection.count_type == "sinceImagePulled" and action.type == "expire":
        yield "action.type", "must be transition with sinceImagePulled"
    if selection.count_type == "sinceImageTransitioned" and action.type == "transition":
        yield "action.type", "must be expire with sinceImageTransitioned"


def _one_of(path: str, value: str, accepted: object) -> Iterator[Fault]:
    values = get_args(accepted)
    if value not in values:
        yield path, f"must be {' or '.join(values)}, not {value!r}"


def _repeats(
    rules: Mapping[int, Rule], key: Callable[[Rule], Hashable | None]
) -> Iterator[tuple[int, Rule, int]]:
    """Yield each rule, with its place, whose key an earlier rule has, and that one's place."""
    places: dict[Hashable, int] = {}
    for place, rule in rules.items():
        value = key(rule)
        if value is not None:
            first = places.setdefault(value, place)
            if first != place:
                yield place, rule, first


def _priorities(rules: Mapping[int, Rule]) -> Iterator[Problem]:
    for place, rule, first in _repeats(rules, lambda rule: rule.priority):
        yield Problem("rulePriority", f"must be unique; rule {first} has it too", place, rule.priority)


def _any_is_last(rules: Mapping[int, Rule]) -> Iterator[Problem]:
    # Within a storage class: AWS's own example ends the rules of each class with `any`.
    highest: dict[str, int] = {}
    for rule in rules.values():
        storage_class = rule.selection.effective_storage_class
        highest[storage_class] = max(rule.priority, highest.get(storage_class, rule.priority))
    for place, rule in rules.items():
        storage_class = rule.selection.effective_storage_class
        if rule.selection.tag_status == "any" and rule.priority < highest[storage_class]:
            message = f"must be the highest of the rules on {storage_class} images, with any"
            yield Problem("rulePriority", message, place, rule.priority)


def _untagged(rule: Rule) -> Hashable | None:
    selection = rule.selection
    return selection.effective_storage_class if selection.tag_status == "untagged" else None


def _untagged_once(rules: Mapping[int, Rule]) -> Iterator[Problem]:
    for place, rule, first in _repeats(rules, _untagged):
        message = f"rule {first} selects untagged {rule.selection.effective_storage_class} images already"
        yield Problem("selection.tagStatus", message, place, rule.priority)


def _prefixes(rule: Rule) -> Hashable | None:
    selection = rule.selection
    if not selection.tag_prefixes:
        return None
    return selection.effective_storage_class, frozenset(selection.tag_prefixes)


def _prefixes_unique(rules: Mapping[int, Rule]) -> Iterator[Problem]:
    for place, rule, first in _repeats(rules, _prefixes):
        message = f"must be unique; rule {first} has the same"
        yield Problem("selection.tagPrefixList", message, place, rule.priority)
