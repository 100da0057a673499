"""A short form of `make fuzz`, the same inputs every time."""

import pytest

from tests.fuzz.target import Target, found_earlier, run
from tests.fuzz.targets import TARGETS

INPUTS = 60


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_mutated_inputs_break_no_promise(target: Target) -> None:
    assert run(target, seed="1", inputs=INPUTS).total() == INPUTS


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_what_broke_a_promise_once_does_so_no_more(target: Target) -> None:
    for tried in found_earlier(target):
        target.try_input(tried)
