"""Bodies of requests as they come in: whole, stalled, too large, or broken off."""

import asyncio
from contextlib import AsyncExitStack
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web

from ecr_async.local.http import bodies
from ecr_async.local.http.bodies import LARGE_AT_ONCE, Body, Chunks, LargeBodies, pass_on


class Content:
    """What comes in of a body: bytes, an error, or nothing for ever."""

    def __init__(self, *events: bytes | Exception | None) -> None:
        self._events = list(events)

    async def readany(self) -> bytes:
        event = self._events.pop(0) if self._events else b""
        if event is None:
            await asyncio.Event().wait()
        if isinstance(event, Exception):
            raise event
        return event or b""


def body(*events: bytes | Exception | None, max_bytes: int | None = None) -> Body:
    request: Any = SimpleNamespace(content=Content(*events), content_length=None)
    return Body(request, max_bytes)


async def test_a_piece_is_as_much_as_was_wanted_or_the_rest() -> None:
    one = body(b"ab", b"cd", b"e")
    assert [await one.piece(3), await one.piece(3), await one.piece(3)] == [
        [b"ab", b"cd"],
        [b"e"],
        [],
    ]


async def test_what_came_before_the_client_went_away_comes_first() -> None:
    one = body(b"ab", ConnectionResetError("gone"), b"never")
    assert await one.piece() == [b"ab"]
    for _ in range(2):
        with pytest.raises(ConnectionResetError):
            await one.piece()


async def test_a_client_that_stalls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "STALL_SECONDS", 0.0)
    with pytest.raises(web.HTTPRequestTimeout):
        await body(None).piece()


async def test_a_body_that_is_too_large() -> None:
    one = body(b"12345", b"6", max_bytes=5)
    assert await one.piece(5) == [b"12345"]
    with pytest.raises(web.HTTPRequestEntityTooLarge):
        await one.piece()


async def test_pieces_are_worked_on_in_their_order_and_one_at_a_time() -> None:
    done, working = list[bytes](), asyncio.Lock()

    async def work(piece: Chunks) -> None:
        assert not working.locked()
        async with working:
            await asyncio.sleep(0)
            done.extend(piece)

    parts = [bytes([number]) * bodies.PIECE for number in range(4)]
    await pass_on(body(*parts).pieces(), work)
    assert done == parts


async def test_the_last_piece_is_worked_on_before_an_error_is_raised() -> None:
    done = list[bytes]()

    async def work(piece: Chunks) -> None:
        await asyncio.sleep(0)
        done.extend(piece)

    with pytest.raises(ConnectionError):
        await pass_on(body(b"ab", ConnectionError()).pieces(), work)
    assert done == [b"ab"]


async def test_few_large_bodies_are_in_memory_at_once() -> None:
    large = LargeBodies()
    async with AsyncExitStack() as stack:
        for _ in range(LARGE_AT_ONCE):
            held = await stack.enter_async_context(large.whole(b"a", body(b"b")))
            assert held == b"ab"
        waiting = asyncio.create_task(large.whole(b"c", body(b"d")).__aenter__())
        await asyncio.sleep(0)
        assert not waiting.done()
    assert await waiting == b"cd"
