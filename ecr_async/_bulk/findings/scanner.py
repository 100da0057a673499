"""The scan of findings: many images at once, of which those whose scans take their time wait aside.

    images ──> in hand ──> slots ─────────────────────> results ──> async for
               (1,000)     (`concurrency`)              (bounded)
                  ^           │ a scan is under way
                  └─ waiting ─┘

An image in a slot may have a call under way or pages of findings in memory. One whose scan is awaited
leaves its slot: it holds a name and a timer, and asks now and then how the scan stands.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping
from contextlib import aclosing, suppress
from typing import TypeAlias, cast

import attrs

from ecr_async._bulk.findings.results import (
    FailedFindings,
    FindingsResult,
    FindingsSummary,
    ImageFindings,
    UnscannedImage,
    VanishedImage,
    gravest_first,
)
from ecr_async._bulk.patient_retries import CallCounts, patient
from ecr_async._bulk.result_queue import Put, Stream, Streaming
from ecr_async.api.common import (
    ImageIdentifier,
    ImageNotFoundException,
    ImageScanStatus,
    LimitExceededException,
    RepositoryNotFoundException,
)
from ecr_async.api.images import ImageDetail
from ecr_async.api.scanning import (
    DescribeImageScanFindingsRequest,
    EnhancedImageScanFinding,
    ImageArchivedException,
    ImageScanFinding,
    ImageScanFindings,
    ScanNotFoundException,
    StartImageScanRequest,
    UnsupportedImageTypeException,
    describe_image_scan_findings,
    paginate_describe_image_scan_findings,
    start_image_scan,
)
from ecr_async.errors import ECRError, SessionClosedError, ValidationError
from ecr_async.service import Service
from ecr_async.waiters import PollDelays, wait_until_image_scan_complete

__all__ = ["FindingsScan", "ImageSelection", "scan_findings"]

NamedImage: TypeAlias = ImageDetail | tuple[str, ImageIdentifier]

ImageSelection: TypeAlias = (
    Mapping[str, Iterable[ImageIdentifier]] | Iterable[NamedImage] | AsyncIterable[NamedImage]
)
"""Images by repository; or one by one, as `ImageDetail` or as repository and identifier."""

IN_HAND = 1000
QUEUED_RESULTS = 16
PAGE_SIZE = 1000
POLL_DELAYS = PollDelays(first=2.0)

READABLE = frozenset({"COMPLETE", "ACTIVE"})
UNDER_WAY = frozenset({"IN_PROGRESS", "PENDING"})


def scan_findings(
    service: Service,
    images: ImageSelection,
    *,
    start: bool = False,
    wait: float = 0.0,
    delays: PollDelays = POLL_DELAYS,
    max_findings: int | None = None,
    concurrency: int = 64,
    patience: float = 600.0,
) -> FindingsScan:
    """Read the vulnerability findings of many images at once.

        scan = ecr.scan_findings(service, ecr.scan_images([service], "team/*").images(), max_findings=0)
        async for result in scan:
            if isinstance(result, ecr.ImageFindings) and result.gravest == "CRITICAL":
                print(result.repository, result.image_id.image_digest, result.severity_counts)
        print(scan.summary.severities)

    The order is not specified, completeness is: there is one result for each image, and a failure
    never ends the scan. The service is called as fast as it admits and hardly faster; what it
    throttles is asked for again.

    Args:
        service: The registry that the images are in.
        images: A mapping of repositories to identifiers, or an iterable, async or not, of
            `ImageDetail` or of pairs of repository and `ImageIdentifier`. It is read as the scan goes on.
        start: Start a basic scan of images that were never scanned.
        wait: Seconds to wait for each image's scan that is under way; 0 for not at all. Up to 1,000
            images wait at a time, and they don't count for `concurrency`.
        delays: The delays between polls of such a scan.
        max_findings: How many findings to read of an image; None for all of them, 0 for their counts
            alone, which is one call an image.
        concurrency: How many images are asked about at a time.
        patience: Seconds after which calls fail if the service throttles every one of them.

    See https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImageScanFindings.html and
    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_StartImageScan.html
    """
    if concurrency < 1:
        raise ValidationError("concurrency", f"must be at least 1, not {concurrency}")
    if wait < 0:
        raise ValidationError("wait", f"must be at least 0 seconds, not {wait}")
    if max_findings is not None and max_findings < 0:
        raise ValidationError("max_findings", f"must be at least 0, not {max_findings}")
    return FindingsScan(service, images, start, wait, delays, max_findings, concurrency, patience)


class FindingsScan(Streaming[FindingsResult]):
    """A scan of findings under way, made by `scan_findings`. It can be gone through once.

    The calls begin when the first result is asked for. A loop that is left early lets the event loop
    end them; to have that done at a certain point, use `async with scan:` around the loop.
    """

    def __init__(
        self,
        service: Service,
        images: ImageSelection,
        start: bool,
        wait: float,
        delays: PollDelays,
        max_findings: int | None,
        concurrency: int,
        patience: float,
    ) -> None:
        super().__init__(Stream(self._produce, QUEUED_RESULTS))
        self._service = service
        self._images = images
        self._start = start
        self._wait = wait
        self._delays = delays
        self._max_findings = max_findings
        self._slots = asyncio.Semaphore(concurrency)
        self._patience = patience
        self._counts = CallCounts()
        self._outcomes: Counter[type[FindingsResult]] = Counter()
        self._severities: Counter[str] = Counter()
        self._gravest: Counter[str] = Counter()
        self._started = 0

    @property
    def summary(self) -> FindingsSummary:
        """What has been done so far."""
        return FindingsSummary(
            scanned=self._outcomes[ImageFindings],
            unscanned=self._outcomes[UnscannedImage],
            vanished=self._outcomes[VanishedImage],
            failed=self._outcomes[FailedFindings],
            started=self._started,
            severities=gravest_first(self._severities),
            gravest=gravest_first(self._gravest),
            calls=self._counts.calls,
            throttles=self._counts.throttles,
            retries=self._counts.retries,
            seconds=self._stream.seconds,
        )

    async def __aiter__(self) -> AsyncGenerator[FindingsResult, None]:
        """Give the results as they come."""
        async with aclosing(self._stream.results()) as results:
            async for result in results:
                self._count(result)
                yield result

    def _count(self, result: FindingsResult) -> None:
        self._outcomes[type(result)] += 1
        if isinstance(result, ImageFindings):
            self._severities.update(result.severity_counts)
            if result.gravest is not None:
                self._gravest[result.gravest] += 1

    # ------------------------------------------------------------------------ the producer's side

    async def _produce(self, put: Put[FindingsResult]) -> None:
        paced = patient(self._service, self._patience, self._counts)
        in_hand = asyncio.Semaphore(IN_HAND)
        async with asyncio.TaskGroup() as group, aclosing(_one_by_one(self._images)) as images:
            async for image in images:
                await in_hand.acquire()
                task = group.create_task(self._take(paced, image, put))
                task.add_done_callback(lambda _: in_hand.release())

    async def _take(self, paced: Service, image: _Image, put: Put[FindingsResult]) -> None:
        async with self._slots:
            result = await self._result(paced, image, start=self._start)
            if not self._wait or not isinstance(result, UnscannedImage) or result.status not in UNDER_WAY:
                await put(result)
                return
        # Whatever ends the wait, the service's own word on it comes next.
        with suppress(ECRError):
            await wait_until_image_scan_complete(
                paced, image.findings_request(max_results=1), timeout=self._wait, delays=self._delays
            )
        async with self._slots:
            await put(await self._result(paced, image, start=False))

    async def _result(self, paced: Service, image: _Image, *, start: bool) -> FindingsResult:
        try:
            try:
                return await self._read(paced, image)
            except ScanNotFoundException as error:
                if start:
                    return await self._start_scan(paced, image)
                return UnscannedImage(*image.name, "NOT_SCANNED", error.message)
        except (ImageNotFoundException, RepositoryNotFoundException):
            return VanishedImage(*image.name)
        except SessionClosedError:
            raise
        except ECRError as error:
            return FailedFindings(*image.name, error)

    async def _start_scan(self, paced: Service, image: _Image) -> UnscannedImage:
        try:
            response = await start_image_scan(
                paced, StartImageScanRequest(*image.name, registry_id=image.registry_id)
            )
        except LimitExceededException as error:
            return UnscannedImage(*image.name, "LIMIT_EXCEEDED", error.message)
        except UnsupportedImageTypeException as error:
            return UnscannedImage(*image.name, "UNSUPPORTED_IMAGE", error.message)
        except ImageArchivedException as error:
            return UnscannedImage(*image.name, "IMAGE_ARCHIVED", error.message)
        self._started += 1
        status = response.image_scan_status or ImageScanStatus()
        return UnscannedImage(*image.name, "IN_PROGRESS", status.description)

    async def _read(self, paced: Service, image: _Image) -> ImageFindings | UnscannedImage:
        """Read an image's findings, if its scan has got as far; not more pages than are wanted."""
        most = self._max_findings
        page_size = PAGE_SIZE if most is None else min(max(most, 1), PAGE_SIZE)
        request = image.findings_request(max_results=page_size)
        first = await describe_image_scan_findings(paced, request)
        status = first.image_scan_status or ImageScanStatus()
        if status.status not in READABLE:
            return UnscannedImage(*image.name, status.status or "NOT_SCANNED", status.description)
        scan = first.image_scan_findings or ImageScanFindings()
        found: list[ImageScanFinding | EnhancedImageScanFinding] = [*scan.findings, *scan.enhanced_findings]
        if first.next_token and (most is None or len(found) < most):
            pager = paginate_describe_image_scan_findings(
                paced,
                attrs.evolve(request, next_token=first.next_token),
                max_items=None if most is None else most - len(found),
            )
            async with aclosing(aiter(pager)) as rest:
                found += [finding async for finding in rest]
        found = found[:most]
        return ImageFindings(
            image.repository,
            first.image_id or image.image_id,
            status.status,
            scan.image_scan_completed_at,
            scan.vulnerability_source_updated_at,
            scan.finding_severity_counts,
            tuple([finding for finding in found if isinstance(finding, ImageScanFinding)]),
            tuple([finding for finding in found if isinstance(finding, EnhancedImageScanFinding)]),
        )


