"""Where the memory comes from that responses are read into.

asyncio reads every piece of a response into a new buffer of 256 KiB. The GNU C library takes blocks of more
than 128 KiB straight from the kernel and returns them when they are freed, so each read is paid for in page
faults: 2 for a small response, which is a sixth of what the call costs, and 28 for one of 67 KB. Once a
program has freed a larger block, the allocator keeps blocks of up to that size.

See M_MMAP_THRESHOLD in https://man7.org/linux/man-pages/man3/mallopt.3.html
"""

from functools import cache

__all__ = ["keep_buffers"]

LARGEST_KEPT = 2 * 1024 * 1024
"""Bytes of the block that is freed. The allocator keeps twice as many at its end: what a batch of a download
occupied is there for the next one.
"""


@cache
def keep_buffers() -> None:
    """Have the allocator keep the buffers that asyncio reads into: allocate a larger block, and free it.

    No setting is touched; a program that has used such a block before, or another allocator, is as it was.
    """
    bytes(LARGEST_KEPT)
