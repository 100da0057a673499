"""Temporary files that are gone in the end, also those that a thread still writes.

A thread goes on when the caller that waits for it is cancelled. It makes no file after the others were
removed, and stops writing to the one that it has. What a killed process leaves, the next one removes.
"""

import os
import tempfile
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import BinaryIO, Self

from ecr_async._files.temporary import TemporaryFolder

__all__ = ["TemporaryFile", "TemporaryFiles"]


PREFIX = "ecr-async-transfer-"
"""Begins the names of the folders."""


class TemporaryFiles:
    """Makes files, in a folder that is made for the first of them. Everything here blocks."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._folder: TemporaryFolder | None = None
        self.are_removed = False

    def create(self) -> "TemporaryFile":
        """Make a file and open it for writing."""
        with self._lock:
            self.check()
            if self._folder is None:
                self._folder = TemporaryFolder(PREFIX)
            fd, path = tempfile.mkstemp(dir=self._folder.path)
        return TemporaryFile(self, Path(path), os.fdopen(fd, "wb"))

    def check(self) -> None:
        """Raise `OSError` once the files have been removed, and nobody waits for more."""
        if self.are_removed:
            raise OSError("the temporary files were removed")

    def remove(self) -> None:
        """Remove all files, and have no others made."""
        with self._lock:
            self.are_removed = True
            if self._folder is not None:
                self._folder.remove()


class TemporaryFile:
    """A file that is open for writing until the block is left."""

    def __init__(self, files: TemporaryFiles, path: Path, file: BinaryIO) -> None:
        self.path = path
        self._files = files
        self._file = file

    def write(self, data: bytes) -> None:
        """Write bytes. Raises `OSError` once the file has been removed."""
        self._files.check()
        self._file.write(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
