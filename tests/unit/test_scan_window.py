"""How many calls of a scan are under way: more from response to response, and fewer where large ones wait."""

import asyncio
from collections.abc import Awaitable
from itertools import pairwise
from typing import Any

import pytest

import ecr_async as ecr
from ecr_async._bulk.scheduler import BACKLOG, WORKERS_AT_FIRST, WORKERS_MIN
from tests.unit.fake_registry import FakeRegistry
from tests.virtual_time import in_virtual_time

CONNECTIONS = 64


async def all_of(scan: ecr.Scan) -> list[ecr.ScanResult]:
    return [result async for result in scan]


class Rounds(FakeRegistry):
    """Responds a second after each call, and keeps count of the calls that began in each second.

    `backlogs` are how many responses wait to be decoded, second by second; none at the end.
    """

    def __init__(self, repositories: int, *backlogs: int) -> None:
        names = [f"r{number}" for number in range(repositories)]
        super().__init__(dict.fromkeys(names, 1), latency=1.0, on_call=self._count)
        self.backlogs = backlogs
        self.begun: dict[int, int] = {}
        self.waiting = 0

    def _count(self, operation: str, _: dict[str, Any]) -> Awaitable[Any] | None:
        second = round(asyncio.get_running_loop().time() - self.began)
        self.begun[second] = self.begun.get(second, 0) + 1
        self.waiting = dict(enumerate(self.backlogs)).get(second, 0)
        return None

    def backlog(self) -> int:
        return self.waiting

    async def scan(self, **options: Any) -> list[int]:
        """Scan; return how many calls were made in each second, after the listing of repositories."""
        self.began = asyncio.get_running_loop().time()
        async with self.session(max_connections=CONNECTIONS) as session:
            async for result in ecr.scan_images([session.service()], **options):
                assert isinstance(result, ecr.ScannedPage)
        listing, *calls = self.begun.values()
        assert listing == 1
        return calls


@in_virtual_time
async def test_a_response_makes_room_for_one_call_more() -> None:
    calls = await Rounds(1000).scan()
    assert calls[0] == WORKERS_AT_FIRST + 1  # for the listing came back, too
    growing = calls[: calls.index(CONNECTIONS) + 1]
    assert all(1.2 * before < after <= 2 * before for before, after in pairwise(growing[:-1]))
    assert set(calls[len(growing) : -1]) == {CONNECTIONS}


@in_virtual_time
async def test_it_does_not_grow_while_the_pace_leaves_room() -> None:
    paced = WORKERS_AT_FIRST * 3

    def slow_down(*_: object) -> None:
        if len(registry.calls) == paced:  # until here, a hundred a second and a hundredth of a second each
            assert registry.most_under_way < WORKERS_AT_FIRST
            registry.latency = 60.0

    registry = FakeRegistry({f"r{number}": 1 for number in range(1000)}, latency=0.01, on_call=slow_down)
    async with registry.session(max_connections=CONNECTIONS) as session:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(all_of(ecr.scan_images([session.service()])), timeout=50)
    assert registry.most_under_way == WORKERS_AT_FIRST + 1  # for the listing came back


@in_virtual_time
async def test_concurrency_bounds_it_as_well() -> None:
    assert max(await Rounds(200).scan(concurrency=20)) == 20


@in_virtual_time
async def test_a_backlog_makes_it_fewer_step_by_step() -> None:
    calls = await Rounds(1000, *[0] * 8, *[BACKLOG + 1] * 15).scan()
    assert CONNECTIONS in calls
    shrinking = calls[calls.index(CONNECTIONS) + 1 : 18]
    assert min(shrinking) == WORKERS_MIN
    assert all(after >= before / 2 for before, after in pairwise(shrinking))
    assert shrinking == sorted(shrinking, reverse=True)


@in_virtual_time
async def test_a_few_that_wait_change_nothing() -> None:
    calls = await Rounds(1000, *[0] * 2, *[BACKLOG] * 100).scan()
    assert len(set(calls[2:-1])) == 1


@in_virtual_time
async def test_after_a_backlog_it_grows_by_one_each_time_that_all_have_come() -> None:
    calls = await Rounds(1000, *[0] * 8, *[BACKLOG + 1] * 15).scan()
    growing = calls[24:-1]
    assert growing[0] < CONNECTIONS / 2
    assert all(after - before in (0, 1) for before, after in pairwise(growing))
    assert growing[-1] > growing[0]
