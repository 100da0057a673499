"""A blob in a file that grows under another name, and gets its own when its digest has been verified.

What an interrupted download left is hashed again and kept. Everything here blocks.
"""

import os
import weakref
from pathlib import Path

from ecr_async._files.locks import try_lock
from ecr_async.oci.digests import hash_for, split_digest
from ecr_async.oci.manifests import Descriptor
from ecr_async.transfer.blobs import SLICE
from ecr_async.transfer.errors import DigestMismatchError

__all__ = ["BlobFile"]

_NO_LINKS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


class BlobFile:
    """A blob's content on its way to `target`; at most one process writes it at a time."""

    def __init__(self, descriptor: Descriptor, folder: Path, target: Path) -> None:
        """Open the file, or the one that an interrupted transfer left in `folder`."""
        self._descriptor = descriptor
        self._target = target
        self._hash = hash_for(descriptor.digest)
        self.size = 0
        """Bytes that are there."""
        folder.mkdir(parents=True, exist_ok=True)
        self._path, self._fd = self._open(folder)
        # A thread that opens a file for a caller that was cancelled hands it to nobody.
        self._closing = weakref.finalize(self, os.close, self._fd)
        try:
            self._hash_what_is_there()
        except BaseException:
            self.close()
            raise

    def take(self, data: bytes) -> None:
        """Append bytes. Raises `DigestMismatchError` for more than the blob has."""
        if self.size + len(data) > self._descriptor.size:
            raise DigestMismatchError(self._descriptor.digest, f"more than {self._descriptor.size:,} bytes")
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._fd, rest) :]
        self._hash.update(data)  # a third faster than before writing: the processor's cache has the bytes now
        self.size += len(data)

    def finish(self) -> None:
        """Verify the digest and give the file its name. Raises `DigestMismatchError`, having removed it."""
        found = f"{self._descriptor.digest.partition(':')[0]}:{self._hash.hexdigest()}"
        if found != self._descriptor.digest or self.size != self._descriptor.size:
            self.discard()
            raise DigestMismatchError(self._descriptor.digest, f"{found} of {self.size:,} bytes")
        os.fsync(self._fd)
        self._target.parent.mkdir(parents=True, exist_ok=True)
        self._path.replace(self._target)

    def discard(self) -> None:
        """Remove what is there."""
        self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file; what is there stays, for another time."""
        self._closing()

    def _open(self, folder: Path) -> tuple[Path, int]:
        """Open a file that nobody else writes: the usual one, or else another."""
        algorithm, value = split_digest(self._descriptor.digest)
        for number in range(100):
            path = folder / f"{algorithm}-{value}{f'.{number}' if number else ''}"
            fd = os.open(path, os.O_RDWR | os.O_CREAT | _NO_LINKS, 0o644)
            try:
                if try_lock(fd) and path.exists() and os.path.samestat(os.fstat(fd), path.stat()):
                    return path, fd
            except BaseException:
                os.close(fd)
                raise
            os.close(fd)
        raise OSError(f"{folder}: too many downloads of {self._descriptor.digest} at once")

    def _hash_what_is_there(self) -> None:
        if os.fstat(self._fd).st_size > self._descriptor.size:
            os.ftruncate(self._fd, 0)
        while data := os.read(self._fd, SLICE):
            self._hash.update(data)
            self.size += len(data)
