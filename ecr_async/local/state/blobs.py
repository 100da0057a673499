"""Layers in a folder, under their digests, and uploads that are to become layers.

    layers/sha256/ab/abcdef…     complete, never changed, shared by all repositories that have it
    uploads/<id>                 the bytes of an upload so far, and perhaps some that do not count yet

These are the files alone. Which of them count is for the database's rows to say, and the order of
writing keeps every row true: a layer's file is there before its row is committed, and removed after
the removal of its last row is committed. A crash in between leaves a file without a row, which the
next start sweeps away.

Everything here blocks.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ecr_async.errors import ConfigurationError
from ecr_async.local.state.digests import algorithm_of
from ecr_async.oci.digests import Hash

__all__ = ["Blobs"]

PIECE = 1 << 20
NO_FOLLOW: int = getattr(os, "O_NOFOLLOW", 0)
BINARY: int = getattr(os, "O_BINARY", 0)


class Blobs:
    """The files of the layers and uploads in one folder. Symbolic links in it are not followed."""

    def __init__(self, folder: Path) -> None:
        self._layers = folder / "layers"
        self._uploads = folder / "uploads"

    def prepare(self) -> None:
        """Make the folders, or check them; raises `ConfigurationError` if one cannot be used."""
        for folder in (self._layers, self._uploads):
            if folder.is_symlink():
                raise ConfigurationError(f"{folder} is a symbolic link, which is not followed; remove it")
            try:
                folder.mkdir(mode=0o700, exist_ok=True)
                folder.chmod(0o700)
            except OSError as error:
                raise ConfigurationError(f"{folder} cannot be used as a folder: {error.strerror}") from error

    # ---------------------------------------------------------------- layers

    def find(self, digest: str) -> Path | None:
        """Return the file of a layer, if there is one."""
        if algorithm_of(digest) is None:
            return None
        path = self._path(digest)
        for step in (path.parent.parent, path.parent):
            if step.is_symlink():
                return None
        try:
            return path if stat.S_ISREG(path.lstat().st_mode) else None
        except FileNotFoundError:
            return None

    def keep(self, upload_id: str, digest: str) -> None:
        """Give an upload's file a layer's name as well; the upload remains.

        To be called before the layer's row is committed.
        """
        target = self._path(digest)
        target.parent.parent.mkdir(mode=0o700, exist_ok=True)
        target.parent.mkdir(mode=0o700, exist_ok=True)
        if self.find(digest) is None:
            target.unlink(missing_ok=True)  # a symbolic link
            target.hardlink_to(self._uploads / upload_id)

    def remove(self, digest: str) -> None:
        """Remove a layer's file. To be called after the removal of its last row is committed."""
        self._path(digest).unlink(missing_ok=True)

    def layers(self) -> Iterator[tuple[str, int]]:
        """Yield the digest and the size of each layer's file."""
        for algorithm in _folders(self._layers):
            for prefix in _folders(algorithm):
                for entry in os.scandir(prefix):
                    if entry.is_file(follow_symlinks=False):
                        yield f"{algorithm.name}:{entry.name}", entry.stat(follow_symlinks=False).st_size

    # ---------------------------------------------------------------- uploads

    def open_upload(self, upload_id: str, offset: int) -> BinaryIO:
        """Open an upload's file to write behind its first `offset` bytes; what is there already
        is cut off.

        Raises `FileNotFoundError` if these bytes are not there: somebody has removed them.
        """
        flags = os.O_RDWR | NO_FOLLOW | BINARY | (0 if offset else os.O_CREAT)
        file = os.fdopen(os.open(self._uploads / upload_id, flags, 0o600), "r+b", buffering=0)
        try:
            size = os.fstat(file.fileno()).st_size
            if size < offset:
                raise FileNotFoundError(f"the upload {upload_id} is shorter than {offset} bytes")
            if size > offset:  # closing a file that was cut to nothing, ext4 waits for the disk
                file.truncate(offset)
            file.seek(offset)
        except BaseException:
            file.close()
            raise
        return file

    def hash_upload(self, upload_id: str, size: int, hasher: Hash) -> Hash:
        """Feed the first `size` bytes of an upload to a hash; return it.

        Raises `FileNotFoundError` if they are not there.
        """
        left = size
        descriptor = os.open(self._uploads / upload_id, os.O_RDONLY | NO_FOLLOW | BINARY)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            while left and (piece := file.read(min(left, PIECE))):
                hasher.update(piece)
                left -= len(piece)
        if left:
            raise FileNotFoundError(f"the upload {upload_id} is shorter than {size} bytes")
        return hasher

    def discard(self, upload_id: str) -> None:
        """Remove an upload's file. To be called after the removal of its row is committed."""
        (self._uploads / upload_id).unlink(missing_ok=True)

    def uploads(self) -> Iterator[tuple[str, int]]:
        """Yield the identifier and the size of each upload's file."""
        for entry in os.scandir(self._uploads):
            yield entry.name, entry.stat(follow_symlinks=False).st_size

    def _path(self, digest: str) -> Path:
        algorithm, _, value = digest.partition(":")
        return self._layers / algorithm / value[:2] / value


def _folders(folder: Path) -> Iterator[Path]:
    return (Path(entry.path) for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False))
