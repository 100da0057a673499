"""Deadlines that share one timer, against `asyncio.timeout`, in virtual time."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_async._http.deadlines import Deadline, Deadlines
from tests.virtual_time import in_virtual_time, run


def now() -> float:
    return asyncio.get_running_loop().time()


@asynccontextmanager
async def deadlines(seconds: float | None) -> AsyncGenerator[Deadlines, None]:
    opened = Deadlines(seconds)
    yield opened
    opened.close()


async def attempt(opened: Deadlines, seconds: float) -> str:
    try:
        with opened.begin():
            await asyncio.sleep(seconds)
    except TimeoutError:
        return f"over at {now():g}"
    return f"met at {now():g}"


@in_virtual_time
async def test_what_is_in_time_is_left_alone() -> None:
    async with deadlines(3) as opened:
        assert [await attempt(opened, 2) for _ in range(3)] == ["met at 2", "met at 4", "met at 6"]
        assert not opened.running


@in_virtual_time
async def test_what_is_not_ends_in_a_timeout() -> None:
    async with deadlines(3) as opened:
        with pytest.raises(TimeoutError), opened.begin():
            await asyncio.Event().wait()
        assert now() == 3
        assert not opened.running
        await asyncio.sleep(0)  # the task is not being cancelled any more
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0


@in_virtual_time
async def test_an_exception_passes_through() -> None:
    async with deadlines(3) as opened:
        with pytest.raises(KeyError), opened.begin():
            raise KeyError
        assert not opened.running


@in_virtual_time
async def test_a_cancellation_from_without_stays_one() -> None:
    async with deadlines(3) as opened:
        task = asyncio.create_task(attempt(opened, 9))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not opened.running


@in_virtual_time
async def test_and_so_it_does_at_the_very_moment_of_the_deadline() -> None:
    async with deadlines(3) as opened:
        task = asyncio.create_task(attempt(opened, 9))
        await asyncio.sleep(1)
        asyncio.get_running_loop().call_at(3, task.cancel)
        with pytest.raises(asyncio.CancelledError):
            await task


@in_virtual_time
async def test_a_callers_own_earlier_deadline_is_the_callers() -> None:
    async with deadlines(3) as opened:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2):
                await attempt(opened, 9)
        assert now() == 2
        assert not opened.running


@in_virtual_time
async def test_closing_ends_every_attempt() -> None:
    async with deadlines(3) as opened:
        slow = asyncio.create_task(attempt(opened, 9))
        await asyncio.sleep(1)
    assert await slow == "over at 1"


@in_virtual_time
async def test_without_a_bound_only_closing_ends_an_attempt() -> None:
    async with deadlines(None) as opened:
        slow = asyncio.create_task(attempt(opened, 10**9))
        await asyncio.sleep(10**6)
    assert await slow == "over at 1e+06"


@in_virtual_time
async def test_an_attempt_that_makes_progress_gets_more_time_but_never_more_than_it_had() -> None:
    async def progress(deadline: Deadline) -> None:
        deadline.add_allowance(1)
        for pause, seconds, until in ((0, 100, 4), (2, 1, 5), (2, 100, 8)):
            await asyncio.sleep(pause)
            deadline.extend_for_progress(seconds)
            assert deadline.when == until
        await asyncio.Event().wait()

    async with deadlines(3) as opened:
        with pytest.raises(TimeoutError), opened.begin() as deadline:
            await progress(deadline)
        assert now() == 8


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 20)), max_size=30), st.integers(1, 10))
def test_each_ends_as_with_a_timer_of_its_own(attempts: list[tuple[int, int]], seconds: int) -> None:
    """Whenever attempts begin and however long they take; in halves, so that no two moments coincide."""

    async def with_its_own(start: float, takes: float) -> str:
        await asyncio.sleep(start)
        try:
            async with asyncio.timeout(seconds):
                await asyncio.sleep(takes)
        except TimeoutError:
            return f"over at {now():g}"
        return f"met at {now():g}"

    async def with_ours(opened: Deadlines, start: float, takes: float) -> str:
        await asyncio.sleep(start)
        return await attempt(opened, takes)

    async def both() -> None:
        times = [(float(start), takes + 0.5) for start, takes in attempts]
        async with deadlines(seconds) as opened:
            expected = asyncio.gather(*(with_its_own(*each) for each in times))
            assert await asyncio.gather(*(with_ours(opened, *each) for each in times)) == await expected
            assert not opened.running

    run(both())
