"""Large responses: decoded one at a time, while the event loop and small responses go on."""

import asyncio
import json
from collections.abc import Generator
from typing import Any

import pytest

import ecr_async as ecr
from ecr_async._http.turns import LARGE_AT_ONCE, LONGEST_TURN, Turn, Turns
from ecr_async._wire import codec
from ecr_async._wire.operation import AnyOperation
from tests.faults.server import Exchange, FaultServer, describe, respond, session_for
from tests.virtual_time import in_virtual_time

TURNS = 1000
"""Of the event loop, in each of which something arrives if there is anything; more than a page takes."""


def large(number: int) -> bytes:
    names = [f"{number}/{index:060}" for index in range(4_000)]
    return json.dumps({"repositories": [{"repositoryName": name} for name in names]}).encode()


class Watch:
    """How many responses are decoded in steps just now, and whether each was alone the whole time."""

    def __init__(self) -> None:
        self.most = self.under_way = self.finished = 0

    def decode_in_steps(self, operation: AnyOperation, body: bytes) -> Generator[None, None, Any]:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            response: Any = yield from DECODE_IN_STEPS(operation, body)
            for _ in range(TURNS):  # as if it took longer: all others arrive meanwhile
                yield
        finally:
            self.under_way -= 1
        self.finished += 1
        return response

    async def until_under_way(self) -> None:
        for _ in range(100 * TURNS):
            if self.under_way:
                return
            await asyncio.sleep(0)
        pytest.fail("no response is decoded in steps")


DECODE_IN_STEPS = codec.decode_in_steps


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    watch = Watch()
    monkeypatch.setattr(codec, "decode_in_steps", watch.decode_in_steps)
    return watch


async def test_large_responses_are_decoded_one_at_a_time(watch: Watch) -> None:
    async with (
        FaultServer(*(respond(large(number)) for number in range(4))) as server,
        session_for(server) as session,
    ):
        services = [session.service(), session.service("eu-west-2")]  # the event loop is the same for both
        responses = await asyncio.gather(*(describe(services[number % 2]) for number in range(4)))
    assert (watch.most, watch.finished) == (1, 4)
    assert {response.repositories[0].repository_name for response in responses} == {
        f"{number}/{0:060}" for number in range(4)
    }


async def test_a_small_response_is_decoded_while_a_large_one_is(watch: Watch) -> None:
    seen: list[int] = []

    async def respond_small(exchange: Exchange) -> None:
        await watch.until_under_way()
        await respond()(exchange)

    async with (
        FaultServer(respond(large(0)), respond_small) as server,
        session_for(server) as session,
    ):
        service = session.service()

        async def describe_second() -> None:
            await server.wait_until_requested(1)
            await describe(service)
            seen.append(watch.under_way)

        await asyncio.gather(describe(service), describe_second())
    assert seen == [1]


async def test_a_large_response_that_cannot_be_read_lets_the_next_be_decoded(watch: Watch) -> None:
    broken = b'{"repositories": [%s], "nextToken": 1}' % b",".join([b"{}"] * 100_000)
    async with (
        FaultServer(respond(broken), respond(large(1))) as server,
        session_for(server) as session,
    ):
        service = session.service()
        with pytest.raises(ecr.ResponseError, match="nextToken must be a string"):
            await describe(service)
        assert len((await describe(service)).repositories) == 4_000
    assert (watch.under_way, watch.finished) == (0, 1)


async def test_a_cancelled_call_lets_the_next_be_decoded(watch: Watch) -> None:
    async with (
        FaultServer(respond(large(0)), respond(large(1))) as server,
        session_for(server) as session,
    ):
        service = session.service()
        first = asyncio.create_task(describe(service))
        await watch.until_under_way()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert len((await describe(service)).repositories) == 4_000
    assert watch.finished == 1


@in_virtual_time
async def test_a_turn_passes_on_while_the_network_is_slow_but_not_while_a_response_is_decoded() -> None:
    turns = Turns(busy=lambda: 0)
    slow, decoded = ([Turn(turns) for _ in range(LARGE_AT_ONCE)] for _ in range(2))
    for turn in slow:
        await turn.take()
    assert turns.free.locked()
    await asyncio.sleep(2 * LONGEST_TURN)
    assert not turns.free.locked()
    for turn in decoded:
        await turn.take()
        turn.keep()
    await asyncio.sleep(2 * LONGEST_TURN)
    assert turns.free.locked()
    for turn in slow + decoded:
        turn.give_back()
        turn.give_back()
    for _ in range(LARGE_AT_ONCE):
        assert not turns.free.locked()
        await turns.free.acquire()
    assert turns.free.locked()


@in_virtual_time
async def test_a_turn_is_kept_for_as_long_as_other_work_keeps_this_thread_busy() -> None:
    busy = 0.0
    turns = Turns(busy=lambda: busy)
    turn = Turn(turns)
    await turn.take()
    others = [Turn(turns) for _ in range(LARGE_AT_ONCE - 1)]
    for other in others:
        await other.take()
        other.keep()
    busy += LONGEST_TURN
    await asyncio.sleep(1.5 * LONGEST_TURN)
    assert turns.free.locked(), "half of the time it was this program that was slow"
    await asyncio.sleep(LONGEST_TURN)
    assert not turns.free.locked()
