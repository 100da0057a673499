"""Everything that is wrong with a policy, reported at once."""

from collections.abc import Sequence

import attrs

from ecr_async.errors import ECRError

__all__ = ["LifecyclePolicyError", "Problem"]


@attrs.frozen
class Problem:
    """One reason why ECR would reject the policy.

    `str()` of it is a line for people: `rule 2 (priority 10): selection.countUnit: required with
    sinceImagePushed`.
    """

    path: str
    """The member at fault, as the document spells it: `selection.countUnit`."""
    message: str
    """What is wrong with it."""
    rule: int | None = None
    """The rule's place in the document, from 1; None if the whole document is meant."""
    priority: int | None = None
    """The rule's `rulePriority`, where it has one."""

    def __str__(self) -> str:
        if self.rule is None:
            return f"{self.path}: {self.message}"
        named = (
            f"rule {self.rule}" if self.priority is None else f"rule {self.rule} (priority {self.priority})"
        )
        return f"{named}: {self.path}: {self.message}"


MAX_PROBLEMS = 200
"""How many an error names: four for each of a policy's 50 rules."""


class LifecyclePolicyError(ECRError, ValueError):
    """A policy that ECR would reject.

    `problems` has every reason, in the document's order; of more than 200 the first ones, and `omitted` is
    the number of the others.
    """

    def __init__(self, problems: Sequence[Problem], omitted: int = 0) -> None:
        self.problems = tuple(problems[:MAX_PROBLEMS])
        self.omitted = omitted + len(problems) - len(self.problems)
        super().__init__(self.problems, self.omitted)

    def __str__(self) -> str:
        lines = [*map(str, self.problems), *([f"and {self.omitted:,} more"] if self.omitted else [])]
        return "\n".join(lines)
