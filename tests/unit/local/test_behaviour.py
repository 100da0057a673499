"""Which requests faults strike, and what rate limits admit."""

import itertools
from typing import Any

import pytest

from ecr_async.errors import ConfigurationError
from ecr_async.local import Fault, RateLimit
from ecr_async.local.http.behaviour import Behaviour

DROP = Fault(kind="drop")
DELAY = Fault(kind="delay", seconds=1)


def test_a_fault_strikes_its_operation_only() -> None:
    behaviour = Behaviour()
    fault = Fault(kind="drop", operation="Describe*")
    behaviour.inject(fault)
    assert behaviour.strike("DescribeImages") == [fault]
    assert behaviour.strike("ListImages") == []


def test_a_fault_is_used_up_after_its_times() -> None:
    behaviour = Behaviour()
    behaviour.inject(Fault(kind="drop", times=2))
    assert [len(behaviour.strike("ListImages")) for _ in range(4)] == [1, 1, 0, 0]
    assert behaviour.faults == {}


def test_every_delay_strikes_and_the_first_of_the_others() -> None:
    behaviour = Behaviour()
    hang = Fault(kind="hang", times=1)
    for fault in (DELAY, DROP, hang, DELAY):
        behaviour.inject(fault)
    assert behaviour.strike("ListImages") == [DELAY, DROP, DELAY]
    assert hang in behaviour.faults.values(), "which waits for its turn"


def test_a_share_of_the_requests_is_struck() -> None:
    draws = itertools.cycle([0.1, 0.3, 0.5, 0.9])
    behaviour = Behaviour(random=lambda: next(draws))
    behaviour.inject(Fault(kind="drop", probability=0.5))
    assert [bool(behaviour.strike("ListImages")) for _ in range(4)] == [True, True, False, False]


def test_faults_of_a_block_end_with_it() -> None:
    behaviour = Behaviour()
    kept = behaviour.inject(DELAY)
    with behaviour.injected(DROP, DROP):
        assert len(behaviour.faults) == 3
    assert behaviour.faults == {kept: DELAY}
    behaviour.clear()
    assert behaviour.faults == {}


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"kind": "fire"}, "kind must be one of"),
        ({"kind": "drop", "times": 0}, "times must be at least 1"),
        ({"kind": "drop", "probability": 1.5}, "probability must be 0 to 1"),
        ({"kind": "delay", "seconds": -1}, "seconds must be 0 to"),
        ({"kind": "error", "status": 200}, "status must be 400 to 599"),
        ({"kind": "slow", "bytes_per_second": -1}, "bytes_per_second must be at least 1"),
    ],
)
def test_a_fault_that_makes_no_sense_is_rejected(members: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Fault(**members)


class TestRates:
    @pytest.mark.parametrize(
        ("text", "limit"),
        [
            ("20/s", RateLimit(20, 20)),
            ("20/s,burst=40", RateLimit(20, 40)),
            ("0.5/s", RateLimit(0.5, 1)),
            (" 2/s , burst=3", RateLimit(2, 3)),
        ],
    )
    def test_are_written_as_calls_a_second_and_a_burst(self, text: str, limit: RateLimit) -> None:
        assert RateLimit.parse(text) == limit

    @pytest.mark.parametrize("text", ["", "20", "20/m", "0/s", "-1/s", "20/s,burst=x"])
    def test_that_cannot_be_read_are_rejected(self, text: str) -> None:
        with pytest.raises(ConfigurationError, match=r"^a rate limit"):
            RateLimit.parse(text)

    def test_admit_the_burst_and_then_what_comes_back(self) -> None:
        now = [0.0]
        behaviour = Behaviour(monotonic=lambda: now[0])
        behaviour.limit({"ListImages": RateLimit(2, 3)})

        def admitted(calls: int, key: str = "A") -> int:
            return sum(behaviour.admits("ListImages", (key, "eu-west-1")) for _ in range(calls))

        assert admitted(5) == 3
        now[0] += 1
        assert admitted(5) == 2
        assert admitted(5, key="B") == 3, "another key's bucket is its own"
        now[0] += 100
        assert admitted(5) == 3, "no more than the burst is saved up"
        assert behaviour.admits("DescribeImages", ("A", "eu-west-1"))
