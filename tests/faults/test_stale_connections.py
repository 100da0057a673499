"""Connections that died in the pool: the request goes to a new one at once.

What users of others report: the retry takes another dead connection, until the attempts or the retry
quota are used up (https://github.com/aws/aws-sdk-js-v3/issues/3905,
https://github.com/aio-libs/aiohttp/issues/9138).
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import ecr_async as ecr
from ecr_async._pipeline.idempotency import REPEATS
from tests.faults.server import (
    Behaviour,
    Exchange,
    FaultServer,
    describe,
    drop,
    reject,
    reset,
    respond,
    send_and_drop,
    session_for,
)
from tests.virtual_time import in_virtual_time


class Dying:
    """Answers until `are_dead` is set; from then on, connections made before are lost as a request comes."""

    def __init__(self, death: Behaviour) -> None:
        self._death = death
        self._gate = asyncio.Event()
        self.are_dead = False
        self._together = 0

    def together(self, calls: int) -> None:
        """Answer only once so many requests have come, so that each has a connection of its own."""
        self._together = calls

    async def serve(self, exchange: Exchange) -> None:
        if self.are_dead and exchange.request.connection <= self._dead:
            await self._death(exchange)
            return
        if self._together:
            self._together -= 1
            if not self._together:
                self._gate.set()
            await self._gate.wait()
        await respond()(exchange)

    def die(self, connections: int) -> None:
        """Let the first so many connections be dead."""
        self.are_dead, self._dead = True, connections


@pytest.mark.parametrize("death", [drop, reset], ids=["closed", "reset"])
@pytest.mark.parametrize(("dead", "calls"), [(3, 1), (50, 50), (100, 100), (100, 10), (10, 100)])
@in_virtual_time
async def test_all_calls_succeed(death: Behaviour, dead: int, calls: int) -> None:
    dying = Dying(death)
    async with FaultServer(dying.serve) as server, session_for(server, max_attempts=1) as session:
        service = session.service()
        dying.together(dead)
        await asyncio.gather(*(describe(service) for _ in range(dead)))
        assert server.connections == dead
        dying.die(dead)
        before = len(server.requests)
        await asyncio.gather(*(describe(service) for _ in range(calls)))
        assert len(server.requests) - before <= 2 * calls, "each call meets one dead connection at most"
        assert service.retries.quota.available == service.retries.quota.capacity


@in_virtual_time
async def test_a_new_connection_that_is_lost_is_another_matter() -> None:
    async with FaultServer(respond(), drop) as server, session_for(server, max_attempts=2) as session:
        await describe(session.service())
        with pytest.raises(ecr.TransportError) as caught:
            await describe(session.service())
        assert not isinstance(caught.value, ecr.ResponseError)
    assert caught.value.attempts == 2
    assert server.sent("amz-sdk-request")[1:] == ["attempt=1; max=2", "attempt=1; max=2", "attempt=2; max=2"]


@in_virtual_time
async def test_a_connection_lost_in_the_middle_of_a_response_is_not_stale() -> None:
    half = send_and_drop(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{")
    async with FaultServer(respond(), half, respond()) as server, session_for(server) as session:
        await describe(session.service())
        await describe(session.service())
    assert server.sent("amz-sdk-request")[1:] == ["attempt=1; max=3", "attempt=2; max=3"]


Call = Callable[[ecr.Service], Awaitable[Any]]
CALLS: dict[str, Call] = {
    "CreateRepository": lambda service: ecr.create_repository(service, ecr.CreateRepositoryRequest("app")),
    "DeleteRepository": lambda service: ecr.delete_repository(service, ecr.DeleteRepositoryRequest("app")),
    "InitiateLayerUpload": lambda service: ecr.initiate_layer_upload(
        service, ecr.InitiateLayerUploadRequest("app")
    ),
    "PutImage": lambda service: ecr.put_image(service, ecr.PutImageRequest("app", image_manifest="{}")),
    "StartImageScan": lambda service: ecr.start_image_scan(
        service, ecr.StartImageScanRequest("app", ecr.ImageIdentifier(image_tag="v1"))
    ),
}


@pytest.mark.parametrize("operation", CALLS)
@in_virtual_time
async def test_what_is_not_idempotent_is_repeated_as_an_attempt_that_costs_no_quota(operation: str) -> None:
    async with FaultServer(respond(), reset, respond()) as server, session_for(server) as session:
        service = session.service()
        await describe(service)
        await CALLS[operation](service)
        assert service.retries.quota.available == service.retries.quota.capacity
    assert server.sent("amz-sdk-request")[1:] == ["attempt=1; max=3", "attempt=2; max=3"]


@pytest.mark.parametrize("operation", CALLS)
@in_virtual_time
async def test_with_one_attempt_it_is_sent_once(operation: str) -> None:
    async with (
        FaultServer(respond(), reset, respond()) as server,
        session_for(server, max_attempts=1) as session,
    ):
        await describe(session.service())
        with pytest.raises(ecr.TransportError) as caught:
            await CALLS[operation](session.service())
    assert caught.value.may_have_succeeded
    assert len(server.requests) == 2


@pytest.mark.parametrize("lost", [drop, send_and_drop(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")])
@pytest.mark.parametrize("operation", [operation for operation in CALLS if REPEATS[operation]])
@in_virtual_time
async def test_an_error_says_that_it_may_be_the_calls_own_effect(operation: str, lost: Behaviour) -> None:
    (code,) = REPEATS[operation]
    async with FaultServer(lost, reject(code)) as server, session_for(server) as session:
        with pytest.raises(ecr.ServiceError) as caught:
            await CALLS[operation](session.service())
        first = caught.value
        with pytest.raises(ecr.ServiceError) as caught:
            await CALLS[operation](session.service())
        second = caught.value
    assert (first.code, first.attempts, first.may_have_succeeded) == (code, 2, True)
    assert (second.code, second.attempts, second.may_have_succeeded) == (code, 1, False)


@in_virtual_time
async def test_a_rejection_of_another_kind_is_not_its_own_effect() -> None:
    async with (
        FaultServer(drop, reject("InvalidParameterException")) as server,
        session_for(server) as session,
    ):
        with pytest.raises(ecr.InvalidParameterException) as caught:
            await CALLS["PutImage"](session.service())
    assert (caught.value.attempts, caught.value.may_have_succeeded) == (2, False)


@pytest.mark.parametrize("code", ["ThrottlingException", "ExpiredTokenException", "RequestExpired"])
@in_virtual_time
async def test_one_that_says_nothing_of_the_request_leaves_the_doubt(code: str) -> None:
    async with FaultServer(drop, reject(code)) as server, session_for(server) as session:
        with pytest.raises(ecr.ServiceError) as caught:
            await CALLS["InitiateLayerUpload"](session.service())
    assert caught.value.may_have_succeeded


@in_virtual_time
async def test_a_whole_response_that_cannot_be_read_is_not_sent_again() -> None:
    """A repository that was made is not made again, to fail as one that exists already."""
    unreadable = respond(b'{"repository": {"createdAt": "yesterday"}}')
    async with FaultServer(unreadable) as server, session_for(server) as session:
        with pytest.raises(ecr.ResponseError) as caught:
            await CALLS["CreateRepository"](session.service())
    assert (caught.value.attempts, caught.value.may_have_succeeded) == (1, True)
    assert len(server.requests) == 1
