"""A whole policy: its rules, and the way to ECR's document and back."""

from collections.abc import Iterable, Iterator

import attrs

from ecr_async.lifecycle.checks import check_count, check_length, check_rules
from ecr_async.lifecycle.document import misfits, read, write
from ecr_async.lifecycle.errors import LifecyclePolicyError, Problem
from ecr_async.lifecycle.rules import Rule

__all__ = ["LifecyclePolicy"]


@attrs.frozen
class LifecyclePolicy:
    """A lifecycle policy: what happens to a repository's images as they age or pile up.

    Making one checks nothing; `check`, `to_json` and `evaluate` do.
    See https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
    """

    rules: tuple[Rule, ...] = attrs.field(converter=tuple[Rule, ...])
    """1 to 50 rules, in any order: their priorities say which comes first."""

    @classmethod
    def from_json(cls, text: str) -> "LifecyclePolicy":
        """Return the policy that a document holds.

        Raises `LifecyclePolicyError` with every reason why ECR would reject the document: not JSON,
        a member that is missing, unknown or of another type, or whatever `check` objects to.
        """
        rules, problems = read(text)
        readable = {place: rule for place, rule in enumerate(rules, start=1) if rule is not None}
        problems += [*check_length(text), *check_count(len(rules)), *check_rules(readable)]
        _raise_if_any(problems)
        return cls(readable.values())

    def check(self) -> None:
        """Raise `LifecyclePolicyError` with every reason why ECR would reject this policy."""
        self.to_json()

    def to_json(self) -> str:
        """Return the document for `put_lifecycle_policy`, 100 to 30,720 characters without white space.

        `from_json` of it is this policy again. Raises `LifecyclePolicyError`, as `check` does.
        """
        problems = list(self._misfits())
        unreadable = {problem.rule for problem in problems}
        readable = {place: rule for place, rule in enumerate(self.rules, 1) if place not in unreadable}
        problems += [*check_count(len(self.rules)), *check_rules(readable)]
        text = "" if unreadable else write(self.rules)
        _raise_if_any(problems if unreadable else [*problems, *check_length(text)])
        return text

    def _misfits(self) -> Iterator[Problem]:
        for place, rule in enumerate(self.rules, start=1):
            for path, message in misfits(rule):
                yield Problem(path, message, place)


def _raise_if_any(problems: Iterable[Problem]) -> None:
    found = sorted(problems, key=lambda problem: problem.rule or 0)
    if found:
        raise LifecyclePolicyError(found)
