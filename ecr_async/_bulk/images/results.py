"""Results of a scan: a page, a repository that failed or vanished, a listing that failed; and the summary."""

from __future__ import annotations

from typing import TypeAlias

import attrs

from ecr_async.api.images import ImageDetail
from ecr_async.errors import ECRError
from ecr_async.service import Service

__all__ = [
    "FailedListing",
    "FailedRepository",
    "ScanResult",
    "ScanSummary",
    "ScannedPage",
    "VanishedRepository",
]


@attrs.frozen
class ScannedPage:
    """Images of one repository. An empty repository has one page without images.

    `service`, `repository` and `number` together identify a page; use them to skip a page that comes twice
    when a scan is resumed.
    """

    service: Service
    """The service as it was given to the scan."""
    repository: str
    """The repository's name."""
    number: int
    """Which page of the repository this is, from 0."""
    images: tuple[ImageDetail, ...] = attrs.field(repr=lambda images: f"<{len(images)} images>")
    """The details of each image, as `describe_images` returns them."""
    next_token: str | None = attrs.field(default=None, repr=False)
    """The service's token for the page after this one; None on the last page."""

    @property
    def is_last(self) -> bool:
        """Whether the repository is scanned now."""
        return self.next_token is None


@attrs.frozen
class FailedRepository:
    """A repository that could not be scanned completely; pages of it may have come before."""

    service: Service
    """The service as it was given to the scan."""
    repository: str
    """The repository's name."""
    error: ECRError
    """Why, after all retries."""


@attrs.frozen
class VanishedRepository:
    """A repository that does not exist, or no longer does; pages of it may have come before."""

    service: Service
    """The service as it was given to the scan."""
    repository: str
    """The repository's name."""


@attrs.frozen
class FailedListing:
    """A service whose repositories could not be listed, or not to the end; those listed are scanned.

    For an account of a `Fleet` whose role cannot be assumed there is one for each region.
    """

    service: Service
    """The service as it was given to the scan."""
    error: ECRError
    """Why, after all retries."""
    repository: None = attrs.field(default=None, init=False, repr=False)
    """Always None, since no single repository failed; the other results have a name here."""


ScanResult: TypeAlias = ScannedPage | FailedRepository | VanishedRepository | FailedListing
"""What `async for result in scan` yields."""


@attrs.frozen
class ScanSummary:
    """Counts of a scan: final at its end, and useful for a progress bar before that.

    Each repository that was selected is counted once, at the end, as `scanned`, `failed`, `vanished`
    or `done_before`. Images are counted when they are yielded.
    """

    repositories: int = 0
    """Repositories selected so far, in all services."""
    scanned: int = 0
    """Repositories whose last page was yielded."""
    failed: int = 0
    """Repositories that failed."""
    vanished: int = 0
    """Repositories that did not exist, or no longer did."""
    done_before: int = 0
    """Repositories that an earlier run with the same checkpoint had finished."""
    failed_listings: int = 0
    """Services whose repositories could not all be listed."""
    pages: int = 0
    """Pages yielded."""
    images: int = 0
    """Images yielded."""
    bytes: int = 0
    """The sum of these images' sizes; a layer that several images share counts for each of them."""
    calls: int = 0
    """Requests sent, repeated ones included."""
    throttles: int = 0
    """Requests that the service throttled."""
    retries: int = 0
    """Requests that were sent again after another passing failure."""
    seconds: float = 0.0
    """Seconds from the first result that was awaited to the end, or until now."""

    @property
    def complete(self) -> bool:
        """Whether nothing failed."""
        return not self.failed and not self.failed_listings
