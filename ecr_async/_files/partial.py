"""A file that appears under its name when it is complete.

Until then it is beside that name, hidden, and locked by the process that writes it. A process that is killed
leaves it behind; the next writer of a file of that name removes it.
"""

import os
import uuid
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from ecr_async._files.locks import try_lock

__all__ = ["PartialFile", "remove_abandoned"]

SUFFIX = ".partial"


class PartialFile:
    """The hidden file, open for writing from the start. It blocks: use it off the event loop.

    What the path leads to is replaced by `commit`; `discard` leaves it as it is. Anything but a regular
    file, such as a pipe, is written to directly.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._is_direct = self._path.exists() and not self._path.is_file()
        if self._is_direct:
            self._partial = self._path
            self.file: BinaryIO = self._path.open("wb")
            return
        self._path = self._path.resolve()  # a link stays one, and so does what stands for it
        self._partial = self._path.with_name(f".{self._path.name[:200]}.{uuid.uuid4().hex}{SUFFIX}")
        self.file = self._partial.open("xb")
        try_lock(self.file.fileno())

    def commit(self) -> None:
        """Write the file to the disk and give it its name."""
        self.file.flush()
        if not self._is_direct:
            os.fsync(self.file.fileno())
            self._partial.replace(self._path)
        self.file.close()

    def discard(self) -> None:
        """Remove what was written."""
        if not self._is_direct:
            self._partial.unlink(missing_ok=True)
        with suppress(OSError):  # a full disk has no room for what is still in the buffer
            self.file.close()


def remove_abandoned(folder: Path, name: str = "") -> None:
    """Remove what killed processes left in a folder: of files called `name`, or of all."""
    prefix = f".{name[:200]}." if name else "."
    with os.scandir(folder) as entries:
        found = [each.path for each in entries if each.name.startswith(prefix) and each.name.endswith(SUFFIX)]
    for path in found:
        with suppress(OSError), open(path, "rb") as file:
            if try_lock(file.fileno()):
                os.unlink(path)
