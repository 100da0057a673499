"""Waiting for a free connection: no part of an attempt's time, bounded by itself, and nothing is lost by it.

What users of others report: signatures that expire in the queue
(https://github.com/aio-libs/aiobotocore/issues/662), slots that cancelled calls leave taken
(https://github.com/encode/httpcore/issues/1093), calls that hang after many thousands
(https://github.com/aio-libs/aiobotocore/issues/809).
"""

import asyncio
import contextlib
import random
import socket
from datetime import UTC, datetime, timedelta

import pytest

import ecr_async as ecr
from ecr_async._pipeline.instrumentation import AttemptRecord
from tests.faults.server import (
    Behaviour,
    Exchange,
    FaultServer,
    describe,
    reject,
    respond,
    session_for,
    stall,
)
from tests.virtual_time import in_virtual_time


def respond_after(seconds: float) -> Behaviour:
    async def behave(exchange: Exchange) -> None:
        await asyncio.sleep(seconds)
        await respond()(exchange)

    return behave


@pytest.mark.parametrize(("calls", "connections", "timeout"), [(30, 2, 1), (150, 5, 2), (8, 1, 0.5)])
@in_virtual_time
async def test_is_not_the_attempts_time(calls: int, connections: int, timeout: float) -> None:
    async with (
        FaultServer(respond_after(0.3)) as server,
        session_for(server, max_connections=connections, timeout=timeout) as session,
    ):
        service = session.service()
        await asyncio.gather(*(describe(service) for _ in range(calls)))
        assert len(server.requests) == calls
        assert service.retries.quota.available == service.retries.quota.capacity


@in_virtual_time
async def test_has_its_own_bound_and_its_own_error() -> None:
    async with (
        FaultServer(respond_after(10)) as server,
        session_for(server, max_connections=1, pool_timeout=15) as session,
    ):
        service = session.service()
        results = await asyncio.gather(*(describe(service) for _ in range(4)), return_exceptions=True)
        assert asyncio.get_running_loop().time() == pytest.approx(20)
        assert service.retries.quota.available == service.retries.quota.capacity
    errors = [result for result in results if isinstance(result, BaseException)]
    assert [type(error) for error in errors] == [ecr.PoolTimeoutError] * 2
    for error in errors:
        assert isinstance(error, ecr.TimeoutError)
        assert (error.attempts, error.may_have_succeeded) == (0, False)
        assert "within 15 seconds" in str(error)
        assert "max_connections" in str(error)
    assert len(server.requests) == 2


@in_virtual_time
async def test_the_signature_is_made_when_it_is_over() -> None:
    start = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def clock() -> float:
        return start.timestamp() + asyncio.get_running_loop().time()

    async def check_and_respond(exchange: Exchange) -> None:
        signed = datetime.strptime(exchange.request.headers["x-amz-date"], "%Y%m%dT%H%M%S%z")
        age = datetime.fromtimestamp(clock(), UTC) - signed
        await asyncio.sleep(100)
        await (respond() if age < timedelta(minutes=5) else reject("InvalidSignatureException"))(exchange)

    async with (
        FaultServer(check_and_respond) as server,
        session_for(server, max_connections=1, pool_timeout=None, clock=clock) as session,
    ):
        await asyncio.gather(*(describe(session.service()) for _ in range(8)))
    assert server.sent("amz-sdk-request") == ["attempt=1; max=3"] * 8


@in_virtual_time
async def test_is_reported_beside_the_duration() -> None:
    records: list[AttemptRecord] = []

    class Recorder:
        def call(self, *_: object) -> contextlib.AbstractContextManager[None]:
            return contextlib.nullcontext()

        def attempt(self, record: AttemptRecord) -> None:
            records.append(record)

    time = asyncio.get_running_loop().time
    async with (
        FaultServer(respond_after(3)) as server,
        session_for(server, max_connections=1, telemetry=Recorder(), monotonic=time) as session,
    ):
        await asyncio.gather(*(describe(session.service()) for _ in range(3)))
    seen = sorted((round(record.connection_wait, 6), round(record.duration, 6)) for record in records)
    assert seen == [(0, 3), (3, 3), (6, 3)]


