"""The rows of a scan, one per image: the same names in JSON lines and in Parquet files.

`ecr_async.arrow` describes them. What ECR does not report is null. The values are those of
https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageDetail.html
"""

import operator
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from ecr_async._bulk.images.results import ScannedPage
from ecr_async.api.images import ImageDetail

__all__ = ["NAMES", "Row", "rows"]

NAMES = (
    "registry_id",
    "region",
    "repository",
    "digest",
    "tags",
    "size",
    "pushed_at",
    "pulled_at",
    "media_type",
    "artifact_type",
    "subject",
    "status",
    "archived_at",
    "activated_at",
    "scan_status",
    "scanned_at",
    "findings",
)
"""The names, in the order of the values of a row."""

Row: TypeAlias = tuple[Any, ...]

_values = operator.attrgetter(
    "image_digest",
    "image_tags",
    "image_size_in_bytes",
    "image_pushed_at",
    "last_recorded_pull_time",
    "image_manifest_media_type",
    "artifact_media_type",
    "subject_manifest_digest",
    "image_status",
    "last_archived_at",
    "last_activated_at",
)


def rows(page: ScannedPage) -> Iterable[Row]:
    """Yield a page's images as rows."""
    region, repository = page.service.region, page.repository
    for image in page.images:
        yield (image.registry_id, region, repository, *_values(image), *_scan(image))


def _scan(image: ImageDetail) -> tuple[str | None, datetime | None, Mapping[str, int] | None]:
    status = image.image_scan_status.status if image.image_scan_status else None
    summary = image.image_scan_findings_summary
    if summary is None:
        return status, None, None
    return status, summary.image_scan_completed_at, dict(summary.finding_severity_counts)
