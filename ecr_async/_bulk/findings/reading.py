"""The findings of one image, as far as they are wanted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import aclosing

import attrs

from ecr_async._bulk.findings.results import ImageFindings, UnscannedImage
from ecr_async._bulk.findings.selection import SelectedImage
from ecr_async._bulk.lane import Lane
from ecr_async.api.common import ImageScanStatus
from ecr_async.api.scanning import (
    DescribeImageScanFindingsRequest,
    DescribeImageScanFindingsResponse,
    EnhancedImageScanFinding,
    ImageScanFinding,
    ImageScanFindings,
    describe_image_scan_findings,
    paginate_describe_image_scan_findings,
)

__all__ = ["read_findings"]

PAGE_SIZE = 1000
READABLE = frozenset({"COMPLETE", "ACTIVE"})

NOTHING_REPORTED = "the service reports neither findings nor how many there are"


async def read_findings(
    lane: Lane, image: SelectedImage, max_findings: int | None
) -> ImageFindings | UnscannedImage:
    """Read an image's findings if its scan has produced any, and no more pages than are wanted.

    ECR reports COMPLETE or ACTIVE for images that it has no result for, so the status alone does not mean a
    clean image (https://github.com/aws/aws-cli/issues/6759).
    """
    page_size = PAGE_SIZE if max_findings is None else min(max(max_findings, 1), PAGE_SIZE)
    request = DescribeImageScanFindingsRequest(
        image.repository, image.image_id, registry_id=image.registry_id, max_results=page_size
    )
    first = await describe_image_scan_findings(lane.calls, request)
    status = first.image_scan_status or ImageScanStatus()
    if status.status not in READABLE:
        reason = status.status or "NOT_SCANNED"
        return UnscannedImage(lane.service, image.repository, image.image_id, reason, status.description)
    scan = first.image_scan_findings or ImageScanFindings()
    found: list[ImageScanFinding | EnhancedImageScanFinding] = [*scan.findings, *scan.enhanced_findings]
    counts = scan.finding_severity_counts
    if not (counts or found or scan.image_scan_completed_at):
        reason = f"{status.description} ({NOTHING_REPORTED})" if status.description else NOTHING_REPORTED
        return UnscannedImage(lane.service, image.repository, image.image_id, status.status, reason)
    wanted = max_findings if counts or not found else None  # all of them, to be counted here
    if first.next_token and (wanted is None or len(found) < wanted):
        found += await _rest(lane, request, first, None if wanted is None else wanted - len(found))
    return ImageFindings(
        lane.service,
        image.repository,
        first.image_id or image.image_id,
        status.status,
        scan.image_scan_completed_at,
        scan.vulnerability_source_updated_at,
        counts or _counted(found),
        tuple([it for it in found[:max_findings] if isinstance(it, ImageScanFinding)]),
        tuple([it for it in found[:max_findings] if isinstance(it, EnhancedImageScanFinding)]),
    )


async def _rest(
    lane: Lane,
    request: DescribeImageScanFindingsRequest,
    first: DescribeImageScanFindingsResponse,
    max_items: int | None,
) -> list[ImageScanFinding | EnhancedImageScanFinding]:
    """Return the findings on the pages after the first."""
    request = attrs.evolve(request, next_token=first.next_token)
    pager = paginate_describe_image_scan_findings(lane.calls, request, max_items=max_items)
    async with aclosing(aiter(pager)) as rest:
        return [finding async for finding in rest]


def _counted(findings: list[ImageScanFinding | EnhancedImageScanFinding]) -> Mapping[str, int]:
    return Counter(str(finding.severity or "UNDEFINED") for finding in findings)
