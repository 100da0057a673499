"""Content that is moved: where its bytes are, and how they are passed on.

Bytes are handed over in order and on a thread, where they are hashed, encoded or written, so that the event
loop never waits for that.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeAlias

import attrs

from ecr_async.oci.digests import hash_for
from ecr_async.oci.manifests import Descriptor
from ecr_async.transfer.errors import LayoutError

__all__ = ["SLICE", "Blob", "Extent", "FileBlob", "Take"]

SLICE = 3 * 128 * 1024
"""Bytes that are handled at once. A multiple of 3, so that base64 has no remainder to carry over."""

Take: TypeAlias = Callable[[bytes], object]
"""Takes the next bytes; called on a thread other than the event loop's."""


class Blob(Protocol):
    """A configuration or layer that can be read from any position on."""

    @property
    def descriptor(self) -> Descriptor:
        """The blob's digest and size."""
        ...

    async def feed(self, first: int, end: int, take: Take) -> None:
        """Hand over the bytes from `first` up to, but not including, `end`."""
        ...


@attrs.frozen
class Extent:
    """A stretch of a file: all of one, or one member of a tar archive."""

    path: Path
    offset: int
    size: int

    def read(self, limit: int) -> bytes:
        """Return the content. Raises `LayoutError` if it has more than `limit` bytes."""
        if self.size > limit:
            raise LayoutError(self.path, f"{self.size:,} bytes where at most {limit:,} are expected")
        pieces: list[bytes] = []
        self.feed(0, self.size, pieces.append)
        return b"".join(pieces)

    def has(self, blob: Descriptor) -> bool:
        """Whether the content is this blob, by its size and its digest. Blocks."""
        if self.size != blob.size:
            return False
        hashed = hash_for(blob.digest)
        self.feed(0, self.size, hashed.update)
        return blob.digest.endswith(f":{hashed.hexdigest()}")

    def feed(self, first: int, end: int, take: Take) -> None:
        """Hand over the bytes from `first` up to `end`, slice by slice."""
        with self.path.open("rb", buffering=0) as file:
            file.seek(self.offset + first)
            while first < end:
                data = file.read(min(SLICE, end - first))
                if not data:
                    raise LayoutError(self.path, "the file is shorter than it was")
                take(data)
                first += len(data)


@attrs.frozen
class FileBlob:
    """A blob on disk."""

    descriptor: Descriptor
    extent: Extent

    async def feed(self, first: int, end: int, take: Take) -> None:
        """Read, and hand over what was read, on a thread."""
        await asyncio.to_thread(self.extent.feed, first, end, take)
