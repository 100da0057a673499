"""The clock takes the service's word for the time, when the two are far apart."""

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_async._auth.clock import TOLERANCE, Clock

NOW = 1_600_000_000.0


@pytest.fixture
def clock() -> Clock:
    return Clock(lambda: NOW)


def test_at_first_the_time_is_the_machines(clock: Clock) -> None:
    assert clock.now() == NOW
    assert clock.offset == 0


@pytest.mark.parametrize("error", [TOLERANCE, 3600, -3600, 86400 * 365])
def test_a_clock_that_is_far_off_is_corrected(clock: Clock, error: float) -> None:
    assert clock.learn(formatdate(NOW + error, usegmt=True))
    assert clock.now() == NOW + error
    assert clock.offset == error


@pytest.mark.parametrize("error", [0, 1, -1, TOLERANCE - 1, 1 - TOLERANCE])
def test_what_the_service_forgives_is_not_corrected(clock: Clock, error: float) -> None:
    assert not clock.learn(formatdate(NOW + error, usegmt=True))
    assert clock.offset == 0


def test_a_correction_is_made_once(clock: Clock) -> None:
    there = formatdate(NOW + 3600, usegmt=True)
    assert clock.learn(there)
    assert not clock.learn(there)
    assert clock.now() == NOW + 3600


def test_a_correction_can_be_taken_back(clock: Clock) -> None:
    clock.learn(formatdate(NOW + 3600, usegmt=True))
    assert clock.learn(formatdate(NOW, usegmt=True))
    assert clock.offset == 0


@pytest.mark.parametrize("zone", ["GMT", "UTC", "+0000", "-0000", ""])
def test_a_date_without_a_zone_is_in_utc(clock: Clock, zone: str) -> None:
    assert clock.learn(f"Sun, 13 Sep 2020 13:26:40 {zone}".strip())
    assert clock.now() == NOW + 3600


@pytest.mark.parametrize(
    "date",
    [
        None,
        "",
        "yesterday",
        "Sun, 41 Sep 2020 13:26:40 GMT",
        "Sun, 13 Sep 99999 13:26:40 GMT",
        "Sun, 3000000000 Sep 2020 13:26:40 GMT",
        "Sun, 13 Sep 2020 13:26:40 +99999999999999",
        ":",
    ],
)
def test_an_invalid_date_teaches_nothing(clock: Clock, date: str | None) -> None:
    assert not clock.learn(date)
    assert clock.offset == 0


@given(st.text() | st.from_regex(r"[A-Z][a-z]{2}, \d+ [A-Z][a-z]{2} \d+ \d+:\d+:\d+ [+-]?\w*"))
def test_no_header_makes_the_clock_fail(date: str) -> None:
    clock = Clock(lambda: NOW)
    clock.learn(date)
    assert isinstance(clock.now(), float)