@attrs.frozen
class _Image:
    repository: str
    image_id: ImageIdentifier
    registry_id: str | None = None

    @property
    def name(self) -> tuple[str, ImageIdentifier]:
        return self.repository, self.image_id

    def findings_request(self, max_results: int) -> DescribeImageScanFindingsRequest:
        return DescribeImageScanFindingsRequest(
            *self.name, registry_id=self.registry_id, max_results=max_results
        )


async def _one_by_one(images: ImageSelection) -> AsyncGenerator[_Image, None]:
    """Give the images of a selection; what it is read from is closed with this generator."""
    if isinstance(images, Mapping):
        by_repository = cast("Mapping[str, Iterable[ImageIdentifier]]", images)
        for repository, identifiers in by_repository.items():
            for identifier in identifiers:
                yield _Image(repository, identifier)
    elif isinstance(images, AsyncIterable):
        source = aiter(images)
        try:
            async for image in source:
                yield _image(image)
        finally:
            if isinstance(source, AsyncGenerator):
                await source.aclose()
    else:
        for image in images:
            yield _image(image)


def _image(image: NamedImage) -> _Image:
    if isinstance(image, ImageDetail):
        identifier = ImageIdentifier(image_digest=image.image_digest)
        return _Image(image.repository_name or "", identifier, image.registry_id)
    return _Image(*image)
