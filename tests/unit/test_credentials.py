"""Credentials are resolved once for many callers, renewed ahead of expiry, and outlive a failing provider."""

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, cast

import attrs
import pytest

from ecr_async._auth.credentials import CachedCredentials, Credentials, static
from ecr_async.errors import CredentialsError, SessionClosedError

MINUTE = 60.0
HOUR = 60 * MINUTE


class Clock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


class Provider:
    """Gives credentials that are numbered as they come; waits at a gate, and fails, when told to."""

    def __init__(self, clock: Clock, lifetime: float | None) -> None:
        self.clock = clock
        self.lifetime = lifetime
        self.asked = 0
        self.failure: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self) -> Credentials:
        self.asked += 1
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        expires_at = (
            None if self.lifetime is None else datetime.fromtimestamp(self.clock() + self.lifetime, UTC)
        )
        return Credentials(f"KEY{self.asked}", "secret", "token", expires_at)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def provider(clock: Clock) -> Provider:
    return Provider(clock, HOUR)


@pytest.fixture
async def cache(provider: Provider, clock: Clock) -> AsyncIterator[CachedCredentials]:
    cached = CachedCredentials(provider, clock=clock)
    yield cached
    await cached.aclose()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def background(cache: CachedCredentials) -> None:
    """Let the renewal that is under way come to its end."""
    tasks = [task for task in asyncio.all_tasks() if task.get_name() == "ecr_async credentials"]
    assert len(tasks) == 1
    await asyncio.wait(tasks)


def key(credentials: Credentials | None) -> str | None:
    return None if credentials is None else credentials.access_key


def test_repr_shows_neither_secret_key_nor_token() -> None:
    shown = repr(Credentials("KEY", "CANARY-SECRET", "CANARY-TOKEN"))
    assert "KEY" in shown
    assert "CANARY" not in shown


def test_credentials_do_not_change() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        Credentials("KEY", "secret").access_key = "OTHER"  # type: ignore[misc]


@pytest.mark.parametrize("field", ["access_key", "secret_key", "session_token"])
@pytest.mark.parametrize("value", ["CANARY\n", "CANARY\r", " CANARY"])
def test_white_space_around_what_was_read_from_a_file_is_refused_and_not_shown(
    field: str, value: Any
) -> None:
    with pytest.raises(CredentialsError, match=f"^{field} begins or ends with white space") as caught:
        attrs.evolve(Credentials("KEY", "secret"), **{field: value})
    assert "CANARY" not in str(caught.value)


def test_an_expiry_in_nobodys_time_zone_is_refused() -> None:
    with pytest.raises(CredentialsError, match=r"^expires_at must be an aware datetime"):
        Credentials("KEY", "secret", expires_at=datetime(2030, 1, 1))


async def test_static_credentials_are_given_as_they_are() -> None:
    credentials = Credentials("KEY", "secret")
    assert await static(credentials)() is credentials


class TestResolving:
    async def test_nothing_is_current_before_the_first_resolution(
        self, cache: CachedCredentials, provider: Provider
    ) -> None:
        assert cache.current is None
        assert key(await cache.get()) == "KEY1"
        assert key(cache.current) == "KEY1"
        assert provider.asked == 1

    async def test_many_callers_at_once_share_one_resolution(
        self, cache: CachedCredentials, provider: Provider
    ) -> None:
        found = await asyncio.gather(*(cache.get() for _ in range(100)))
        assert {key(credentials) for credentials in found} == {"KEY1"}
        assert provider.asked == 1

    async def test_a_cancelled_caller_does_not_cancel_the_others_resolution(
        self, cache: CachedCredentials, provider: Provider
    ) -> None:
        provider.gate.clear()
        impatient = asyncio.create_task(cache.get())
        patient = asyncio.create_task(cache.get())
        await asyncio.sleep(0)
        impatient.cancel()
        await asyncio.wait([impatient])
        provider.gate.set()
        assert key(await patient) == "KEY1"
        assert impatient.cancelled()
        assert provider.asked == 1

    async def test_credentials_that_do_not_expire_are_never_renewed(self, clock: Clock) -> None:
        provider = Provider(clock, lifetime=None)
        cache = CachedCredentials(provider, clock=clock)
        await cache.get()
        clock.now += 1000 * HOUR
        assert key(await cache.get()) == "KEY1"
        assert provider.asked == 1


