"""Waiting, in virtual time: what is reached, what never will be, what takes too long, what is forgiven."""

import asyncio
from collections.abc import Callable, Iterator
from itertools import chain, pairwise, repeat
from typing import Any

import pytest

import ecr_async as ecr
from ecr_async import PollDelays, Service
from ecr_async._wire.operation import AnyOperation
from tests.virtual_time import in_virtual_time

PREVIEW = ecr.GetLifecyclePolicyPreviewRequest("team/app")
FINDINGS = ecr.DescribeImageScanFindingsRequest("team/app", ecr.ImageIdentifier(image_tag="latest"))


class Script(Service):
    """A service that returns or raises the responses one after the other, and the last one for ever."""

    def __init__(self, *responses: Any, seconds: float = 0.0) -> None:
        self.responses: Iterator[Any] = chain(responses, repeat(responses[-1]))
        self.seconds = seconds
        self.polls: list[float] = []
        self.requests: list[Any] = []

    async def call(self, operation: AnyOperation, request: Any) -> Any:
        self.polls.append(now())
        self.requests.append(request)
        await asyncio.sleep(self.seconds)
        response = next(self.responses)
        if isinstance(response, Exception):
            raise response
        return response


def now() -> float:
    return asyncio.get_running_loop().time()


def preview(status: str | None) -> ecr.GetLifecyclePolicyPreviewResponse:
    return ecr.GetLifecyclePolicyPreviewResponse(status=status)


def scan(status: str | None) -> ecr.DescribeImageScanFindingsResponse:
    return ecr.DescribeImageScanFindingsResponse(image_scan_status=ecr.ImageScanStatus(status=status))


def whole(first: float = 0.5, growth: float = 1.6, longest: float = 15.0) -> PollDelays:
    """Return delays that are as long as they can be."""
    return PollDelays(first, growth, longest, random=lambda: 1.0)


async def wait_for_preview(service: Any, **options: Any) -> ecr.GetLifecyclePolicyPreviewResponse:
    options = {"delays": whole(), **options}
    return await ecr.wait_until_lifecycle_policy_preview_complete(service, PREVIEW, **options)


async def wait_for_scan(service: Any, **options: Any) -> ecr.DescribeImageScanFindingsResponse:
    options = {"delays": whole(first=2.0), **options}
    return await ecr.wait_until_image_scan_complete(service, FINDINGS, **options)


# ---------------------------------------------------------------------------- reached


@in_virtual_time
async def test_what_is_complete_already_is_not_waited_for() -> None:
    service = Script(preview("COMPLETE"))
    response = await wait_for_preview(service)
    assert response == preview("COMPLETE")
    assert service.requests == [PREVIEW]
    assert now() == 0


@in_virtual_time
async def test_a_preview_is_waited_for_while_it_is_in_progress() -> None:
    service = Script(preview("IN_PROGRESS"), preview("IN_PROGRESS"), preview("COMPLETE"))
    response = await wait_for_preview(service)
    assert response.status == "COMPLETE"
    assert service.requests == [PREVIEW] * 3


@pytest.mark.parametrize("status", [None, "", "A_STATUS_OF_TOMORROW"])
@in_virtual_time
async def test_a_status_that_nobody_knows_is_waited_for(status: str | None) -> None:
    service = Script(preview(status), preview("COMPLETE"))
    assert (await wait_for_preview(service)).status == "COMPLETE"


@pytest.mark.parametrize("status", ["COMPLETE", "ACTIVE"])
@in_virtual_time
async def test_a_scan_is_complete_when_there_are_findings(status: str) -> None:
    service = Script(scan("PENDING"), scan("IN_PROGRESS"), scan(status))
    assert await wait_for_scan(service) == scan(status)
    assert service.requests == [FINDINGS] * 3


@in_virtual_time
async def test_a_scan_that_has_not_started_yet_is_waited_for() -> None:
    not_yet = ecr.ScanNotFoundException("no scan", code="ScanNotFoundException")
    service = Script(not_yet, not_yet, scan("COMPLETE"))
    assert await wait_for_scan(service) == scan("COMPLETE")


