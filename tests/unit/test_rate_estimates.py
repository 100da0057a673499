"""What the rate limiter concludes from a throttle, figure by figure, on a clock that the test sets."""

from collections.abc import Coroutine
from typing import Any

import pytest

from ecr_async._retry.rate_limiter import RateLimiter

REST = 1.0
"""Seconds of idleness that count, and with which the first epoch begins."""


class Driven:
    """A limiter whose clock stands still but for its own delays; `now` is the time."""

    def __init__(self) -> None:
        self.now = 0.0
        self.delays: list[float] = []
        self.limiter = RateLimiter(monotonic=lambda: self.now, sleep=self._sleep)

    async def _sleep(self, delay: float) -> None:
        self.delays.append(delay)
        self.now += delay

    def send(self, calls: int = 1) -> float:
        """Acquire for so many calls; return when the last one left."""
        left = self.now
        for _ in range(calls):
            left = _ended(self.limiter.acquire())
        return left

    def throttle(self, *, sent: float, at: float) -> float:
        """Report a throttle at a time; return the limit that is concluded."""
        assert at >= self.now
        self.now = at
        self.limiter.throttled(sent=sent)
        assert self.limiter.limit is not None
        return self.limiter.limit

    @property
    def plateau(self) -> float:
        """The seconds of a plateau, right after a cut: found by the pace of the second call in it."""
        before = self.limiter.rate
        limit = self.limiter.limit
        assert limit is not None
        assert before == pytest.approx(limit * 0.9)
        self.send()
        position: float = 1 - ((1 - self.limiter.rate / limit) / 0.1) ** (1 / 3)
        return (1 / before) / position


def _ended(coroutine: Coroutine[Any, Any, float]) -> float:
    try:
        coroutine.send(None)
    except StopIteration as stopped:
        found: float = stopped.value
        return found
    raise AssertionError("it waits for something else than its delay")


def test_a_rest_before_the_first_throttle_begins_the_search_afresh() -> None:
    driven = Driven()
    driven.send(200)
    assert driven.limiter.rate > 150
    driven.now += 2
    driven.send()
    assert driven.limiter.rate == 100


def test_the_first_limit_is_what_was_admitted_since_a_rest_before() -> None:
    driven = Driven()
    sent = driven.send(41)
    assert driven.throttle(sent=sent, at=3.0) == pytest.approx(40 / (3 + REST))


def test_idle_time_counts_up_to_a_second() -> None:
    driven = Driven()
    driven.send(41)
    assert driven.throttle(sent=1.0, at=1.0) == pytest.approx(20)
    driven.now = 60.0  # 58.9 seconds after the cut's pause
    driven.send(21)
    assert driven.throttle(sent=62.9, at=62.9) == pytest.approx(20 / 4)


def test_the_pause_after_a_cut_is_for_two_calls_and_half_a_smoothed_round_trip() -> None:
    driven = Driven()
    driven.send(41)
    limit = driven.throttle(sent=2.6, at=3.0)
    driven.send()
    assert driven.delays[-1] == pytest.approx(2 / limit + 0.4 / 2)
    driven.send(20)
    limit = driven.throttle(sent=8.8, at=10.0)
    driven.send()
    assert driven.delays[-1] == pytest.approx(2 / limit + (0.4 + (1.2 - 0.4) / 8) / 2)


def test_a_throttle_of_a_call_that_left_at_the_cut_belongs_to_it() -> None:
    driven = Driven()
    driven.send(41)
    assert [driven.throttle(sent=3.0, at=3.0) * 4 for _ in range(3)] == pytest.approx([40, 39, 38])


@pytest.mark.parametrize(
    ("admitted", "round_trip", "span", "limit"),
    [
        pytest.param(10, 0.0, 2.0, 10 / 2, id="ten calls are enough"),
        pytest.param(9, 0.0, 1.25, (9 + 1) / 1.25, id="nine may be one more"),
        pytest.param(6, 0.4, 1.0, (6 + 1 + 10 * 0.4 / 4) / 1, id="or late on their way"),
        pytest.param(12, 0.5, 2.0, 12 / 2, id="four round trips are enough"),
        pytest.param(1, 0.0, 4.0, 10 / 2, id="half at the least"),
        pytest.param(9, 0.0, 0.9, 10, id="the last one at the most"),
    ],
)
def test_a_short_epoch_can_only_lower_the_limit(
    admitted: int, round_trip: float, span: float, limit: float
) -> None:
    driven = Driven()
    driven.send(41)
    assert driven.throttle(sent=3.0 - round_trip, at=3.0) == pytest.approx(10)
    driven.send(admitted + 1)
    driven.now = min(driven.now, 3.0 + span)  # however fast they really left
    assert driven.throttle(sent=3.0 + span - round_trip, at=3.0 + span) == pytest.approx(limit)


def test_a_plateau_is_two_round_trips_at_least() -> None:
    driven = Driven()
    driven.send(201)
    assert driven.throttle(sent=0.6, at=1.0) == pytest.approx(100)
    assert driven.plateau == pytest.approx(2 * 0.4)


def test_a_plateau_is_longer_as_estimates_agree_and_half_as_long_after_a_short_epoch() -> None:
    driven = Driven()
    driven.send(201)
    driven.throttle(sent=1.0, at=1.0)
    for cut in (3.5, 6.0, 8.5):
        driven.send(251)
        assert driven.throttle(sent=cut, at=cut) == pytest.approx(100)
    driven.send(8)
    assert driven.throttle(sent=8.6, at=8.6) == pytest.approx(80)
    assert driven.plateau == pytest.approx(125 / 2 / 80)
