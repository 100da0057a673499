"""Which images of a repository to bring along: by their tags, and of those the newest."""

import fnmatch
import re
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias, cast

import attrs

from ecr_async._arguments import check_functions, check_number
from ecr_async.errors import ValidationError

__all__ = ["TagSelection", "TagSelector"]

TagSelection: TypeAlias = (
    str | re.Pattern[str] | Callable[[str], bool] | Iterable[str | re.Pattern[str]] | None
)
"""None for all tags; a tag or a pattern (`v1.*`), a compiled regular expression that the whole tag must
match, or several of them; or a predicate of a tag.
"""


@attrs.frozen
class TagSelector:
    """A selection of tags, ready for use."""

    includes: Callable[[str], bool]
    newest: int | None = None
    """How many images of each repository to take, by the time of their push; None for all."""
    description: str = "all tags"
    """The selection in words."""

    @classmethod
    def of(cls, tags: TagSelection, newest: int | None) -> "TagSelector":
        """Check and compile what the user gave. Raises `ValidationError`."""
        if newest is not None:
            check_number("newest", newest, least=1, whole=True)
        if tags is None:
            return cls(lambda _: True, newest)
        if not isinstance(tags, (str, re.Pattern)) and callable(tags):
            check_functions(tags=tags)
            return cls(tags, newest, "the tags of a predicate")
        given = [tags] if isinstance(tags, (str, re.Pattern)) else _listed(tags)
        patterns = [
            each if isinstance(each, re.Pattern) else re.compile(fnmatch.translate(each)) for each in given
        ]
        description = f"the tags {' '.join(pattern.pattern for pattern in patterns)}"
        return cls(lambda tag: any(pattern.fullmatch(tag) for pattern in patterns), newest, description)


def _listed(tags: Iterable[Any]) -> list[str | re.Pattern[str]]:
    if not isinstance(cast("object", tags), Iterable):
        raise ValidationError("tags", f"must be a tag, a pattern or several, not {type(tags).__name__}")
    given = list(tags)
    for index, each in enumerate(given):
        if not isinstance(each, str | re.Pattern):
            raise ValidationError(f"tags[{index}]", f"must be a tag or a pattern, not {type(each).__name__}")
    return given
