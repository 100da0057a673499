"""Reading the body of a response: in bounds, and a large one only when it can be decoded soon."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Generator
from contextlib import contextmanager

import aiohttp

from ecr_async._http.deadlines import Deadline
from ecr_async._http.turns import Turn
from ecr_async._secret import SecretBuffer, SecretBytes

__all__ = [
    "BUFFERED",
    "LARGE",
    "SLOWEST",
    "TooLargeError",
    "UnreadableError",
    "ended_with_connection",
    "is_packed",
    "read_body",
    "read_piece",
    "unpack",
]

LARGEST = 64 * 1024 * 1024
"""Bytes of a response that are held; ECR's largest are of a few megabytes."""

LARGE = 254 * 1024
"""Bytes above which a response is read in turn, while others wait on their sockets.

asyncio reads 256 KiB at a time, so what is smaller, head included, is in memory as soon as it has come.
"""

BUFFERED = LARGE // 2
"""Bytes that aiohttp reads ahead, or twice as many at most: a small response never has it wait."""

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


async def read_piece(content: aiohttp.StreamReader, length: int | None) -> bytes:
    """Return the next bytes of a body, as they came; none at its end.

    `readany` joins all that wait, which is a copy. It is worth it where there is no `length`: then the body
    comes in chunks of any size.
    """
    return await content.readany() if length is None else (await content.readchunk())[0]


async def read_body(response: aiohttp.ClientResponse, deadline: Deadline, turn: Turn) -> SecretBuffer:
    """Read the whole body and return the connection to the pool; close the response if that fails.

    Each piece gives the attempt the time that it may take at the slowest. Raises `TooLargeError`.
    """
    try:
        length = response.content_length or 0
        if length > LARGEST:
            raise TooLargeError
        if is_in_turn := length > LARGE:
            await turn.take()
        body = SecretBuffer(length if is_in_turn else 0)  # one that grows leaves holes behind
        size = 0
        with ended_with_connection(response):
            while not response.content.at_eof():
                before = size
                size = body.put(
                    size, await response.content.readany()
                )  # a piece with a name would be in reports
                if size > LARGEST:
                    raise TooLargeError
                if size > LARGE and not is_in_turn:
                    is_in_turn = True
                    await turn.take()
                deadline.extend_for_progress((size - before) / SLOWEST)
        del body[size:]
        turn.keep()
        return body
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
        for callback in (end, _take_note):
            closed.remove_done_callback(callback)
        closed.add_done_callback(_take_note)


def _take_note(closed: asyncio.Future[None]) -> None:
    """Take note of how an idle connection ended, lest asyncio log that nobody did."""
    if not closed.cancelled():
        closed.exception()


def is_packed(body: bytes | bytearray) -> bool:
    """Whether a body is gzipped, as some proxies and emulators send it without being asked to."""
    return body.startswith(b"\x1f\x8b")  # which no JSON begins with


async def unpack(body: bytes | bytearray) -> SecretBuffer:
    """Decompress a gzipped body, yielding to the event loop after each piece.

    Raises `UnreadableError` for a body that is damaged or breaks off, and `TooLargeError`.
    """
    unpacker = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    unpacked = SecretBuffer()
    packed: bytes | bytearray = body
    while not unpacker.eof:
        before = len(unpacked)
        try:
            unpacked += unpacker.decompress(packed, UNPACKED_AT_ONCE)
        except zlib.error:
            raise UnreadableError("the gzipped response is damaged") from None
        packed = SecretBytes(unpacker.unconsumed_tail)
        if len(unpacked) > LARGEST:
            raise TooLargeError
        if len(unpacked) == before:
            raise UnreadableError("the gzipped response is truncated")
        await asyncio.sleep(0)
    return unpacked
