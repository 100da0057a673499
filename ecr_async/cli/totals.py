"""What a scan adds up to, repository by repository."""

from collections.abc import Mapping
from datetime import datetime

import attrs

from ecr_async._bulk.images import ScannedPage
from ecr_async.service import Service

__all__ = ["RepositoryTally", "Tally"]


@attrs.define
class RepositoryTally:
    """One repository, or several of them taken together."""

    name: str
    origin: str = ""
    """Which of the scanned registries it is in."""
    images: int = 0
    untagged: int = 0
    bytes: int = 0
    untagged_bytes: int = 0
    oldest: datetime | None = None

    @property
    def untagged_share(self) -> float:
        """How much of the images has no tag, from 0 to 1."""
        return self.untagged / self.images if self.images else 0.0


class Tally:
    """Sums of a scan's pages. It holds a few numbers a repository, and no image."""

    def __init__(self, origins: Mapping[Service, str]) -> None:
        self._origins = origins
        self._repositories: dict[tuple[Service, str], RepositoryTally] = {}

    def add(self, page: ScannedPage) -> None:
        """Count a page's images."""
        key = page.service, page.repository
        tally = self._repositories.get(key)
        if tally is None:
            tally = self._repositories[key] = RepositoryTally(page.repository, self._origins[page.service])
        for image in page.images:
            size = image.image_size_in_bytes or 0
            tally.images += 1
            tally.bytes += size
            if not image.image_tags:
                tally.untagged += 1
                tally.untagged_bytes += size
            tally.oldest = _earlier(tally.oldest, image.image_pushed_at)

    def largest(self, count: int) -> list[RepositoryTally]:
        """Return the repositories with the most bytes, the largest first."""
        return sorted(self._repositories.values(), key=lambda each: (-each.bytes, each.name))[:count]

    def total(self) -> RepositoryTally:
        """Return all repositories taken together."""
        total = RepositoryTally("total")
        for each in self._repositories.values():
            total.images += each.images
            total.untagged += each.untagged
            total.bytes += each.bytes
            total.untagged_bytes += each.untagged_bytes
            total.oldest = _earlier(total.oldest, each.oldest)
        return total


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min(filter(None, (one, other)), default=None)
