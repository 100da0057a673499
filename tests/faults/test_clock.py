"""A clock that is off is set right by what the service says, at the cost of one attempt."""

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

import ecr_async as ecr
from tests.faults.server import Behaviour, Exchange, FaultServer, describe, reject, respond, session_for
from tests.virtual_time import in_virtual_time

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CODES = [
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "RequestExpired",
    "RequestTimeTooSkewed",
    "RequestInTheFuture",
]


def service_of_another_time(off: timedelta, code: str = "InvalidSignatureException") -> Behaviour:
    """Refuses what is signed more than five minutes before or after its own time, as AWS does."""
    there = NOW + off
    rejection = reject(code, Date=format_datetime(there, usegmt=True))

    async def behave(exchange: Exchange) -> None:
        signed = datetime.strptime(exchange.request.headers["x-amz-date"], "%Y%m%dT%H%M%S%z")
        await (respond() if abs(signed - there) <= timedelta(minutes=5) else rejection)(exchange)

    return behave


def at_noon(server: FaultServer, **options: Any) -> ecr.Session:
    """Return a session whose own clock stands still at noon."""
    return session_for(server, clock=NOW.timestamp, **options)


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("off", [timedelta(hours=-1), timedelta(hours=1), timedelta(days=400)], ids=str)
@in_virtual_time
async def test_is_corrected_at_once(code: str, off: timedelta) -> None:
    async with FaultServer(service_of_another_time(off, code)) as server, at_noon(server) as session:
        service = session.service()
        await describe(service)
        assert server.sent("amz-sdk-request") == ["attempt=1; max=3", "attempt=2; max=3"]
        assert asyncio.get_running_loop().time() < 1, "there is nothing to wait for"

        await describe(service)
        await describe(session.service("us-east-1"))
        assert len(server.requests) == 4, "later calls start corrected, whatever the region"


@in_virtual_time
async def test_of_fifty_calls_at_once_all_succeed() -> None:
    off = timedelta(hours=1)
    async with FaultServer(service_of_another_time(off)) as server, at_noon(server) as session:
        service = session.service()
        await asyncio.gather(*(describe(service) for _ in range(50)))
        assert session.runtime.clock.offset == off.total_seconds()
        assert len(server.requests) <= 100


@in_virtual_time
async def test_that_has_been_set_meanwhile_is_corrected_back() -> None:
    async with FaultServer(service_of_another_time(timedelta())) as server, at_noon(server) as session:
        service = session.service()
        session.runtime.clock.offset = 3600.0
        await describe(service)
        assert session.runtime.clock.offset == 0


@in_virtual_time
async def test_with_one_attempt_is_corrected_for_the_next_call() -> None:
    behaviour = service_of_another_time(timedelta(hours=1))
    async with FaultServer(behaviour) as server, at_noon(server, max_attempts=1) as session:
        service = session.service()
        with pytest.raises(ecr.ServiceError):
            await describe(service)
        await describe(service)
    assert len(server.requests) == 2


@pytest.mark.parametrize("attempts", [2, 3, 10])
@in_virtual_time
async def test_that_is_contradicted_each_time_is_an_error(attempts: int) -> None:
    hours = iter(range(1, 100))

    async def lie(exchange: Exchange) -> None:
        date = format_datetime(NOW + timedelta(hours=next(hours)), usegmt=True)
        await reject("InvalidSignatureException", Date=date)(exchange)

    async with FaultServer(lie) as server, at_noon(server, max_attempts=attempts) as session:
        with pytest.raises(ecr.ServiceError) as caught:
            await describe(session.service())
    assert (caught.value.code, caught.value.attempts) == ("InvalidSignatureException", 2)
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="none"),
        pytest.param({"Date": "yesterday"}, id="no date"),
        pytest.param({"Date": "Sun, 01 Mar 2026 12:03:00 GMT"}, id="the same, nearly"),
        pytest.param({"Date": "Sun, 99 Mar 99999999 12:03:00 GMT"}, id="no such date"),
    ],
)
@in_virtual_time
async def test_that_is_right_is_left_alone(headers: dict[str, str]) -> None:
    """Then the signature was too old, or it is wrong for another reason, a wrong secret say."""
    async with (
        FaultServer(reject("InvalidSignatureException", 400, "no", **headers)) as server,
        at_noon(server) as session,
    ):
        with pytest.raises(ecr.ServiceError) as caught:
            await describe(session.service())
        assert session.runtime.clock.offset == 0
    assert (caught.value.attempts, len(server.requests)) == (2, 2)


@pytest.mark.parametrize("code", CODES)
@in_virtual_time
async def test_a_signature_that_grew_too_old_on_its_way_is_made_anew(code: str) -> None:
    """A frozen process sends what it signed before; its clock is right all the same."""
    expired = reject(code, 400, "Signature expired", Date=format_datetime(NOW, usegmt=True))
    async with FaultServer(expired, respond()) as server, at_noon(server) as session:
        await describe(session.service())
        assert asyncio.get_running_loop().time() < 1, "there is nothing to wait for"
        assert session.runtime.clock.offset == 0
    assert server.sent("amz-sdk-request") == ["attempt=1; max=3", "attempt=2; max=3"]