class TestRenewal:
    async def test_until_fifteen_minutes_before_expiry_nothing_happens(
        self, cache: CachedCredentials, provider: Provider, clock: Clock
    ) -> None:
        await cache.get()
        clock.now += 45 * MINUTE - 1
        assert key(await cache.get()) == "KEY1"
        assert provider.asked == 1

    async def test_from_then_on_it_runs_in_the_background(
        self, cache: CachedCredentials, provider: Provider, clock: Clock
    ) -> None:
        await cache.get()
        clock.now += 45 * MINUTE
        assert key(cache.current) == "KEY1"
        assert key(await cache.get()) == "KEY1"
        await background(cache)
        assert key(cache.current) == "KEY2"
        assert provider.asked == 2

    async def test_from_five_minutes_before_expiry_on_callers_wait_for_it(
        self, cache: CachedCredentials, clock: Clock
    ) -> None:
        await cache.get()
        clock.now += 55 * MINUTE
        assert cache.current is None
        assert key(await cache.get()) == "KEY2"

    @pytest.mark.parametrize(
        ("age", "current", "asked"),
        [(5 * MINUTE - 1, "KEY1", 1), (5 * MINUTE, "KEY1", 2), (7.5 * MINUTE, None, 2)],
    )
    async def test_short_lived_credentials_are_renewed_at_half_of_their_life_and_waited_for_at_a_quarter(
        self, age: float, current: str | None, asked: int, clock: Clock
    ) -> None:
        provider = Provider(clock, lifetime=10 * MINUTE)
        cache = CachedCredentials(provider, clock=clock)
        await cache.get()
        clock.now += age
        assert key(cache.current) == current
        await cache.get()
        await asyncio.sleep(0)
        assert provider.asked == asked

    async def test_a_provider_with_nothing_newer_is_not_asked_again_and_again(self, clock: Clock) -> None:
        expires_at = datetime.fromtimestamp(clock() + MINUTE, UTC)
        asked = 0

        async def provider() -> Credentials:
            nonlocal asked
            asked += 1
            return Credentials("KEY", "secret", expires_at=expires_at)

        cache = CachedCredentials(provider, clock=clock)
        while clock() < expires_at.timestamp():
            await cache.get()
            await asyncio.sleep(0)
            clock.now += 1
        assert asked <= 4

    async def test_closing_cancels_it(
        self, cache: CachedCredentials, provider: Provider, clock: Clock
    ) -> None:
        await cache.get()
        clock.now += 45 * MINUTE
        provider.gate.clear()
        assert key(cache.current) == "KEY1"
        await cache.aclose()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    async def test_closing_ends_the_wait_of_those_who_wait_for_it(
        self, cache: CachedCredentials, provider: Provider
    ) -> None:
        provider.gate.clear()
        waiting = asyncio.create_task(cache.get())
        await asyncio.sleep(0)
        await cache.aclose()
        with pytest.raises(SessionClosedError, match="the session is closed"):
            await waiting


