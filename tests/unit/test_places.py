"""Places are handed on in order, and none is lost when those that wait are cancelled."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from ecr_async._http.places import Places


async def in_line(places: Places, count: int) -> list[asyncio.Task[None]]:
    """Let so many tasks wait in line."""
    tasks = [asyncio.create_task(places.wait()) for _ in range(count)]
    await settled()
    return tasks


async def settled() -> None:
    """Let every task go on as far as it can."""
    for _ in range(3):
        await asyncio.sleep(0)


def free(places: Places) -> int:
    """Take all places that are free; return how many there were."""
    count = 0
    while places.take():
        count += 1
    return count


async def test_no_more_are_taken_than_there_are() -> None:
    places = Places(2)
    assert free(places) == 2
    places.give_back()
    assert free(places) == 1


async def test_the_first_in_line_is_the_first_to_get_a_place() -> None:
    places = Places(1)
    assert places.take()
    first, second = await in_line(places, 2)
    places.give_back()
    await settled()
    assert first.done()
    assert not second.done()
    assert not places.take(), "it was handed on, and never free"
    places.give_back()
    await second


async def test_a_place_handed_to_a_task_that_is_cancelled_goes_to_the_next() -> None:
    places = Places(1)
    assert places.take()
    first, second = await in_line(places, 2)
    places.give_back()
    first.cancel()  # which has its place, and doesn't know it yet
    await settled()
    assert first.cancelled()
    assert second.done()


@given(st.lists(st.sampled_from(["take", "wait", "give back", "cancel first", "cancel last"]), max_size=40))
def test_no_place_is_lost_or_made_up(steps: list[str]) -> None:
    async def run() -> None:
        places = Places(3)
        taken = 0
        waiting: list[asyncio.Task[None]] = []
        for step in steps:
            if step == "take":
                taken += places.take()
            elif step == "wait":
                waiting += await in_line(places, 1) if free_now(places) == 0 else []
            elif step == "give back" and taken:
                taken -= 1
                places.give_back()
            elif step.startswith("cancel") and waiting:
                waiting[0 if step == "cancel first" else -1].cancel()
            if step != "give back":
                await settled()
            taken += sum(each.done() and not each.cancelled() for each in waiting)
            waiting = [each for each in waiting if not each.done()]
        await settled()
        taken += sum(each.done() and not each.cancelled() for each in waiting)
        assert taken + free(places) == 3
        for each in waiting:
            each.cancel()

    asyncio.run(run())


def free_now(places: Places) -> int:
    """Return how many places are free."""
    count = free(places)
    for _ in range(count):
        places.give_back()
    return count
