"""Waiters: poll the service, with growing delays, until it has reached a state."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Generic, Literal, TypeVar

import attrs

from ecr_async._arguments import check_functions, check_kinds, check_number
from ecr_async.api.lifecycle import GetLifecyclePolicyPreviewRequest, GetLifecyclePolicyPreviewResponse
from ecr_async.api.scanning import DescribeImageScanFindingsRequest, DescribeImageScanFindingsResponse
from ecr_async.errors import ServiceError, WaiterFailedError, WaiterTimeoutError
from ecr_async.service import Service

__all__ = [
    "PollDelays",
    "wait_until_image_scan_complete",
    "wait_until_lifecycle_policy_preview_complete",
]

RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")
Outcome = Literal["reached", "failed", "pending"]


@attrs.frozen
class PollDelays:
    """How long to wait between polls, in seconds.

    The first delay is `first`; each further one is `growth` times as long, up to `longest`. Each is
    shortened at random by up to a half, so that many waiters don't poll in step. `random` returns a float
    from 0 to 1.

    Raises `ValidationError` for a delay below 0 or a growth below 1.
    """

    first: float = 0.5
    growth: float = 1.6
    longest: float = 15.0
    random: Callable[[], float] = attrs.field(default=random.random, kw_only=True, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        for name, least in (("first", 0), ("growth", 1), ("longest", 0)):
            check_number(name, getattr(self, name), least=least)
        check_functions(random=self.random)

    def after(self, polls: int) -> float:
        """Return the delay after that many polls."""
        try:
            step = min(self.longest, self.first * self.growth ** (polls - 1))
        except OverflowError:
            step = self.longest
        return step * (0.5 + self.random() / 2)


@attrs.frozen
class _Waiter(Generic[RequestT, ResponseT]):
    """The call to poll, and the meaning of each status."""

    state: str
    poll: "Callable[[Service, RequestT], Awaitable[ResponseT]]"
    status: Callable[[ResponseT], str | None]
    outcomes: Mapping[str, Outcome]
    not_yet: tuple[type[ServiceError], ...] = ()
    """Errors that mean: poll again."""

    async def wait(
        self, service: "Service", request: RequestT, timeout: float, delays: PollDelays
    ) -> ResponseT:
        check_number("timeout", timeout, above=0, unit=" seconds")
        check_kinds(PollDelays, delays=delays)
        last: ResponseT | None = None
        polls = 0
        deadline = asyncio.timeout(timeout)
        try:
            async with deadline:
                while True:
                    response = await self._poll(service, request)
                    polls += 1
                    if response is not None:
                        last = response
                        status = self.status(response)
                        outcome = self.outcomes.get(status or "", "pending")
                        if outcome == "reached":
                            return response
                        if outcome == "failed":
                            raise WaiterFailedError(
                                f"{self.state}: the status is {status}", last_response=last
                            )
                    await asyncio.sleep(delays.after(polls))
        except TimeoutError as error:
            if not deadline.expired():
                raise
            seen = f"the status was {self.status(last)}" if last is not None else "no response had a status"
            raise WaiterTimeoutError(
                f"{self.state}: not within {timeout:g} s; {seen}", last_response=last
            ) from error

    async def _poll(self, service: "Service", request: RequestT) -> ResponseT | None:
        try:
            return await self.poll(service, request)
        except self.not_yet:
            return None


async def wait_until_lifecycle_policy_preview_complete(
    service: "Service",
    request: "GetLifecyclePolicyPreviewRequest",
    *,
    timeout: float = 300.0,
    delays: PollDelays = PollDelays(),
) -> "GetLifecyclePolicyPreviewResponse":
    """Wait until a lifecycle policy preview is COMPLETE, and return its first page.

    `timeout` bounds the whole wait, in seconds.

    Raises:
        WaiterFailedError: The preview FAILED or is EXPIRED; `last_response` is the service's last response.
        WaiterTimeoutError: It was still IN_PROGRESS at the end of `timeout`.
        LifecyclePolicyPreviewNotFoundException: No preview was started.
        CallError: A call failed, after its retries.

    See https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetLifecyclePolicyPreview.html
    """
    from ecr_async.api.lifecycle import get_lifecycle_policy_preview  # noqa: PLC0415 - a family is loaded on use

    waiter = _Waiter(
        "lifecycle policy preview complete",
        get_lifecycle_policy_preview,
        lambda response: response.status,
        {"COMPLETE": "reached", "FAILED": "failed", "EXPIRED": "failed"},
    )
    return await waiter.wait(service, request, timeout, delays)


async def wait_until_image_scan_complete(
    service: "Service",
    request: "DescribeImageScanFindingsRequest",
    *,
    timeout: float = 300.0,
    delays: PollDelays = PollDelays(first=2.0),
) -> "DescribeImageScanFindingsResponse":
    """Wait until an image's scan has findings to show, and return their first page.

    That is COMPLETE for a basic scan and ACTIVE for an enhanced one. A scan that is PENDING,
    IN_PROGRESS or not even started yet (`ScanNotFoundException`) is waited for. `timeout` bounds the
    whole wait, in seconds.

    Raises:
        WaiterFailedError: The scan ended without findings (FAILED, UNSUPPORTED_IMAGE, …);
            `last_response` is the service's last response.
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
        lambda response: response.image_scan_status.status if response.image_scan_status else None,
        {"COMPLETE": "reached", "ACTIVE": "reached", **dict.fromkeys(failures, "failed")},
        not_yet=(ScanNotFoundException,),
    )
    return await waiter.wait(service, request, timeout, delays)
