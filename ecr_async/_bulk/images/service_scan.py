"""The scan of one service: its repositories are listed, and the images of each are read page by page.

Each page is a job of its own, so that services take turns after every call. A listing goes before
everything else and is read to its end at once, however slowly its repositories are scanned: names are
small, and the tokens between its pages don't live forever.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from functools import partial
from typing import Self

import attrs

from ecr_async._bulk.images.checkpoint import Checkpoint, Position
from ecr_async._bulk.images.options import ScanOptions
from ecr_async._bulk.images.results import (
    FailedListing,
    FailedRepository,
    ScannedPage,
    ScanResult,
    VanishedRepository,
)
from ecr_async._bulk.images.selection import Selection
from ecr_async._bulk.lane import Lane
from ecr_async._bulk.result_queue import ResultQueue
from ecr_async.api.common import InvalidParameterException, RepositoryNotFoundException
from ecr_async.api.images import describe_images
from ecr_async.api.repositories import DescribeRepositoriesRequest, describe_repositories
from ecr_async.errors import ECRError, SessionClosedError
from ecr_async.pagination import PageTokens

__all__ = ["ServiceScan"]

FIRST_PAGE = DescribeRepositoriesRequest(max_results=1000)


@attrs.frozen(kw_only=True)
class ServiceScan:
    """The scan of one service. What it finds goes into `queue`, what it selects is counted in `counted`.

    A repository that an earlier run finished yields no result, so it is removed from `not_found` here.
    """

    lane: Lane
    selection: Selection
    options: ScanOptions
    queue: ResultQueue[ScanResult]
    counted: Counter[str]
    not_found: set[str]
    checkpoint: Checkpoint | None = None
    _names: deque[str] = attrs.field(factory=deque[str], init=False)
    """The repositories that no job has begun with; as many jobs would delay each garbage collection."""

    def begin(self) -> None:
        """Give the lane its first jobs."""
        if self.selection.predicate is not None:
            self.lane.add(partial(self._list, FIRST_PAGE, PageTokens(FIRST_PAGE, None)))
        self._select(self.selection.names)
        self.lane.release()

    async def _list(self, request: DescribeRepositoriesRequest, tokens: PageTokens) -> None:
        """Read a page of the listing, and select of it what is wanted."""
        try:
            page = await describe_repositories(self.lane.calls, request)
            token = tokens.after(page)
            if token is not None:
                self.lane.add_first(partial(self._list, attrs.evolve(request, next_token=token), tokens))
            wanted = tuple(filter(self.selection.predicate, page.repositories))
            if self.checkpoint is not None:
                for repository in wanted:
                    self.checkpoint.check_registry(self.lane.service, repository.registry_id)
            self._select(repository.repository_name or "" for repository in wanted)
        except SessionClosedError:
            raise
        except ECRError as error:
            await self.queue.put(FailedListing(self.lane.service, error))

    def _select(self, names: Iterable[str]) -> None:
        """Leave the repositories of these names to jobs, but those that an earlier run finished."""
        waiting = len(self._names)
        for name in names:
            self.counted["repositories"] += 1
            if self.checkpoint is not None and self.checkpoint.is_finished(self.lane.service, name):
                self.counted["done_before"] += 1
                self.not_found.discard(name)
            else:
                self._names.append(name)
        if new := len(self._names) - waiting:
            self.lane.add(self._begin_next, times=new)

    async def _begin_next(self) -> None:
        name = self._names.popleft()
        position = Position()
        if self.checkpoint is not None:
            position = await self.checkpoint.position(self.lane.service, name)
        await self._scan_page(_RepositoryScan.continued(name, position))

    async def _scan_page(self, scan: _RepositoryScan) -> None:
        """Scan a repository's next page, and leave the one after it to another job."""
        service = self.lane.service
        result: ScanResult
        try:
            result = await self._page(scan)
        except RepositoryNotFoundException:
            result = VanishedRepository(service, scan.name)
        except SessionClosedError:
            raise
        except InvalidParameterException as error:
            if scan.is_resumed:  # the token is too old: read what was read before, and leave it out
                scan.begin_again()
                self.lane.add_first(partial(self._scan_page, scan))
                return
            result = FailedRepository(service, scan.name, error)
        except ECRError as error:
            result = FailedRepository(service, scan.name, error)
        await self.queue.put(result)
        if isinstance(result, ScannedPage) and not result.is_last:
            self.lane.add_first(partial(self._scan_page, scan))

    async def _page(self, scan: _RepositoryScan) -> ScannedPage:
        request = self.options.request(scan.name, scan.next_token)
        if scan.tokens is None:
            scan.tokens = PageTokens(request, scan.next_token)
        page = await describe_images(self.lane.calls, request)
        token = scan.tokens.after(page)
        images = page.image_details
        if scan.delivered:
            images = tuple([image for image in images if image.image_digest not in scan.delivered])
        result = ScannedPage(self.lane.service, scan.name, scan.number, images, token)
        scan.number, scan.next_token, scan.is_resumed = scan.number + 1, token, False
        return result


@attrs.define(eq=False)
class _RepositoryScan:
    """How far a repository has been scanned."""

    name: str
    number: int = 0
    next_token: str | None = None
    delivered: frozenset[str] = frozenset()
    is_resumed: bool = False
    """Whether the next token is an earlier run's."""
    tokens: PageTokens | None = None

    @classmethod
    def continued(cls, name: str, position: Position) -> Self:
        """Return the scan of a repository from where an earlier run left it."""
        token = position.next_token
        return cls(name, position.pages, token, position.delivered, is_resumed=token is not None)

    def begin_again(self) -> None:
        """Read the repository from its first page."""
        self.next_token, self.is_resumed, self.tokens = None, False, None
