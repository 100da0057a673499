"""Which repositories to scan: all, or those that names, patterns or a predicate select."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from typing import TypeAlias

import attrs

from ecr_async.api.repositories import (
    DescribeRepositoriesRequest,
    Repository,
    paginate_describe_repositories,
)
from ecr_async.service import Service

__all__ = ["RepositorySelection", "Selection"]

_PATTERN = re.compile(r"[*?\[]")
"""What no name holds and every pattern does."""


@attrs.frozen
class Selection:
    """A selection taken apart: names go straight to work, for anything else the listing is read."""

    names: tuple[str, ...]
    predicate: Callable[[Repository], bool] | None

    @classmethod
    def of(cls, selection: RepositorySelection) -> Selection:
        """Take apart what the user gave."""
        if isinstance(selection, Selection):
            return selection
        if selection is None:
            return cls((), lambda _: True)
        if callable(selection):
            return cls((), selection)
        given = dict.fromkeys([selection] if isinstance(selection, str) else selection)
        names = tuple(name for name in given if not _PATTERN.search(name))
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

    async def listed(self, service: Service) -> AsyncGenerator[Repository, None]:
        """List the repositories that the predicate takes; those in `names` are not among them."""
        if self.predicate is None:
            return
        pager = paginate_describe_repositories(service, DescribeRepositoriesRequest(max_results=1000))
        async with aclosing(pager.pages()) as pages:
            async for page in pages:
                for repository in filter(self.predicate, page.repositories):
                    yield repository


RepositorySelection: TypeAlias = str | Iterable[str] | Callable[[Repository], bool] | Selection | None
"""None for all; a name or a pattern (`team/*`), or several; or a predicate of what is listed."""