@in_virtual_time
async def test_a_response_without_any_scan_status_is_polled_again() -> None:
    service = Script(ecr.DescribeImageScanFindingsResponse(), scan("COMPLETE"))
    assert await wait_for_scan(service) == scan("COMPLETE")


# ---------------------------------------------------------------------------- failed


@pytest.mark.parametrize("status", ["FAILED", "EXPIRED"])
@in_virtual_time
async def test_a_preview_that_will_never_be_complete_is_a_failure(status: str) -> None:
    service = Script(preview("IN_PROGRESS"), preview(status))
    with pytest.raises(ecr.WaiterFailedError, match=f"preview complete: the status is {status}") as caught:
        await wait_for_preview(service)
    assert caught.value.last_response == preview(status)


@pytest.mark.parametrize(
    "status",
    [
        "FAILED",
        "UNSUPPORTED_IMAGE",
        "SCAN_ELIGIBILITY_EXPIRED",
        "FINDINGS_UNAVAILABLE",
        "LIMIT_EXCEEDED",
        "IMAGE_ARCHIVED",
        "IMAGE_SIZE_EXCEEDED",
    ],
)
@in_virtual_time
async def test_a_scan_that_will_never_have_findings_is_a_failure(status: str) -> None:
    service = Script(scan("IN_PROGRESS"), scan(status))
    with pytest.raises(ecr.WaiterFailedError, match=f"scan complete: the status is {status}") as caught:
        await wait_for_scan(service)
    assert caught.value.last_response == scan(status)


@pytest.mark.parametrize(
    "error",
    [
        ecr.LifecyclePolicyPreviewNotFoundException("none", code="LifecyclePolicyPreviewNotFoundException"),
        ecr.ScanNotFoundException("not this one's", code="ScanNotFoundException"),
        ecr.TransportError("reset"),
        ecr.ValidationError("repository_name", "is required"),
    ],
    ids=lambda error: type(error).__name__,
)
@in_virtual_time
async def test_an_error_of_a_call_ends_the_wait(error: Exception) -> None:
    with pytest.raises(type(error)) as caught:
        await wait_for_preview(Script(error))
    assert caught.value is error


@in_virtual_time
async def test_an_image_that_is_not_there_is_not_waited_for() -> None:
    service = Script(ecr.ImageNotFoundException("none", code="ImageNotFoundException"))
    with pytest.raises(ecr.ImageNotFoundException):
        await wait_for_scan(service)
    assert now() == 0


# ---------------------------------------------------------------------------- too long


@in_virtual_time
async def test_after_the_timeout_the_wait_ends_to_the_second() -> None:
    with pytest.raises(ecr.WaiterTimeoutError) as caught:
        await wait_for_preview(Script(preview("IN_PROGRESS")), timeout=100)
    assert now() == pytest.approx(100)
    assert caught.value.last_response == preview("IN_PROGRESS")
    assert str(caught.value) == (
        "lifecycle policy preview complete: not within 100 s; the status was IN_PROGRESS"
    )


@in_virtual_time
async def test_a_response_that_does_not_come_is_not_waited_for_longer_than_the_timeout() -> None:
    service = Script(preview("IN_PROGRESS"), seconds=3600.0)
    with pytest.raises(ecr.WaiterTimeoutError) as caught:
        await wait_for_preview(service, timeout=30)
    assert now() == pytest.approx(30)
    assert caught.value.last_response is None
    assert str(caught.value).endswith("not within 30 s; no response had a status")


@in_virtual_time
async def test_patience_ends_with_the_timeout() -> None:
    service = Script(ecr.ScanNotFoundException("no scan", code="ScanNotFoundException"))
    with pytest.raises(ecr.WaiterTimeoutError, match="no response had a status"):
        await wait_for_scan(service, timeout=60)
    assert now() == pytest.approx(60)


@in_virtual_time
async def test_the_last_response_is_kept_when_later_there_was_none() -> None:
    not_there = ecr.ScanNotFoundException("no scan", code="ScanNotFoundException")
    with pytest.raises(ecr.WaiterTimeoutError, match="the status was PENDING") as caught:
        await wait_for_scan(Script(scan("PENDING"), not_there), timeout=60)
    assert caught.value.last_response == scan("PENDING")


