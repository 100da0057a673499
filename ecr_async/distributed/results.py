"""What a distributed scan reports: a summary for each registry, and what failed."""

from collections.abc import Iterable

import attrs

from ecr_async._bulk.images import ScanSummary

__all__ = ["DistributedSummary", "FailedPartition", "RegistrySummary"]


@attrs.frozen
class FailedPartition:
    """A repository without a file, or a registry of which that may be true for many."""

    profile: str | None
    """The profile whose account it is in."""
    region: str | None
    """The region, as it was given."""
    repository: str | None
    """The repository's name. None: the registry could not be listed, or its task failed."""
    error: Exception
    """Why: an `ECRError` for a failed call, an `OSError` for a file that could not be written, and dask's
    `KilledWorker` if one worker after the other died.
    """


@attrs.frozen
class RegistrySummary:
    """What one account's registry in one region has come to."""

    profile: str | None
    """The profile whose account it is."""
    region: str | None
    """The region, as it was given."""
    scan: ScanSummary
    """Counts of the run that ended. What earlier runs had finished, those of workers that died included,
    is in `done_before`, and its images are in files only.
    """
    failed: tuple[FailedPartition, ...] = ()
    """What has no file, and why."""


@attrs.frozen
class DistributedSummary:
    """What a distributed scan has come to."""

    registries: tuple[RegistrySummary, ...]
    """One for each profile and region, in the order in which they were given."""
    seconds: float
    """From the first task to the end of the last."""

    @property
    def failed(self) -> tuple[FailedPartition, ...]:
        """What has no file, in all registries."""
        return tuple(failure for registry in self.registries for failure in registry.failed)

    @property
    def total(self) -> ScanSummary:
        """The counts of all registries together; `seconds` are those of the whole."""
        total = add_up(registry.scan for registry in self.registries)
        return attrs.evolve(total, seconds=self.seconds)

    @property
    def complete(self) -> bool:
        """Whether nothing failed."""
        return not self.failed


def add_up(summaries: Iterable[ScanSummary]) -> ScanSummary:
    """Return the sum of each count."""
    rows = [attrs.astuple(summary) for summary in summaries]
    return ScanSummary(*map(sum, zip(*rows, strict=True)))
