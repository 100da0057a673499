"""Which repositories to scan: all, or those that names, patterns or a predicate select."""

from __future__ import annotations

import fnmatch
import math
import re
from collections.abc import Callable, Iterable
from typing import TypeAlias, get_args

import attrs

from ecr_async._arguments import check_functions, check_strings
from ecr_async._wire.operation import Limit
from ecr_async.api.common import RepositoryName
from ecr_async.api.repositories import Repository
from ecr_async.errors import ValidationError

__all__ = ["RepositorySelection", "Selection"]

_PATTERN = re.compile(r"[*?\[]")
"""Characters that occur in every pattern and in no name."""

_NAME: Limit = get_args(RepositoryName)[1]
"""What ECR takes for a name."""


@attrs.frozen
class Selection:
    """A selection taken apart: names are scanned without a listing, anything else is looked for in it."""

    names: tuple[str, ...]
    """Exact names."""
    predicate: Callable[[Repository], bool] | None
    """Which of the listed repositories to take as well; None if the listing isn't needed."""

    @classmethod
    def of(cls, selection: RepositorySelection) -> Selection:
        """Parse what the user passed. Raises `ValidationError` for anything but a selection."""
        if isinstance(selection, Selection):
            return selection
        if selection is None:
            return cls((), lambda _: True)
        if callable(selection):
            check_functions(repositories=selection)
            return cls((), selection)
        given = dict.fromkeys(
            [selection] if isinstance(selection, str) else check_strings("repositories", selection)
        )
        names = tuple(name for name in given if not _PATTERN.search(name))
        for name in names:
            _check_name(name)
        patterns = [fnmatch.translate(name) for name in given if _PATTERN.search(name)]
        if not patterns:
            return cls(names, None)
        matches = re.compile("|".join(patterns)).match
        known = frozenset(names)

        def matched(repository: Repository) -> bool:
            name = repository.repository_name or ""
            return name not in known and matches(name) is not None

        return cls(names, matched)

    def without(self, is_done: Callable[[str], bool]) -> Selection:
        """Return a selection that leaves out the names that are done."""
        names = tuple(name for name in self.names if not is_done(name))
        predicate = self.predicate
        if predicate is None:
            return Selection(names, None)
        return Selection(names, lambda it: predicate(it) and not is_done(it.repository_name or ""))


def _check_name(name: str) -> None:
    low, high = _NAME.minimum or 0, _NAME.maximum or math.inf
    if not low <= len(name) <= high or not re.fullmatch(_NAME.pattern or "", name, re.ASCII):
        raise ValidationError("repositories", f"no repository can have the name {name[:80]!r}")


RepositorySelection: TypeAlias = str | Iterable[str] | Callable[[Repository], bool] | Selection | None
"""None for all; a name or a pattern (`team/*`), or several; or a predicate of what is listed."""
