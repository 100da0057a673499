"""`retry_mode="adaptive"`: calls paced to what the service admits, each operation for itself."""

import asyncio
import contextlib
from typing import Any

import pytest

import ecr_async as ecr
from tests.unit.fake_registry import FakeRegistry, TokenBucket
from tests.virtual_time import in_virtual_time


async def throttled_share(mode: Any) -> float:
    """Make 500 calls, 20 at a time, where 10 a second are admitted; return the share that was throttled."""
    registry = FakeRegistry({"team/app": 1}, bucket=TokenBucket(10, 10), latency=0.02)

    async def call(service: ecr.Service) -> None:
        for _ in range(25):
            with contextlib.suppress(ecr.ServiceError):
                await ecr.describe_images(service, ecr.DescribeImagesRequest("team/app", max_results=1))

    async with registry.session(retry_mode=mode) as session:
        service = session.service()
        await asyncio.gather(*(call(service) for _ in range(20)))
    return registry.outcomes["ThrottlingException"] / len(registry.calls)


@in_virtual_time
async def test_an_adaptive_session_is_hardly_throttled() -> None:
    assert await throttled_share("adaptive") < 0.1
    assert await throttled_share("standard") > 0.2


@in_virtual_time
async def test_an_adaptive_session_gives_up_after_its_attempts() -> None:
    registry = FakeRegistry({}, on_call=lambda operation, request: "ThrottlingException")
    async with registry.session(retry_mode="adaptive", max_attempts=2) as session:
        with pytest.raises(ecr.ServiceError) as caught:
            await ecr.describe_repositories(session.service(), ecr.DescribeRepositoriesRequest())
    assert caught.value.attempts == len(registry.calls) == 2


@in_virtual_time
async def test_one_operation_does_not_wait_for_another() -> None:
    registry = FakeRegistry(
        {"team/app": 1},
        on_call=lambda operation, request: "ThrottlingException" if operation == "DescribeImages" else None,
    )
    async with registry.session(retry_mode="adaptive", max_attempts=20) as session:
        service = session.service()
        slow = asyncio.create_task(
            ecr.describe_images(service, ecr.DescribeImagesRequest("team/app", max_results=1))
        )
        await asyncio.sleep(10)
        before = asyncio.get_running_loop().time()
        await ecr.describe_repositories(service, ecr.DescribeRepositoriesRequest(max_results=1))
        assert asyncio.get_running_loop().time() - before < 0.1
        slow.cancel()
        await asyncio.wait([slow])