@in_virtual_time
async def test_cancelled_calls_leave_no_connection_taken() -> None:
    """A thousand calls over three connections, half of them cancelled at some moment."""
    chance = random.Random(7)
    async with (
        FaultServer(respond_after(0.01)) as server,
        session_for(server, max_connections=3) as session,
    ):
        service = session.service()

        async def call(patience: float) -> None:
            async with asyncio.timeout(patience):
                await describe(service)

        patiences = [chance.choice([chance.random() * 3, 1000.0]) for _ in range(1000)]
        results = await asyncio.gather(*map(call, patiences), return_exceptions=True)
        assert {type(result) for result in results} <= {type(None), TimeoutError}
        assert all(result is None for result, each in zip(results, patiences, strict=True) if each == 1000)
        assert server.most_connections <= 4, "a cancelled call's connection may still be closing"
        await asyncio.gather(*(describe(service) for _ in range(3)))


@in_virtual_time
async def test_first_come_first_served() -> None:
    order: list[int] = []
    async with FaultServer(respond_after(1)) as server, session_for(server, max_connections=2) as session:

        async def call(number: int) -> None:
            await describe(session.service())
            order.append(number)

        await asyncio.gather(*map(call, range(20)))
    assert sorted(order) == list(range(20))
    assert all(abs(place - number) <= 1 for place, number in enumerate(order))


@in_virtual_time
async def test_ends_as_the_session_is_closed() -> None:
    async with FaultServer(stall) as server:
        async with session_for(server, max_connections=1, timeout=None, pool_timeout=None) as session:
            calls = [asyncio.create_task(describe(session.service())) for _ in range(3)]
            await server.wait_until_requested(1)
        results = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(result) for result in results] == [ecr.SessionClosedError] * 3


async def upload(service: ecr.Service) -> None:
    part = bytes(10 * 1024 * 1024)
    upload_id = "11111111-2222-4333-8444-555555555555"
    await ecr.upload_layer_part(service, ecr.UploadLayerPartRequest("app", upload_id, 0, len(part) - 1, part))


@in_virtual_time
async def test_a_large_request_on_a_slow_line_takes_as_long_as_it_takes() -> None:
    async with (
        FaultServer(respond(), slow=(64 * 1024, 0.5)) as server,
        session_for(server, timeout=5) as session,
    ):
        await upload(session.service())
        assert asyncio.get_running_loop().time() > 60
    assert len(server.requests) == 1


@in_virtual_time
async def test_a_large_response_on_a_slow_line_too() -> None:
    body = b'{"repositories": [' + b'{"repositoryName": "app"},' * 100_000 + b"{}]}"

    async def respond_slowly(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body))
        for start in range(0, len(body), 64 * 1024):
            await asyncio.sleep(1)
            await exchange.send(body[start : start + 64 * 1024])

    async with FaultServer(respond_slowly) as server, session_for(server, timeout=5) as session:
        assert len((await describe(session.service())).repositories) == 100_001
        assert asyncio.get_running_loop().time() > 30


@in_virtual_time
async def test_one_that_comes_byte_by_byte_does_not() -> None:
    async def drip(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while not exchange.writer.is_closing():
            await asyncio.sleep(0.2)
            await exchange.send(b" ")

    async with FaultServer(drip) as server, session_for(server, timeout=5, max_attempts=1) as session:
        with pytest.raises(ecr.TimeoutError):
            await describe(session.service())
        assert asyncio.get_running_loop().time() == pytest.approx(5, abs=0.1)


@in_virtual_time
async def test_a_request_that_nobody_takes_does_not_either() -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        endpoint = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        async with ecr.Session(
            region="eu-west-1",
            endpoint_url=endpoint,
            access_key_id="AKIAEXAMPLE",
            secret_access_key="secret",
            timeout=5,
            max_attempts=1,
        ) as session:
            with pytest.raises(ecr.TimeoutError):
                await upload(session.service())
            assert asyncio.get_running_loop().time() < 5 + 128 + 5
