"""Credentials that the service no longer takes are replaced once, if the provider has others."""

import asyncio

import pytest

import ecr_async as ecr
from tests.faults.server import Exchange, FaultServer, describe, reject, respond, session_for
from tests.virtual_time import in_virtual_time

CODES = ["ExpiredTokenException", "ExpiredToken", "UnrecognizedClientException", "InvalidClientTokenId"]


class Account:
    """One valid access key, a provider that knows it, and a service that requires it."""

    def __init__(self, code: str = "ExpiredTokenException") -> None:
        self.valid = "KEY1"
        self.known = "KEY1"
        self.calls = 0
        self._rejection = reject(code)

    def rotate(self) -> None:
        self.valid = self.known = "KEY2"

    async def provide(self) -> ecr.Credentials:
        self.calls += 1
        await asyncio.sleep(0.001)
        if not self.known:
            raise OSError("no provider there")
        return ecr.Credentials(self.known, "secret")

    async def serve(self, exchange: Exchange) -> None:
        signed_by_it = f"Credential={self.valid}/" in exchange.request.headers["authorization"]
        await (respond() if signed_by_it else self._rejection)(exchange)


@pytest.mark.parametrize("code", CODES)
@in_virtual_time
async def test_after_a_rotation_the_call_succeeds_with_the_new_ones(code: str) -> None:
    account = Account(code)
    async with (
        FaultServer(account.serve) as server,
        session_for(server, credentials=account.provide) as session,
    ):
        await describe(session.service())
        account.rotate()
        await describe(session.service())
        await describe(session.service())
    assert server.sent("amz-sdk-request") == [f"attempt={number}; max=3" for number in (1, 1, 2, 1)]
    assert account.calls == 2


@in_virtual_time
async def test_fifty_calls_at_once_call_the_provider_once() -> None:
    account = Account()
    async with (
        FaultServer(account.serve) as server,
        session_for(server, credentials=account.provide) as session,
    ):
        service = session.service()
        await describe(service)
        account.rotate()
        await asyncio.gather(*(describe(service) for _ in range(50)))
    assert account.calls == 2
    assert len(server.requests) <= 1 + 2 * 50


@in_virtual_time
async def test_a_provider_that_has_no_others_is_not_called_again_and_again() -> None:
    """A region that the account has not enabled rejects good credentials."""
    account = Account("UnrecognizedClientException")
    async with (
        FaultServer(account.serve) as server,
        session_for(server, credentials=account.provide) as session,
    ):
        await describe(session.service())
        account.valid = "KEY2"
        for _ in range(5):
            with pytest.raises(ecr.ServiceError) as caught:
                await describe(session.service())
            assert caught.value.attempts == 1
        assert account.calls == 2
        account.valid = "KEY1"
        await describe(session.service())


@in_virtual_time
async def test_a_provider_that_fails_leaves_the_services_own_error() -> None:
    account = Account()
    async with (
        FaultServer(account.serve) as server,
        session_for(server, credentials=account.provide) as session,
    ):
        await describe(session.service())
        account.valid, account.known = "KEY2", ""
        with pytest.raises(ecr.ServiceError) as caught:
            await describe(session.service())
        assert caught.value.code == "ExpiredTokenException"
    assert len(server.requests) == 2


@in_virtual_time
async def test_new_ones_that_are_rejected_too_are_an_error() -> None:
    numbers = iter(range(100))

    async def provide() -> ecr.Credentials:
        return ecr.Credentials(f"KEY{next(numbers)}", "secret")

    async with (
        FaultServer(reject("ExpiredTokenException")) as server,
        session_for(server, credentials=provide, max_attempts=10) as session,
    ):
        with pytest.raises(ecr.ServiceError) as caught:
            await describe(session.service())
    assert caught.value.attempts == len(server.requests) == 2


@in_virtual_time
async def test_a_call_replaces_credentials_once_however_long_it_takes() -> None:
    """Far apart, so that it is the call that stops, and not the cache, which allows a few replacements."""
    numbers = iter(range(100))
    now = asyncio.get_running_loop().time

    async def provide() -> ecr.Credentials:
        return ecr.Credentials(f"KEY{next(numbers)}", "secret")

    async def reject_late(exchange: Exchange) -> None:
        await asyncio.sleep(20)
        await reject("ExpiredTokenException")(exchange)

    async with (
        FaultServer(reject_late) as server,
        session_for(server, credentials=provide, max_attempts=10, monotonic=now) as session,
    ):
        for used in (["KEY0", "KEY1"], ["KEY1", "KEY2"]):
            server.requests.clear()
            with pytest.raises(ecr.ServiceError) as caught:
                await describe(session.service())
            assert caught.value.attempts == 2
            sent = [str(header) for header in server.sent("authorization")]
            assert [header.partition("Credential=")[2].partition("/")[0] for header in sent] == used
