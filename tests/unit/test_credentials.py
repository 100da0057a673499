"""Credentials are resolved once for many callers, renewed ahead of expiry, and outlive a failing provider."""

import asyncio
import copy
import itertools
import logging
import pickle
import re
import traceback
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, cast

import attrs
import botocore.credentials
import pytest

from ecr_async._auth.cached_credentials import CachedCredentials
from ecr_async._auth.credentials import Credentials, static
from ecr_async.errors import CredentialsError, SessionClosedError
from tests.clocks import StoppedClock
from tests.virtual_time import in_virtual_time

MINUTE = 60.0
HOUR = 60 * MINUTE


class Provider:
    """Gives credentials that are numbered as they come; waits at a gate, or fails, where a test says so."""

    def __init__(self, clock: StoppedClock, lifetime: float | None) -> None:
        self.clock = clock
        self.lifetime = lifetime
        self.calls = 0
        self.failure: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self) -> Credentials:
        self.calls += 1
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        expires_at = (
            None if self.lifetime is None else datetime.fromtimestamp(self.clock() + self.lifetime, UTC)
        )
        return Credentials(f"KEY{self.calls}", "secret", "token", expires_at)


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture
def provider(clock: StoppedClock) -> Provider:
    return Provider(clock, HOUR)


@pytest.fixture
async def cache(provider: Provider, clock: StoppedClock) -> AsyncIterator[CachedCredentials]:
    cached = CachedCredentials(provider, clock=clock, monotonic=clock)
    yield cached
    await cached.aclose()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def background(cache: CachedCredentials) -> None:
    """Let the renewal that is under way come to its end."""
    tasks = [task for task in asyncio.all_tasks() if task.get_name() == "ecr_async credentials"]
    assert len(tasks) == 1
    await asyncio.wait(tasks)


def key(credentials: Credentials | None) -> str | None:
    return None if credentials is None else credentials.access_key_id


def test_repr_shows_neither_secret_key_nor_token() -> None:
    shown = repr(Credentials("KEY", "CANARY-SECRET", "CANARY-TOKEN"))
    assert "KEY" in shown
    assert "CANARY" not in shown


def test_credentials_do_not_change() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        Credentials("KEY", "secret").access_key_id = "OTHER"  # type: ignore[misc]


@pytest.mark.parametrize("field", ["access_key_id", "secret_access_key", "session_token"])
@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("CANARY\n", "begins or ends with white space"),
        ("CANARY\r", "begins or ends with white space"),
        (" CANARY", "begins or ends with white space"),
        ("CAN\nARY", "holds a line end"),
        ("CAN\x00ARY", "holds a line end or another control character"),
        ("CANARY\ud83d", "holds a line end or another control character"),
        (b"CANARY", "must be a str, not bytes"),
        (5, "must be a str, not int"),
    ],
)
def test_an_impossible_key_is_rejected_by_its_fields_name_and_not_shown(
    field: str, value: Any, fault: str
) -> None:
    with pytest.raises(CredentialsError, match=f"^{field} {fault}") as caught:
        attrs.evolve(Credentials("KEY", "secret"), **{field: value})
    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert "ARY" not in str(caught.value)
    assert "ARY" not in shown.replace(repr(value), "") or field == "access_key_id"


@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        ((None, "secret"), "access_key_id is missing"),
        (("", "secret"), "access_key_id is empty"),
        (("KEY", None), "secret_access_key is missing"),
        (("KEY", ""), "secret_access_key is empty"),
        (("KEY/20200101", "secret"), "access_key_id holds a character that no access key ID has"),
        (("K EY", "secret"), "access_key_id holds a character that no access key ID has"),
    ],
)
def test_a_key_that_is_none_is_rejected(keys: tuple[Any, Any], fault: str) -> None:
    with pytest.raises(CredentialsError, match=f"^{fault}$"):
        Credentials(*keys)


def test_an_empty_token_is_none() -> None:
    assert Credentials("KEY", "secret", "") == Credentials("KEY", "secret")


@pytest.mark.parametrize("restore", [copy.copy, copy.deepcopy, lambda held: pickle.loads(pickle.dumps(held))])
def test_a_copy_is_equal_and_hides_as_much(restore: Callable[[Credentials], Credentials]) -> None:
    held = Credentials("KEY", "CANARY", "CANARY", datetime(2030, 1, 1, tzinfo=UTC))
    restored = restore(held)
    assert restored == held
    assert "CANARY" not in repr([restored.secret_access_key, restored.session_token, restored])


