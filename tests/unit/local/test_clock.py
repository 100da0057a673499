"""The embedded ECR's clock: set, advanced, stopped, and back to the real time."""

from datetime import UTC, datetime, timedelta

import pytest

from ecr_async.errors import ConfigurationError
from ecr_async.local import LocalClock

MOMENT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def real() -> list[float]:
    """The real time, in seconds since the epoch."""
    return [1_000.0]


@pytest.fixture
def clock(real: list[float]) -> LocalClock:
    return LocalClock(lambda: real[0])


def test_it_is_the_real_time_at_first(clock: LocalClock, real: list[float]) -> None:
    assert clock() == 1_000
    real[0] += 5
    assert clock() == 1_005
    assert clock.now == datetime.fromtimestamp(1_005, UTC)


def test_it_goes_on_from_where_it_is_set(clock: LocalClock, real: list[float]) -> None:
    clock.set(MOMENT)
    real[0] += 60
    assert clock.now == MOMENT + timedelta(minutes=1)


def test_it_is_advanced_by_seconds_or_a_timedelta(clock: LocalClock) -> None:
    clock.advance(10)
    clock.advance(timedelta(days=1))
    clock.advance(-1)
    assert clock() == 1_000 + 9 + 86_400


def test_it_stands_still_and_goes_on_from_there(clock: LocalClock, real: list[float]) -> None:
    clock.stop()
    real[0] += 60
    assert (clock(), clock.is_stopped) == (1_000, True)
    clock.advance(5)
    clock.start()
    real[0] += 1
    assert (clock(), clock.is_stopped) == (1_006, False)


def test_a_block_of_frozen_time_ends_at_the_real_time(clock: LocalClock, real: list[float]) -> None:
    clock.advance(50)
    with clock.frozen(MOMENT):
        real[0] += 60
        assert clock.now == MOMENT
    assert clock() == 1_060


def test_a_naive_moment_is_rejected(clock: LocalClock) -> None:
    with pytest.raises(ConfigurationError, match="aware"):
        clock.set(datetime(2026, 3, 1))


@pytest.mark.parametrize("seconds", [1e300, float("inf"), float("nan"), -1e12, 86_400.0 * 366 * 9000])
def test_no_time_is_without_a_date(seconds: float) -> None:
    clock = LocalClock()
    with pytest.raises(ConfigurationError, match="from 1970"):
        clock.advance(seconds)
    with pytest.raises(ConfigurationError, match="skew must be"):
        clock.skew = seconds
    assert abs(clock.now - datetime.now(UTC)) < timedelta(minutes=1)