@pytest.mark.parametrize(
    "error", [ecr.TimeoutError("no response in time"), TimeoutError("of somebody else's")]
)
@in_virtual_time
async def test_a_calls_timeout_is_not_taken_for_the_waiters(error: Exception) -> None:
    with pytest.raises(type(error)) as caught:
        await wait_for_preview(Script(preview("IN_PROGRESS"), error), timeout=100)
    assert caught.value is error
    assert now() < 100


@in_virtual_time
async def test_a_timeout_around_the_waiter_is_the_callers() -> None:
    with pytest.raises(TimeoutError) as caught:
        async with asyncio.timeout(5):
            await wait_for_preview(Script(preview("IN_PROGRESS")))
    assert not isinstance(caught.value, ecr.WaiterTimeoutError)
    assert now() == pytest.approx(5)


@in_virtual_time
async def test_a_waiter_can_be_cancelled() -> None:
    service = Script(preview("IN_PROGRESS"))
    task = asyncio.create_task(wait_for_preview(service))
    await asyncio.sleep(10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("timeout", [0, -1])
@in_virtual_time
async def test_a_timeout_is_more_than_nothing(timeout: float) -> None:
    service = Script(preview("COMPLETE"))
    with pytest.raises(ecr.ValidationError, match=f"timeout: must be more than 0 seconds, not {timeout}"):
        await wait_for_preview(service, timeout=timeout)
    assert service.polls == []


@in_virtual_time
async def test_a_timeout_may_be_less_than_a_second() -> None:
    assert await wait_for_preview(Script(preview("COMPLETE")), timeout=0.5) == preview("COMPLETE")


# ---------------------------------------------------------------------------- pauses


def steps(moments: list[float]) -> list[float]:
    return [round(later - earlier, 6) for earlier, later in pairwise(moments)]


@in_virtual_time
async def test_pauses_grow_up_to_the_longest() -> None:
    service = Script(preview("IN_PROGRESS"))
    with pytest.raises(ecr.WaiterTimeoutError):
        await wait_for_preview(service, timeout=30, delays=whole(first=1, growth=2, longest=5))
    assert steps(service.polls) == [1, 2, 4, 5, 5, 5, 5]


@pytest.mark.parametrize("drawn", [0.0, 0.5, 1.0])
def test_a_delay_is_between_a_half_and_the_whole_of_its_step(drawn: float) -> None:
    delays = PollDelays(first=8.0, growth=2.0, longest=20.0, random=lambda: drawn)
    share = 0.5 + drawn / 2
    assert [delays.after(polls) for polls in (1, 2, 3, 10_000)] == [
        8 * share,
        16 * share,
        20 * share,
        20 * share,
    ]


@pytest.mark.parametrize(
    ("wait", "response", "first"),
    [
        (ecr.wait_until_lifecycle_policy_preview_complete, preview("IN_PROGRESS"), 0.5),
        (ecr.wait_until_image_scan_complete, scan("IN_PROGRESS"), 2.0),
    ],
)
@in_virtual_time
async def test_by_default_it_polls_soon_then_rarely(
    wait: Callable[..., Any], response: Any, first: float
) -> None:
    service = Script(response)
    with pytest.raises(ecr.WaiterTimeoutError):
        await wait(service, PREVIEW)
    assert now() == pytest.approx(300)
    assert first / 2 <= steps(service.polls)[0] <= first
    assert 7.5 <= steps(service.polls)[-1] <= 15
    assert len(service.polls) < 60


@pytest.mark.parametrize("wrong", [{"first": -1}, {"growth": 0.5}, {"longest": float("nan")}])
def test_delays_that_make_no_sense_are_rejected_by_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(ecr.ValidationError, match=next(iter(wrong))):
        PollDelays(**wrong)


def test_what_is_wrong_with_a_delay_is_said() -> None:
    with pytest.raises(ecr.ValidationError, match=r"growth: must be at least 1, not 0\.5"):
        PollDelays(growth=0.5)


def test_delays_may_be_nothing() -> None:
    assert PollDelays(first=0, growth=1, longest=0).after(5) == 0
    assert whole(first=1, growth=1, longest=0.25).after(1) == 0.25
