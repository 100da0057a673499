"""Large bodies on their way to the socket: all of them, with turns of the event loop in between."""

import asyncio
from collections.abc import Iterator
from typing import Any

import attrs
import pytest

from ecr_async._http.body import PIECE, Content, Pieces


@attrs.frozen
class InPieces:
    """Content in pieces, as a part of a layer has it."""

    pieces: list[bytes]

    @property
    def size(self) -> int:
        return sum(map(len, self.pieces))

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.pieces)


class Socket:
    """One that has room for everything, so that nobody ever waits for it."""

    def __init__(self) -> None:
        self.received = bytearray()

    async def write(self, chunk: memoryview) -> None:
        self.received += chunk


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(bytes(range(251)) * (10 * PIECE // 251), id="in one piece"),
        pytest.param(
            InPieces([b"head", *(bytes([number]) * (PIECE + 1) for number in range(9))]), id="in many"
        ),
    ],
)
async def test_no_turn_of_the_event_loop_sends_much(content: Content) -> None:
    socket, reported = Socket(), list[int]()
    writer: Any = socket
    sending = asyncio.ensure_future(Pieces(content, reported.append).write(writer))
    before = 0
    while not sending.done():
        await asyncio.sleep(0)
        assert len(socket.received) - before <= PIECE
        before = len(socket.received)
    assert socket.received == (content if isinstance(content, bytes) else b"".join(content))
    assert sum(reported) == len(socket.received)
