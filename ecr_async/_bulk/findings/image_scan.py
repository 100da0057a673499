"""What is done for one image: read its findings, start a scan if there was none, wait for one that is under
way.
"""

from __future__ import annotations

import asyncio

import attrs

from ecr_async._bulk.findings.options import FindingsOptions
from ecr_async._bulk.findings.reading import read_findings
from ecr_async._bulk.findings.results import FailedFindings, FindingsResult, UnscannedImage, VanishedImage
from ecr_async._bulk.findings.selection import SelectedImage
from ecr_async._bulk.lane import Lane
from ecr_async.api.common import (
    ImageNotFoundException,
    ImageScanStatus,
    LimitExceededException,
    RepositoryNotFoundException,
)
from ecr_async.api.scanning import (
    ImageArchivedException,
    ScanNotFoundException,
    StartImageScanRequest,
    UnsupportedImageTypeException,
    start_image_scan,
)
from ecr_async.errors import ECRError, SessionClosedError

__all__ = ["ImageScan"]

UNDER_WAY = frozenset({"IN_PROGRESS", "PENDING"})


@attrs.define(eq=False)
class ImageScan:
    """One image, polled until there is a result or no more time to wait for one."""

    lane: Lane
    image: SelectedImage
    options: FindingsOptions
    is_started: bool = False
    """Whether this scan of findings has started a scan of the image."""
    _deadline: float | None = None
    _polls: int = 0

    async def poll(self) -> FindingsResult | None:
        """Return the result; None if there is none yet, after which `next_delay` is to be awaited."""
        try:
            result = await self._poll()
        except (ImageNotFoundException, RepositoryNotFoundException):
            return VanishedImage(self.lane.service, self.image.repository, self.image.image_id)
        except SessionClosedError:
            raise
        except ECRError as error:
            return FailedFindings(self.lane.service, self.image.repository, self.image.image_id, error)
        self._polls += 1
        is_awaited = isinstance(result, UnscannedImage) and (
            result.status in UNDER_WAY or (self.is_started and result.status == "NOT_SCANNED")
        )
        return None if is_awaited and self._seconds_left() > 0 else result

    def next_delay(self) -> float:
        """Return the seconds until the next poll, the last of which comes when time is up."""
        return min(self.options.delays.after(self._polls), self._seconds_left())

    async def _poll(self) -> FindingsResult:
        try:
            return await read_findings(self.lane, self.image, self.options.max_findings)
        except ScanNotFoundException as error:
            if self.options.start and not self.is_started:
                return await self._start()
            return self._unscanned("NOT_SCANNED", error.message)

    async def _start(self) -> UnscannedImage:
        """Start a scan. One that is throttled is repeated for as long as its result would be waited for."""
        request = StartImageScanRequest(
            self.image.repository, self.image.image_id, registry_id=self.image.registry_id
        )
        calls = self.lane.calls
        if self.options.wait:
            calls = calls.with_retries(self.lane.retries.limited(self._seconds_left()))
        try:
            response = await start_image_scan(calls, request)
        except LimitExceededException as error:
            return self._unscanned("LIMIT_EXCEEDED", error.message)
        except UnsupportedImageTypeException as error:
            return self._unscanned("UNSUPPORTED_IMAGE", error.message)
        except ImageArchivedException as error:
            return self._unscanned("IMAGE_ARCHIVED", error.message)
        self.is_started = True
        status = response.image_scan_status or ImageScanStatus()
        return self._unscanned(status.status or "IN_PROGRESS", status.description)

    def _unscanned(self, status: str, description: str | None) -> UnscannedImage:
        return UnscannedImage(
            self.lane.service, self.image.repository, self.image.image_id, status, description
        )

    def _seconds_left(self) -> float:
        """Return the seconds left to wait, counted from the first call of this method."""
        now = asyncio.get_running_loop().time()
        if self._deadline is None:
            self._deadline = now + self.options.wait
        return max(self._deadline - now, 0.0)