class TestFailure:
    async def test_without_good_credentials_it_is_everybodys(
        self, cache: CachedCredentials, provider: Provider
    ) -> None:
        provider.failure = CredentialsError("no AWS credentials: there are none anywhere")
        failures = await asyncio.gather(*(cache.get() for _ in range(3)), return_exceptions=True)
        assert [str(failure) for failure in failures] == ["no AWS credentials: there are none anywhere"] * 3
        assert all(isinstance(failure, CredentialsError) for failure in failures)
        assert len({id(failure) for failure in failures}) == 3, "a traceback is one caller's own"
        assert provider.asked == 1

    async def test_the_next_call_tries_again(self, cache: CachedCredentials, provider: Provider) -> None:
        provider.failure = CredentialsError("no")
        with pytest.raises(CredentialsError):
            await cache.get()
        provider.failure = None
        assert key(await cache.get()) == "KEY2"

    async def test_a_providers_own_exception_is_the_cause_and_not_repeated(
        self, cache: CachedCredentials, provider: Provider
    ) -> None:
        provider.failure = LookupError("vault: CANARY")
        with pytest.raises(CredentialsError) as caught:
            await cache.get()
        assert str(caught.value) == "the credentials provider failed with LookupError"
        assert caught.value.__cause__ is provider.failure

    async def test_a_provider_that_cancels_itself_cancels_no_call(self, clock: Clock) -> None:
        async def provide() -> Credentials:
            raise asyncio.CancelledError

        cache = CachedCredentials(provide, clock=clock)
        with pytest.raises(CredentialsError, match="cancelled itself"):
            await cache.get()

    @pytest.mark.parametrize("given", [None, {"access_key": "CANARY"}])
    async def test_a_provider_that_gives_something_else_is_named_so(self, given: Any, clock: Clock) -> None:
        async def provide() -> Credentials:
            return cast(Credentials, given)

        cache = CachedCredentials(provide, clock=clock)
        with pytest.raises(CredentialsError, match=f"gave {type(given).__name__} and not Credentials$"):
            await cache.get()

    async def test_credentials_that_have_expired_already_are_none(self, clock: Clock) -> None:
        cache = CachedCredentials(Provider(clock, lifetime=0.0), clock=clock)
        with pytest.raises(CredentialsError, match="expired already"):
            await cache.get()

    @pytest.mark.parametrize("age", [45 * MINUTE, 55 * MINUTE, HOUR - 1])
    async def test_credentials_that_are_still_good_go_on(
        self, age: float, cache: CachedCredentials, provider: Provider, clock: Clock
    ) -> None:
        await cache.get()
        clock.now += age
        provider.failure = CredentialsError("no")
        assert key(await cache.get()) == "KEY1"
        await background(cache) if age < 55 * MINUTE else None
        assert key(await cache.get()) == "KEY1"
        assert provider.asked == 2

    async def test_after_expiry_they_do_not(
        self, cache: CachedCredentials, provider: Provider, clock: Clock
    ) -> None:
        await cache.get()
        clock.now += 50 * MINUTE
        provider.failure = CredentialsError("no")
        await cache.get()
        await background(cache)
        clock.now += 10 * MINUTE
        with pytest.raises(CredentialsError, match="no"):
            await cache.get()

    async def test_it_is_warned_of_once_an_outage(
        self,
        cache: CachedCredentials,
        provider: Provider,
        clock: Clock,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        caplog.set_level(logging.INFO, "ecr_async")
        await cache.get()
        for _ in range(2):
            provider.failure = CredentialsError("the metadata service is silent")
            clock.now += 50 * MINUTE
            for pause in (15, 30, 60):
                assert cache.current is not None
                await background(cache)
                clock.now += pause
            provider.failure = None
            clock.now += 10 * MINUTE
            await cache.get()
        assert provider.asked == 9
        levels = [record.levelname for record in caplog.records]
        assert levels == ["WARNING", "INFO"] * 2
        assert "the metadata service is silent" in caplog.records[0].getMessage()

    async def test_the_pause_between_tries_doubles_from_fifteen_seconds_to_five_minutes(
        self, clock: Clock
    ) -> None:
        provider = Provider(clock, lifetime=HOUR)
        cache = CachedCredentials(provider, clock=clock)
        await cache.get()
        provider.failure = CredentialsError("no")
        clock.now += 45 * MINUTE
        tries: list[float] = []
        while len(tries) < 6:
            before = provider.asked
            assert cache.current is not None
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            if provider.asked > before:
                tries.append(clock())
            clock.now += 5
        pauses = [later - earlier for earlier, later in itertools.pairwise(tries)]
        assert pauses == [15, 30, 60, 120, 240]
