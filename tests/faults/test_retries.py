"""Retries, as the service sees them and as callers do."""

import asyncio
import itertools
import uuid

import pytest

import ecr_async as ecr
from tests.faults.server import FaultServer, describe, drop, page, reject, respond, session_for
from tests.virtual_time import in_virtual_time


@in_virtual_time
async def test_a_call_has_one_name_and_its_attempts_have_numbers() -> None:
    async with FaultServer(drop, page(503), respond()) as server, session_for(server) as session:
        await describe(session.service())
        await describe(session.service())
    assert server.sent("amz-sdk-request") == [
        "attempt=1; max=3",
        "attempt=2; max=3",
        "attempt=3; max=3",
        "attempt=1; max=3",
    ]
    names = server.sent("amz-sdk-invocation-id")
    assert [len(list(same)) for _, same in itertools.groupby(names)] == [3, 1]
    assert all(uuid.UUID(name).version == 4 for name in names if name is not None)


@in_virtual_time
async def test_each_attempt_is_signed_anew() -> None:
    def clock() -> float:
        return 1_700_000_000 + asyncio.get_running_loop().time()

    async with (
        FaultServer(page(503, x_amz_retry_after="4000"), respond()) as server,
        session_for(server, clock=clock) as session,
    ):
        await describe(session.service())
    assert server.sent("x-amz-date") == ["20231114T221320Z", "20231114T221324Z"]
    first, second = server.sent("authorization")
    assert first != second


@pytest.mark.parametrize(("wish", "granted"), [("0", 0.0), ("3000", 3.0), ("60000", 5.0)])
@in_virtual_time
async def test_a_pause_that_the_service_wishes_for(wish: str, granted: float) -> None:
    async with (
        FaultServer(page(500, x_amz_retry_after=wish), respond()) as server,
        session_for(server) as session,
    ):
        await describe(session.service())
        assert asyncio.get_running_loop().time() == pytest.approx(granted, abs=0.06)


@pytest.mark.parametrize("wish", ["soon", "-1", "", "1.5"])
@in_virtual_time
async def test_a_wish_that_makes_no_sense(wish: str) -> None:
    async with (
        FaultServer(page(500, x_amz_retry_after=wish), respond()) as server,
        session_for(server) as session,
    ):
        await describe(session.service())
        assert asyncio.get_running_loop().time() < 0.06


@in_virtual_time
async def test_a_pause_that_the_service_wishes_for_holds_for_all_calls_that_are_paced() -> None:
    async with (
        FaultServer(reject("ThrottlingException", x_amz_retry_after="4000"), respond()) as server,
        session_for(server, retry_mode="adaptive", max_attempts=1) as session,
    ):
        service = session.service()
        with pytest.raises(ecr.ServiceError, match="ThrottlingException"):
            await describe(service)
        assert asyncio.get_running_loop().time() < 0.1
        await describe(service)
        assert asyncio.get_running_loop().time() == pytest.approx(4, abs=0.1)


@pytest.mark.parametrize("attempts", [1, 2, 5])
@in_virtual_time
async def test_as_many_attempts_as_configured(attempts: int) -> None:
    async with FaultServer(page(500)) as server, session_for(server, max_attempts=attempts) as session:
        with pytest.raises(ecr.ResponseError, match=rf"HTTP 500.*\b{attempts} attempt") as caught:
            await describe(session.service())
    assert caught.value.attempts == len(server.requests) == attempts


@in_virtual_time
async def test_the_last_error_is_the_one_that_is_raised() -> None:
    last = reject("RepositoryNotFoundException")
    async with FaultServer(drop, last) as server, session_for(server) as session:
        with pytest.raises(ecr.RepositoryNotFoundException) as caught:
            await describe(session.service())
    assert caught.value.attempts == len(server.requests) == 2


@in_virtual_time
async def test_an_outage_does_not_lead_to_a_storm_of_retries() -> None:
    """500 tokens at 14 a retry: 35 retries, however many calls there are."""
    async with FaultServer(page(500)) as server, session_for(server) as session:
        service = session.service()
        results = await asyncio.gather(*(describe(service) for _ in range(100)), return_exceptions=True)
        assert len(server.requests) == 100 + 500 // 14
        assert all(isinstance(result, ecr.ResponseError) for result in results)
        with pytest.raises(ecr.ResponseError) as caught:
            await describe(service)
        assert caught.value.attempts == 1, "there is nothing left for retries"
        with pytest.raises(ecr.ResponseError) as caught:
            await describe(session.service())
        assert caught.value.attempts == 3, "another service has a quota of its own"


@in_virtual_time
async def test_nothing_is_sent_for_a_request_that_breaks_a_limit() -> None:
    async with FaultServer(respond()) as server, session_for(server) as session:
        with pytest.raises(ecr.ValidationError):
            await ecr.describe_repositories(session.service(), ecr.DescribeRepositoriesRequest(max_results=0))
    assert server.requests == []
