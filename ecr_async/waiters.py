"""Waiting until the service has come to a state, by asking it with growing pauses."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

import attrs

from ecr_async.errors import ServiceError, ValidationError, WaiterFailedError, WaiterTimeoutError

if TYPE_CHECKING:
    from ecr_async.api.lifecycle import GetLifecyclePolicyPreviewRequest, GetLifecyclePolicyPreviewResponse
    from ecr_async.api.scanning import DescribeImageScanFindingsRequest, DescribeImageScanFindingsResponse
    from ecr_async.service import Service

__all__ = [
    "Pauses",
    "wait_until_image_scan_complete",
    "wait_until_lifecycle_policy_preview_complete",
]

RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")
Verdict = Literal["reached", "failed", "pending"]


@attrs.frozen
class Pauses:
    """How long to pause between two questions, in seconds.

    From `first`, by `growth` each time, to at most `longest`; each a random part shorter, so that many
    waiters don't ask in step.
    """

    first: float = 0.5
    growth: float = 1.6
    longest: float = 15.0

    def after(self, questions: int) -> float:
        """Return the pause after that many questions: between a half and the whole of its step."""
        try:
            step = min(self.longest, self.first * self.growth ** (questions - 1))
        except OverflowError:
            step = self.longest
        return step * (0.5 + random.random() / 2)  # noqa: S311 - no secret depends on it


@attrs.frozen
class _Waiter(Generic[RequestT, ResponseT]):
    """What to ask, and what the answers mean."""

    state: str
    ask: "Callable[[Service, RequestT], Awaitable[ResponseT]]"
    status: Callable[[ResponseT], str | None]
    verdicts: Mapping[str, Verdict]
    patience: tuple[type[ServiceError], ...] = ()
    """Errors that mean: not yet."""

    async def wait(self, service: "Service", request: RequestT, timeout: float, pauses: Pauses) -> ResponseT:
        if timeout <= 0:
            raise ValidationError("timeout", f"must be more than 0 seconds, not {timeout}")
        last: ResponseT | None = None
        questions = 0
        deadline = asyncio.timeout(timeout)
        try:
            async with deadline:
                while True:
                    answer = await self._question(service, request)
                    questions += 1
                    if answer is not None:
                        last = answer
                        status = self.status(answer)
                        verdict = self.verdicts.get(status or "", "pending")
                        if verdict == "reached":
                            return answer
                        if verdict == "failed":
                            raise WaiterFailedError(
                                f"{self.state}: the status is {status}", last_response=last
                            )
                    await asyncio.sleep(pauses.after(questions))
        except TimeoutError as error:
            if not deadline.expired():
                raise
            seen = f"the status was {self.status(last)}" if last is not None else "no answer had a status"
            raise WaiterTimeoutError(
                f"{self.state}: not within {timeout:g} s; {seen}", last_response=last
            ) from error

    async def _question(self, service: "Service", request: RequestT) -> ResponseT | None:
        try:
            return await self.ask(service, request)
        except self.patience:
            return None


async def wait_until_lifecycle_policy_preview_complete(
    service: "Service",
    request: "GetLifecyclePolicyPreviewRequest",
    *,
    timeout: float = 300.0,
    pauses: Pauses = Pauses(),
) -> "GetLifecyclePolicyPreviewResponse":
    """Wait until a lifecycle policy preview is COMPLETE, and return its first page.

    `timeout` is in seconds, for the whole wait.

    Raises:
        WaiterFailedError: The preview FAILED or is EXPIRED; `last_response` is what the service said.
        WaiterTimeoutError: It was still IN_PROGRESS at the end of `timeout`.
        LifecyclePolicyPreviewNotFoundException: No preview was started.
        CallError: A call failed, after its retries.

    See https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetLifecyclePolicyPreview.html
    """
    from ecr_async.api.lifecycle import get_lifecycle_policy_preview  # noqa: PLC0415 - a family is loaded on use

    waiter = _Waiter(
        "lifecycle policy preview complete",
        get_lifecycle_policy_preview,
        lambda answer: answer.status,
        {"COMPLETE": "reached", "FAILED": "failed", "EXPIRED": "failed"},
    )
    return await waiter.wait(service, request, timeout, pauses)


async def wait_until_image_scan_complete(
    service: "Service",
    request: "DescribeImageScanFindingsRequest",
    *,
    timeout: float = 300.0,
    pauses: Pauses = Pauses(first=2.0),
) -> "DescribeImageScanFindingsResponse":
    """Wait until an image's scan has findings to show, and return their first page.

    That is COMPLETE for a basic scan and ACTIVE for an enhanced one. A scan that is PENDING,
    IN_PROGRESS or not even started yet (`ScanNotFoundException`) is waited for. `timeout` is in
    seconds, for the whole wait.

    Raises:
        WaiterFailedError: The scan ended without findings (FAILED, UNSUPPORTED_IMAGE, …);
            `last_response` is what the service said.
        WaiterTimeoutError: There were no findings at the end of `timeout`.
        ImageNotFoundException: There is no such image.
        CallError: A call failed, after its retries.

    See https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImageScanFindings.html
    """
    from ecr_async.api.scanning import (  # noqa: PLC0415 - a family is loaded on use
        ScanNotFoundException,
        describe_image_scan_findings,
    )

    failures = (
        "FAILED",
        "UNSUPPORTED_IMAGE",
        "SCAN_ELIGIBILITY_EXPIRED",
        "FINDINGS_UNAVAILABLE",
        "LIMIT_EXCEEDED",
        "IMAGE_ARCHIVED",
        "IMAGE_SIZE_EXCEEDED",
    )
    waiter = _Waiter(
        "image scan complete",
        describe_image_scan_findings,
        lambda answer: answer.image_scan_status.status if answer.image_scan_status else None,
        {"COMPLETE": "reached", "ACTIVE": "reached", **dict.fromkeys(failures, "failed")},
        patience=(ScanNotFoundException,),
    )
    return await waiter.wait(service, request, timeout, pauses)