def test_an_expiry_without_a_time_zone_is_rejected() -> None:
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
        assert provider.calls == 1

    async def test_many_callers_at_once_share_one_resolution(
        self, cache: CachedCredentials, provider: Provider
    ) -> None:
        found = await asyncio.gather(*(cache.get() for _ in range(100)))
        assert {key(credentials) for credentials in found} == {"KEY1"}
        assert provider.calls == 1

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
        assert provider.calls == 1

    async def test_credentials_that_do_not_expire_are_never_renewed(self, clock: StoppedClock) -> None:
        provider = Provider(clock, lifetime=None)
        cache = CachedCredentials(provider, clock=clock, monotonic=clock)
        await cache.get()
        clock.now += 1000 * HOUR
        assert key(await cache.get()) == "KEY1"
        assert provider.calls == 1


class TestRenewal:
    async def test_until_fifteen_minutes_before_expiry_nothing_happens(
        self, cache: CachedCredentials, provider: Provider, clock: StoppedClock
    ) -> None:
        await cache.get()
        clock.now += 45 * MINUTE - 1
        assert key(await cache.get()) == "KEY1"
        assert provider.calls == 1

    async def test_from_then_on_it_runs_in_the_background(
        self, cache: CachedCredentials, provider: Provider, clock: StoppedClock
    ) -> None:
        await cache.get()
        clock.now += 45 * MINUTE
        assert key(cache.current) == "KEY1"
        assert key(await cache.get()) == "KEY1"
        await background(cache)
        assert key(cache.current) == "KEY2"
        assert provider.calls == 2

    async def test_from_five_minutes_before_expiry_on_callers_wait_for_it(
        self, cache: CachedCredentials, clock: StoppedClock
    ) -> None:
        await cache.get()
        clock.now += 55 * MINUTE
        assert cache.current is None
        assert key(await cache.get()) == "KEY2"

    @pytest.mark.parametrize(
        ("age", "current", "calls"),
        [(5 * MINUTE - 1, "KEY1", 1), (5 * MINUTE, "KEY1", 2), (7.5 * MINUTE, None, 2)],
    )
    async def test_short_lived_credentials_are_renewed_at_half_of_their_life_and_waited_for_at_a_quarter(
        self, age: float, current: str | None, calls: int, clock: StoppedClock
    ) -> None:
        provider = Provider(clock, lifetime=10 * MINUTE)
        cache = CachedCredentials(provider, clock=clock, monotonic=clock)
        await cache.get()
        clock.now += age
        assert key(cache.current) == current
        await cache.get()
        await asyncio.sleep(0)
        assert provider.calls == calls

    @pytest.mark.parametrize("lifetime", [1, 2, 20, 29])
    async def test_even_the_shortest_are_renewed_at_half_of_their_life(
        self, lifetime: float, clock: StoppedClock
    ) -> None:
        provider = Provider(clock, lifetime)
        cache = CachedCredentials(provider, clock=clock, monotonic=clock)
        for number in range(1, 5):
            assert key(await cache.get()) == f"KEY{number}"
            clock.now += lifetime / 2 - 0.01
            assert key(cache.current) == f"KEY{number}"
            assert provider.calls == number
            clock.now += 0.02
            assert key(cache.current) == f"KEY{number}"
            await background(cache)

    async def test_a_provider_with_nothing_newer_is_not_called_again_and_again(
        self, clock: StoppedClock
    ) -> None:
        expires_at = datetime.fromtimestamp(clock() + MINUTE, UTC)
        calls = 0

        async def provider() -> Credentials:
            nonlocal calls
            calls += 1
            return Credentials("KEY", "secret", expires_at=expires_at)

        cache = CachedCredentials(provider, clock=clock, monotonic=clock)
        while clock() < expires_at.timestamp():
            await cache.get()
            await asyncio.sleep(0)
            clock.now += 1
        assert calls <= 4

    async def test_closing_cancels_it(
        self, cache: CachedCredentials, provider: Provider, clock: StoppedClock
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
        assert provider.calls == 1

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
        assert re.fullmatch(
            r"the credentials provider failed with LookupError in __call__ \(test_credentials\.py, line \d+\); "
            "see its __cause__",
            str(caught.value),
        )
        assert caught.value.__cause__ is provider.failure

    async def test_a_provider_that_cancels_itself_cancels_no_call(self, clock: StoppedClock) -> None:
        async def provide() -> Credentials:
            raise asyncio.CancelledError

        cache = CachedCredentials(provide, clock=clock, monotonic=clock)
        with pytest.raises(CredentialsError, match="cancelled itself"):
            await cache.get()

    @pytest.mark.parametrize("given", [None, {"access_key": "CANARY"}])
    async def test_a_provider_that_gives_something_else_is_named_so(
        self, given: Any, clock: StoppedClock
    ) -> None:
        async def provide() -> Credentials:
            return cast(Credentials, given)

        cache = CachedCredentials(provide, clock=clock, monotonic=clock)
        with pytest.raises(CredentialsError, match=f"supplied {type(given).__name__}, not Credentials$"):
            await cache.get()

    async def test_credentials_that_seem_to_have_expired_are_used_and_not_renewed_at_once(
        self, clock: StoppedClock
    ) -> None:
        """The clock may be ahead: the service knows."""
        provider = Provider(clock, lifetime=-HOUR)
        cache = CachedCredentials(provider, clock=clock, monotonic=clock)
        for _ in range(14):
            assert key(await cache.get()) == key(cache.current) == "KEY1"
            clock.now += 1
        assert provider.calls == 1
        clock.now += 1
        assert key(await cache.get()) == "KEY2"

    async def test_once_the_clock_is_corrected_they_are_like_any_others(self, clock: StoppedClock) -> None:
        provider = Provider(clock, lifetime=HOUR)
        ahead = 2 * HOUR
        cache = CachedCredentials(provider, clock=lambda: clock() + ahead, monotonic=clock)
        await cache.get()
        ahead = 0.0
        clock.now += 44 * MINUTE
        assert key(await cache.get()) == "KEY1"
        clock.now += 2 * MINUTE
        assert key(cache.current) == "KEY1"
        await background(cache)
        assert key(cache.current) == "KEY2"

    @pytest.mark.parametrize("age", [45 * MINUTE, 55 * MINUTE, HOUR - 1])
    async def test_credentials_that_are_still_good_go_on(
        self, age: float, cache: CachedCredentials, provider: Provider, clock: StoppedClock
    ) -> None:
        await cache.get()
        clock.now += age
        provider.failure = CredentialsError("no")
        assert key(await cache.get()) == "KEY1"
        await background(cache) if age < 55 * MINUTE else None
        assert key(await cache.get()) == "KEY1"
        assert provider.calls == 2

    async def test_after_expiry_they_do_not(
        self, cache: CachedCredentials, provider: Provider, clock: StoppedClock
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
        clock: StoppedClock,
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
        assert provider.calls == 9
        levels = [record.levelname for record in caplog.records]
        assert levels == ["WARNING", "INFO"] * 2
        assert "the metadata service is silent" in caplog.records[0].getMessage()

    async def test_the_pause_between_tries_doubles_from_fifteen_seconds_to_five_minutes(
        self, clock: StoppedClock
    ) -> None:
        provider = Provider(clock, lifetime=HOUR)
        cache = CachedCredentials(provider, clock=clock, monotonic=clock)
        await cache.get()
        provider.failure = CredentialsError("no")
        clock.now += 45 * MINUTE
        tries: list[float] = []
        while len(tries) < 6:
            before = provider.calls
            assert cache.current is not None
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            if provider.calls > before:
                tries.append(clock())
            clock.now += 5
        pauses = [later - earlier for earlier, later in itertools.pairwise(tries)]
        assert pauses == [15, 30, 60, 120, 240]


class TestReplacing:
    async def rotated(self, cache: CachedCredentials, times: int) -> list[bool]:
        return [await cache.replace(await cache.get()) for _ in range(times)]

    async def test_a_source_that_rotates_again_within_seconds_is_read_again(
        self, cache: CachedCredentials, clock: StoppedClock
    ) -> None:
        for _ in range(4):
            assert await cache.replace(await cache.get())
            clock.now += 3

    async def test_no_more_often_than_every_fifteen_seconds_in_the_long_run(
        self, cache: CachedCredentials, provider: Provider, clock: StoppedClock
    ) -> None:
        await cache.get()
        for _ in range(600):
            rejected = await cache.get()
            await cache.replace(rejected)
            clock.now += 1
        assert provider.calls <= 1 + 600 / 15 + 5

    async def test_the_machines_clock_set_back_does_not_prevent_it(self, provider: Provider) -> None:
        wall, monotonic = StoppedClock(), StoppedClock()
        cache = CachedCredentials(provider, clock=wall, monotonic=monotonic)
        assert await cache.replace(await cache.get())
        wall.now -= 2 * HOUR
        monotonic.now += 2
        assert await cache.replace(await cache.get())


class TestTimeLimit:
    def test_a_provider_that_never_responds_is_cancelled(self) -> None:
        cancelled: list[bool] = []

        async def provide() -> Credentials:
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.append(True)
            raise AssertionError

        @in_virtual_time
        async def check() -> None:
            cache = CachedCredentials(provide, timeout=60)
            with pytest.raises(CredentialsError, match="no credentials within 60 seconds"):
                await cache.get()
            assert asyncio.get_running_loop().time() == 60

        check()
        assert cancelled == [True]

    async def test_a_providers_own_timeout_is_its_own_failure(self, clock: StoppedClock) -> None:
        async def provide() -> Credentials:
            raise TimeoutError

        cache = CachedCredentials(provide, clock=clock, monotonic=clock, timeout=60)
        with pytest.raises(CredentialsError, match="failed with TimeoutError in provide "):
            await cache.get()

    async def test_a_provider_that_is_not_async(self) -> None:
        def provide() -> Any:
            return Credentials("AKIAEXAMPLE", "secret")

        with pytest.raises(CredentialsError, match="must be an async function: it returned Credentials, "):
            await CachedCredentials(provide).get()


class TestBotocoresOwn:
    """A provider may supply what botocore or aiobotocore would sign with."""

    EXPIRY = datetime(2030, 1, 1, tzinfo=UTC)
    METADATA: ClassVar[dict[str, str]] = {
        "access_key": "KEY",
        "secret_key": "secret",
        "token": "token",
        "expiry_time": EXPIRY.isoformat(),
    }

    async def adopted(self, given: Any) -> Credentials:
        async def provide() -> Any:
            return given

        return await CachedCredentials(provide).get()

    async def test_permanent_ones(self) -> None:
        assert await self.adopted(botocore.credentials.Credentials("KEY", "secret")) == Credentials(
            "KEY", "secret"
        )

    async def test_frozen_ones(self) -> None:
        frozen = botocore.credentials.ReadOnlyCredentials("KEY", "secret", "token")
        assert await self.adopted(frozen) == Credentials("KEY", "secret", "token")

    async def test_refreshable_ones(self) -> None:
        given = botocore.credentials.RefreshableCredentials.create_from_metadata(
            self.METADATA, lambda: self.METADATA, "test"
        )
        found = await self.adopted(given)
        assert found.expires_at is not None
        assert abs(found.expires_at - self.EXPIRY) < timedelta(minutes=1)
        assert attrs.evolve(found, expires_at=None) == Credentials("KEY", "secret", "token")

    async def test_ones_that_this_machines_clock_thinks_expired(self) -> None:
        """botocore rejects them; the clock may be ahead, and the service knows."""
        metadata = {**self.METADATA, "expiry_time": "2020-01-01T00:00:00Z"}
        given = botocore.credentials.RefreshableCredentials.create_from_metadata(
            metadata, lambda: metadata, "test"
        )
        found = await self.adopted(given)
        assert found.expires_at is not None
        assert abs(found.expires_at - datetime(2020, 1, 1, tzinfo=UTC)) < timedelta(minutes=1)

    async def test_those_that_are_awaited(self) -> None:
        class AioCredentials:
            async def get_frozen_credentials(self) -> Any:
                return botocore.credentials.ReadOnlyCredentials("KEY", "secret", None)

        assert await self.adopted(AioCredentials()) == Credentials("KEY", "secret")

    @pytest.mark.parametrize("keys", [(None, "s"), ("K", None), ("K", "s\n")])
    async def test_what_is_none_is_rejected(self, keys: tuple[Any, Any]) -> None:
        with pytest.raises(CredentialsError, match=r"access_key"):
            await self.adopted(botocore.credentials.ReadOnlyCredentials(*keys, None))
