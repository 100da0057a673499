"""Results of a scan of findings: an image's findings, or why there are none; and the summary."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TypeAlias

import attrs

from ecr_async._bulk.images import FailedListing, FailedRepository
from ecr_async.api.common import ImageIdentifier, ScanStatus
from ecr_async.api.scanning import EnhancedImageScanFinding, ImageScanFinding
from ecr_async.errors import ECRError
from ecr_async.service import Service

__all__ = [
    "SEVERITIES",
    "FailedFindings",
    "FindingsResult",
    "FindingsSummary",
    "ImageFindings",
    "UnscannedImage",
    "VanishedImage",
    "gravest_first",
]

SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNTRIAGED", "UNDEFINED")
"""Severities of basic and of enhanced findings, the gravest first."""


def _how_many(findings: tuple[object, ...]) -> str:
    return f"<{len(findings)} findings>"


@attrs.frozen
class ImageFindings:
    """What the last scan of an image found."""

    service: Service
    """The service that the image is in."""
    repository: str
    """The repository's name."""
    image_id: ImageIdentifier
    """The image, with its digest, and its tag if it was requested by tag."""
    status: ScanStatus | str
    """`COMPLETE` for a basic scan; `ACTIVE` for an enhanced one, which continues."""
    completed_at: datetime | None = None
    """When the scan was completed."""
    vulnerability_source_updated_at: datetime | None = None
    """How recent the vulnerability data of that scan was."""
    severity_counts: Mapping[str, int] = attrs.field(factory=dict[str, int], hash=False)
    """How many findings of each severity there are, whatever `max_findings` was; none is missing."""
    findings: tuple[ImageScanFinding, ...] = attrs.field(default=(), repr=_how_many)
    """Findings of basic scanning."""
    enhanced_findings: tuple[EnhancedImageScanFinding, ...] = attrs.field(default=(), repr=_how_many)
    """Findings of enhanced scanning."""

    @property
    def gravest(self) -> str | None:
        """The severity of the gravest finding; None if there is no finding."""
        found = [severity for severity, count in self.severity_counts.items() if count]
        return min(found, key=_gravity, default=None)


def _gravity(severity: str) -> int:
    """The place of a severity; one that is not known yet stands last."""
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


@attrs.frozen
class UnscannedImage:
    """An image without findings to show, although no call failed."""

    service: Service
    """The service that the image is in."""
    repository: str
    """The repository's name."""
    image_id: ImageIdentifier
    """The image, as it was given."""
    status: ScanStatus | str
    """Where the scan stands.

    `NOT_SCANNED`: nobody has scanned the image. `IN_PROGRESS` or `PENDING`: a scan is under way and was
    not waited for, or for too short a time. `LIMIT_EXCEEDED`: a scan was not started, because a quota
    is used up: one scan of an image and 100,000 scans of an account in 24 hours.
    `COMPLETE` or `ACTIVE`: the service says so, but reports neither findings nor how many there are, which
    does not mean that there are none. `UNSUPPORTED_IMAGE`, `IMAGE_ARCHIVED` and the others are the service's.
    """
    description: str | None = None
    """The same in the service's words."""


@attrs.frozen
class VanishedImage:
    """An image that does not exist, or no longer does, or whose repository doesn't."""

    service: Service
    """The service that the image is in."""
    repository: str
    """The repository's name."""
    image_id: ImageIdentifier
    """The image, as it was given."""


@attrs.frozen
class FailedFindings:
    """An image whose findings could not be read."""

    service: Service
    """The service that the image is in."""
    repository: str
    """The repository's name."""
    image_id: ImageIdentifier
    """The image, as it was given."""
    error: ECRError
    """Why, after all retries."""


FindingsResult: TypeAlias = (
    ImageFindings | UnscannedImage | VanishedImage | FailedFindings | FailedRepository | FailedListing
)
"""What `async for result in scan_findings(…)` yields: one for each image.

Where the images come from a `Scan`, what failed there comes as well: its images are not known. So do the
services of accounts in a `Fleet` that cannot be entered.
"""


@attrs.frozen
class FindingsSummary:
    """Counts of a scan of findings: final at its end, and useful for a progress bar before that.

    Every image is counted once, when its result is yielded.
    """

    scanned: int = 0
    """Images with findings, or with a scan that found nothing."""
    unscanned: int = 0
    """Images that have none."""
    vanished: int = 0
    """Images that did not exist, or no longer did."""
    failed: int = 0
    """Images whose findings could not be read, or whose scan could not be started."""
    failed_repositories: int = 0
    """Failures of the `Scan` that the images come from: repositories and listings that could not be read."""
    started: int = 0
    """Scans started."""
    severities: Mapping[str, int] = attrs.field(factory=dict[str, int], hash=False)
    """Findings of each severity, all images together; the gravest first."""
    gravest: Mapping[str, int] = attrs.field(factory=dict[str, int], hash=False)
    """Images by the severity of their gravest finding; the gravest first."""
    calls: int = 0
    """Requests sent, repeated ones included."""
    throttles: int = 0
    """Requests that the service throttled."""
    retries: int = 0
    """Requests that were sent again after another passing failure."""
    seconds: float = 0.0
    """Seconds from the first result that was awaited to the end, or until now."""

    @property
    def images(self) -> int:
        """Images whose results were yielded."""
        return self.scanned + self.unscanned + self.vanished + self.failed

    @property
    def complete(self) -> bool:
        """Whether nothing failed."""
        return not self.failed and not self.failed_repositories


def gravest_first(counts: Mapping[str, int]) -> dict[str, int]:
    """Return counts in the order of their severities."""
    return {severity: counts[severity] for severity in sorted(counts, key=_gravity)}
