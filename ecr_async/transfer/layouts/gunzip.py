"""Gzip, unpacked piece by piece and never to more than a limit.

A file may have several members, and zeros after the last one, which tape drives and some tools add; both are
as good as they are for gzip(1).
"""

import zlib
from collections.abc import Iterator

from ecr_async.transfer.blobs import SLICE
from ecr_async.transfer.errors import ArchiveTooLargeError, LayoutError

__all__ = ["GZIP_BITS", "GZIP_MAGIC", "Gunzip"]

GZIP_MAGIC = b"\x1f\x8b"

GZIP_BITS = 16 + zlib.MAX_WBITS
"""zlib's parameter `wbits` for a window of the usual size with a header and a trailer of gzip's."""


class Gunzip:
    """Unpacks what is at `path`, which is for messages only."""

    def __init__(self, path: object, limit: int) -> None:
        self._path = path
        self._limit = self._left = limit
        self._unpacker = zlib.decompressobj(GZIP_BITS)

    def unpack(self, data: bytes) -> Iterator[bytes]:
        """Yield what the next bytes unpack to.

        Raises `LayoutError` for what is not gzip, `ArchiveTooLargeError` for more than `limit` bytes in all.
        """
        if self._unpacker.eof:
            data = self._next_member(data)
        while data:
            try:
                content = self._unpacker.decompress(data, SLICE)
            except zlib.error as error:
                raise LayoutError(self._path, f"the gzipped content is damaged: {error}") from error
            self._left -= len(content)
            if self._left < 0:
                raise ArchiveTooLargeError(self._path, f"it unpacks to more than {self._limit:,} bytes")
            yield content
            data = self._unpacker.unconsumed_tail
            if self._unpacker.eof:
                data = self._next_member(self._unpacker.unused_data)

    def finish(self) -> None:
        """Raise `LayoutError` if the content breaks off."""
        if not self._unpacker.eof:
            raise LayoutError(self._path, "the gzipped content is cut off")

    def _next_member(self, data: bytes) -> bytes:
        data = data.lstrip(b"\0")
        if data:
            if not data.startswith(GZIP_MAGIC[: len(data)]):
                raise LayoutError(self._path, "something else follows the gzipped content")
            self._unpacker = zlib.decompressobj(GZIP_BITS)
        return data
