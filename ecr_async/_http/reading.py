"""Reading the body of a response: in bounds, and a large one only when it can be decoded soon."""

from __future__ import annotations

import asyncio

import aiohttp

from ecr_async._http.deadlines import Deadline
from ecr_async._secret import SecretBytes

__all__ = ["LARGE", "SLOWEST", "TooLargeError", "Turn", "Turns", "read_body"]

LARGEST = 64 * 1024 * 1024
"""Bytes of a response that are held; ECR's largest are of a few megabytes."""

LARGE = 128 * 1024
"""Bytes above which a response is read and decoded in turn, while others wait on their sockets."""

LARGE_AT_ONCE = 6
"""How many large responses are read and decoded at once."""

LONGEST_TURN = 0.05
"""Seconds after which the next large response is read as well, since this one's network is slow."""

SLOWEST = 32 * 1024
"""Bytes a second that a body must come or go on with once an attempt's time is up."""


class TooLargeError(Exception):
    """A response is larger than the bound."""

    def __init__(self) -> None:
        super().__init__(f"the response is larger than {LARGEST:,} bytes")


class Turns:
    """Who may read a large response now: those that wait stay on their sockets, and not in memory.

    With fifty pages on their way at once, that leaves a few of them in memory instead of all. It costs no
    speed: a turn passes on when its response has been decoded, or when it is slow to come.
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
