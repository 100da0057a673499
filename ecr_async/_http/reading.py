"""Reading the body of a response: in bounds, and a large one only when it can be decoded soon."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Generator
from contextlib import contextmanager

import aiohttp

from ecr_async._http.deadlines import Deadline
from ecr_async._secret import SecretBytes

__all__ = [
    "LARGE",
    "SLOWEST",
    "TooLargeError",
    "Turn",
    "Turns",
    "UnreadableError",
    "ended_with_connection",
    "is_packed",
    "read_body",
    "unpack",
]

LARGEST = 64 * 1024 * 1024
"""Bytes of a response that are held; ECR's largest are of a few megabytes."""

LARGE = 128 * 1024
"""Bytes above which a response is read and decoded in turn, while others wait on their sockets."""

LARGE_AT_ONCE = 6
"""How many large responses are read and decoded at once."""

LONGEST_TURN = 0.05
"""Seconds after which the next large response is read as well, since this one's network is slow."""

SLOWEST = 32 * 1024
"""Bytes a second at which a body must be transferred once an attempt's time is up."""


UNPACKED_AT_ONCE = 1024 * 1024
"""Bytes of a gzipped response that are decompressed in one go."""


class UnreadableError(Exception):
    """A response came whole, and is of no use."""


class TooLargeError(UnreadableError):
    """A response is larger than the bound."""

    def __init__(self) -> None:
        super().__init__(f"the response is larger than {LARGEST:,} bytes")


class Turns:
    """Who may read a large response now: those that wait stay in their sockets' buffers, not in memory.

    With fifty pages in flight at once, that leaves a few of them in memory instead of all. It costs no
    speed: a turn passes on when its response has been decoded, or when it is slow to arrive.
    """

    def __init__(self) -> None:
        self.free = asyncio.Semaphore(LARGE_AT_ONCE)


class Turn:
    """One response's turn."""

    __slots__ = ("_timer", "_turns")

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._timer: asyncio.TimerHandle | None = None

    async def take(self) -> None:
        """Wait for the turn."""
        await self._turns.free.acquire()
        self._timer = asyncio.get_running_loop().call_later(LONGEST_TURN, self.give_back)

    def give_back(self) -> None:
        """Let the next one read."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._turns.free.release()


async def read_body(response: aiohttp.ClientResponse, deadline: Deadline, turn: Turn) -> bytes:
    """Read the whole body and return the connection to the pool; close the response if that fails.

    Each piece gives the attempt the time that it may take at the slowest. Raises `TooLargeError`.
    """
    try:
        length = response.content_length or 0
        if length > LARGEST:
            raise TooLargeError
        is_in_turn = length > LARGE
        if is_in_turn:
            await turn.take()
        pieces: list[bytes] = []
        size = 0
        with ended_with_connection(response):
            while piece := SecretBytes(await response.content.readany()):
                pieces.append(piece)
                size += len(piece)
                if size > LARGEST:
                    raise TooLargeError
                if size > LARGE and not is_in_turn:
                    is_in_turn = True
                    await turn.take()
                deadline.extend(len(piece) / SLOWEST)
        return pieces[0] if len(pieces) == 1 else SecretBytes(b"".join(pieces))
    except BaseException:
        response.close()
        raise


@contextmanager
def ended_with_connection(response: aiohttp.ClientResponse) -> Generator[None, None, None]:
    """End the reading of a body when its connection ends, too.

    aiohttp closes the connection on which malformed chunks come, but doesn't notify the body's reader, and
    would leave it waiting until time is up.
    """
    content = response.content
    protocol = response.connection and response.connection.protocol
    closed = getattr(protocol, "closed", None)  # None before aiohttp 3.12

    def end(_: object) -> None:
        if not content.is_eof() and content.exception() is None:
            content.set_exception(aiohttp.ClientPayloadError("the body is malformed"))

    if closed is None:
        yield
        return
    closed.add_done_callback(end)
    try:
        yield
    finally:
        closed.remove_done_callback(end)


def is_packed(body: bytes) -> bool:
    """Whether a body is gzipped, as some proxies and emulators send it without being asked to."""
    return body.startswith(b"\x1f\x8b")  # which no JSON begins with


async def unpack(body: bytes) -> bytes:
    """Decompress a gzipped body, yielding to the event loop after each piece.

    Raises `UnreadableError` for a body that is damaged or breaks off, and `TooLargeError`.
    """
    unpacker = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    pieces: list[bytes] = []
    size = 0
    packed = body
    while not unpacker.eof:
        try:
            pieces.append(SecretBytes(unpacker.decompress(packed, UNPACKED_AT_ONCE)))
        except zlib.error:
            raise UnreadableError("the gzipped response is damaged") from None
        packed = unpacker.unconsumed_tail
        size += len(pieces[-1])
        if size > LARGEST:
            raise TooLargeError
        if not pieces[-1]:
            raise UnreadableError("the gzipped response is truncated")
        await asyncio.sleep(0)
    return SecretBytes(b"".join(pieces))
