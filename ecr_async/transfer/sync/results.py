"""What became of each image of a sync, and their sum."""

from typing import Literal, TypeAlias

import attrs

from ecr_async._bulk.images.results import FailedListing, FailedRepository, VanishedRepository
from ecr_async.errors import ECRError
from ecr_async.service import Service

__all__ = ["SyncResult", "SyncStatus", "SyncSummary", "SyncedImage"]

SyncStatus: TypeAlias = Literal["copied", "present", "skipped", "failed", "pruned", "to_copy", "to_prune"]
"""What became of an image.

- `copied`: it is at the destination now, under all of its tags.
- `present`: it was there already; nothing of it was read.
- `skipped`: the selection leaves it out; `reason` says why.
- `failed`: `error` says why.
- `pruned`: tags that the source doesn't have were removed from the destination.
- `to_copy`, `to_prune`: what a dry run would do.
"""


@attrs.frozen
class SyncedImage:
    """One image of a repository, and what became of it at one destination."""

    service: Service
    """The destination, as it was given."""
    repository: str
    """The repository at the source."""
    destination: str
    """The repository at the destination."""
    digest: str
    """The digest of the image's manifest."""
    tags: tuple[str, ...]
    """The tags that were selected, or for a pruned image those that were removed."""
    status: SyncStatus
    size: int = 0
    """The image's size in bytes, as the service gives it: of an index, that of its largest image."""
    bytes_moved: int = 0
    """Bytes of layers that were transferred."""
    reason: str | None = None
    """Why the image was skipped."""
    error: ECRError | None = None
    """Why the image failed, after all retries."""


SyncResult: TypeAlias = SyncedImage | FailedRepository | VanishedRepository | FailedListing
"""What `async for result in sync` yields."""


@attrs.frozen
class SyncSummary:
    """Counts of a sync: final at its end, and useful for a progress bar before that."""

    dry_run: bool = False
    destinations: int = 0
    """Registries that images are brought to. Images are counted at each of them."""
    repositories: int = 0
    """Repositories selected so far."""
    done: int = 0
    """Repositories that were gone through to the end at every destination, without a failure."""
    done_before: int = 0
    """Repositories that an earlier run with the same checkpoint had done."""
    created: int = 0
    """Repositories that were created at the destinations, or would be."""
    failed_repositories: int = 0
    """Repositories that could not be listed, or not be created at a destination."""
    vanished: int = 0
    """Repositories that were named but are not there."""
    failed_listings: int = 0
    """Registries that could not be listed or entered: the source, and destinations."""
    copied: int = 0
    present: int = 0
    skipped: int = 0
    failed: int = 0
    pruned: int = 0
    to_copy: int = 0
    to_prune: int = 0
    bytes_moved: int = 0
    """Bytes of layers that were transferred."""
    bytes_to_copy: int = 0
    """At most so many bytes a dry run's images have; a layer that several share counts for each of them."""
    calls: int = 0
    """Requests sent, repeated ones included."""
    throttles: int = 0
    """Requests that a service rejected because they were too many."""
    retries: int = 0
    """Requests that were sent again after another transient failure."""
    seconds: float = 0.0

    @property
    def complete(self) -> bool:
        """Whether nothing failed."""
        return not (self.failed or self.failed_repositories or self.failed_listings)
