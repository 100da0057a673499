"""The short forms of `make chaos` and `make soak`."""

import pytest

from tests.chaos.chaos import rounds_of_chaos
from tests.chaos.kills import kill
from tests.chaos.soak import soak


@pytest.mark.parametrize("seed", range(3))
def test_whatever_goes_wrong_what_was_promised_holds(seed: int) -> None:
    outcomes, chaos = rounds_of_chaos(400, seed)
    assert outcomes.total == 400
    assert len(chaos.counts) > 10, "nearly everything has gone wrong"
    for workload, ends in outcomes.counts.items():
        assert ends["succeeded"], f"{workload} succeeds now and then"


async def test_whoever_is_killed_what_was_done_stays_done() -> None:
    assert (await kill(3, seed=3)).killed.total() >= 3


@pytest.mark.alone
def test_nothing_grows() -> None:
    assert soak(4000, lambda sample: None)[-1].requests >= 4000
