"""Memory for parts of layers: so many at a time, and the same memory again for the next part.

Fresh memory is paid for in page faults: the 2,560 of a part of 10 MiB take as long as hashing half of it.
"""

import asyncio

__all__ = ["PartBuffers"]


class PartBuffers:
    """Buffers of parts for this many uploads at a time: one for each, and one for every two to read ahead.

    Whoever acquires one releases it: for reuse if nothing may be reading or writing it any more, as a thread
    may that outlives the task that was waiting for it.
    """

    def __init__(self, uploads: int) -> None:
        self._places = asyncio.Semaphore(uploads + uploads // 2)
        self._free: list[bytearray] = []

    def are_taken(self) -> bool:
        """Whether acquiring one would take waiting."""
        return self._places.locked()

    async def acquire(self) -> bytearray:
        """Wait until there is room, and return a buffer, of any size and with anything in it."""
        await self._places.acquire()
        return self._free.pop() if self._free else bytearray()

    def release(self, buffer: bytearray | None = None) -> None:
        """Make room for another part: in this buffer, or in a new one."""
        if buffer is not None:
            self._free.append(buffer)
        self._places.release()
