"""The short forms of `make chaos` and `make soak`."""

import pytest

from tests.chaos.chaos import chaos_of_calls, chaos_of_transfers
from tests.chaos.kills import kill
from tests.chaos.soak import soak


@pytest.mark.parametrize("seed", range(3))
def test_whatever_goes_wrong_what_was_promised_holds(seed: int) -> None:
    outcomes, chaos = chaos_of_calls(400, seed, in_a_round=100)
    assert outcomes.total == 400
    assert len(chaos.counts) > 10, "nearly everything has gone wrong"
    for workload, ends in outcomes.counts.items():
        assert ends["succeeded"], f"{workload} succeeds now and then"


@pytest.mark.parametrize("seed", range(2))
def test_whatever_becomes_of_a_transfer_images_are_whole(seed: int) -> None:
    outcomes, chaos = chaos_of_transfers(40, seed, shares=[0.2])
    assert outcomes.total == 40
    assert len(chaos.counts) > 10, "nearly everything has gone wrong"


async def test_whoever_is_killed_what_was_done_stays_done() -> None:
    assert (await kill(3, seed=3)).killed.total() >= 3


@pytest.mark.alone
def test_nothing_grows() -> None:
    assert soak(4000, lambda sample: None)[-1].requests >= 4000
