"""The garbage collector is left as it was, whatever happens in between."""

import contextlib
import gc
from collections.abc import Generator

import pytest

from ecr_async._bulk.result_queue import Put, Stream
from ecr_async._gc import FROZEN_BY_PYTHON, elders_spared


def frozen() -> bool:
    return gc.get_freeze_count() >= FROZEN_BY_PYTHON


@pytest.fixture(autouse=True)
def as_it_was() -> Generator[None, None, None]:
    enabled = gc.isenabled()
    assert not frozen()
    yield
    gc.unfreeze()
    (gc.enable if enabled else gc.disable)()


def test_the_elders_are_spared_until_the_last_block_ends() -> None:
    with contextlib.suppress(KeyError), elders_spared():
        with elders_spared():
            assert frozen()
        assert frozen()
        raise KeyError
    assert not frozen()


def test_garbage_of_ones_own_is_collected_meanwhile() -> None:
    class Cycle:
        def __init__(self) -> None:
            self.itself = self

    with elders_spared():
        gc.collect()
        cycles = [Cycle() for _ in range(10)]
        del cycles
        assert gc.collect() >= 10


def test_what_a_program_has_frozen_itself_stays_frozen() -> None:
    gc.freeze()
    with elders_spared():
        assert frozen()
    assert frozen()


async def test_so_it_is_while_a_stream_is_under_way() -> None:
    async def produce(put: Put[bool]) -> None:
        for _ in range(2):
            await put(frozen())

    stream = Stream(produce, ahead=1)
    results = stream.results()
    assert await anext(results)
    await stream.aclose()
    assert not frozen()
    await results.aclose()
