"""The parts of a policy: a rule selects images, and says what happens to them.

Attributes are named for Python, and what they hold is spelled as in ECR's document.
See https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html
"""

from collections.abc import Iterable
from typing import Literal, TypeAlias, cast

import attrs

__all__ = [
    "Action",
    "ActionType",
    "CountType",
    "CountUnit",
    "Rule",
    "Selection",
    "StorageClass",
    "TagStatus",
    "Tags",
    "TargetStorageClass",
]

TagStatus: TypeAlias = Literal["tagged", "untagged", "any"]
CountType: TypeAlias = Literal[
    "imageCountMoreThan", "sinceImagePushed", "sinceImagePulled", "sinceImageTransitioned"
]
CountUnit: TypeAlias = Literal["days"]
StorageClass: TypeAlias = Literal["standard", "archive"]
ActionType: TypeAlias = Literal["expire", "transition"]
TargetStorageClass: TypeAlias = Literal["archive"]

Tags: TypeAlias = Literal["any", "untagged"] | list[str] | tuple[str, ...]
"""Whose images: all of them, the untagged ones, or those that match every one of these patterns."""


def _entries(value: Iterable[str]) -> tuple[str, ...]:
    if isinstance(value, str):
        raise TypeError(f"must be a list of strings, not the string {value!r}")
    return tuple(value)


@attrs.frozen(kw_only=True)
class Selection:
    """Which images a rule is about, and how many or how old they have to be."""

    tag_status: TagStatus
    """`tagged` needs patterns or prefixes; `untagged` and `any` go without."""
    tag_patterns: tuple[str, ...] = attrs.field(default=(), converter=_entries)
    """Each of them must match one of the image's tags. `*` stands for any characters; at most four
    of them in a pattern."""
    tag_prefixes: tuple[str, ...] = attrs.field(default=(), converter=_entries)
    """Each of them must begin one of the image's tags. Not together with `tag_patterns`."""
    storage_class: StorageClass | None = None
    """Images in this storage class only. By default `standard`; `archive` goes with
    `sinceImageTransitioned`, and only with it."""
    count_type: CountType
    """What is counted: images, or days since one was pushed, pulled, or archived."""
    count_unit: CountUnit | None = None
    """`days`, with every `count_type` but `imageCountMoreThan`."""
    count_number: int
    """The images to keep, or the days that an image may be old. From 1; from 90 with
    `sinceImageTransitioned`."""

    @property
    def effective_storage_class(self) -> StorageClass:
        """The storage class, explicit or implied."""
        return self.storage_class or "standard"


@attrs.frozen
class Action:
    """What happens to the images that a rule marks."""

    type: ActionType
    """`expire` deletes, `transition` moves to another storage class."""
    target_storage_class: TargetStorageClass | None = None
    """Where `transition` moves to; `archive` is the only one."""


EXPIRE = Action("expire")
ARCHIVE = Action("transition", "archive")


@attrs.frozen
class Rule:
    """One rule of a policy.

    `Rule.expire` and `Rule.archive` write the usual ones in a line.
    """

    priority: int
    """From 1, unique in the policy. The lowest number is applied first."""
    selection: Selection
    action: Action
    description: str | None = None
    """What the rule is for, in the author's words."""

    @classmethod
    def expire(
        cls,
        priority: int,
        tags: Tags,
        *,
        keep_newest: int | None = None,
        days_since_pushed: int | None = None,
        days_since_archived: int | None = None,
        description: str | None = None,
    ) -> "Rule":
        """Return a rule that deletes images: all but the newest, or those past an age in days.

        Exactly one condition must be given; `TypeError` otherwise. A pattern outside a list is a
        `ValueError`. `days_since_archived` is about archived images, and at least 90.
        """
        selection = _selection(
            tags,
            ("imageCountMoreThan", keep_newest),
            ("sinceImagePushed", days_since_pushed),
            ("sinceImageTransitioned", days_since_archived),
        )
        return cls(priority, selection, EXPIRE, description)

    @classmethod
    def archive(
        cls,
        priority: int,
        tags: Tags,
        *,
        keep_newest: int | None = None,
        days_since_pushed: int | None = None,
        days_since_pulled: int | None = None,
        description: str | None = None,
    ) -> "Rule":
        """Return a rule that archives images: all but the newest, or those past an age in days.

        Exactly one condition must be given; `TypeError` otherwise.
        """
        selection = _selection(
            tags,
            ("imageCountMoreThan", keep_newest),
            ("sinceImagePushed", days_since_pushed),
            ("sinceImagePulled", days_since_pulled),
        )
        return cls(priority, selection, ARCHIVE, description)


def _selection(tags: Tags, *conditions: tuple[CountType, int | None]) -> Selection:
    given: list[tuple[CountType, int]] = [
        (count_type, number) for count_type, number in conditions if number is not None
    ]
    if len(given) != 1:
        raise TypeError(f"a rule has exactly one condition, not {len(given)}")
    if (
        tags not in ("any", "untagged")
        if isinstance(tags, str)
        else not isinstance(cast("object", tags), Iterable)
    ):
        raise ValueError(f"tags must be 'any', 'untagged' or a list of patterns such as ['v*'], not {tags!r}")
    [(count_type, number)] = given
    return Selection(
        tag_status=tags if isinstance(tags, str) else "tagged",
        tag_patterns=() if isinstance(tags, str) else tuple(tags),
        storage_class="archive" if count_type == "sinceImageTransitioned" else None,
        count_type=count_type,
        count_unit=None if count_type == "imageCountMoreThan" else "days",
        count_number=number,
    )
