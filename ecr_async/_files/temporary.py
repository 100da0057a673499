"""Temporary folders, of which one whose process was killed is removed by the next process that makes one."""

import os
import shutil
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

__all__ = ["LOCK", "TemporaryFolder", "lock_folder"]

LOCK = "ecr.lock"
"""The file in a folder that is locked for as long as the folder is used."""
ABANDONED_SECONDS = 60.0
"""Age of that file from which a folder is taken for abandoned if nobody holds the lock."""
NO_FOLLOW: int = getattr(os, "O_NOFOLLOW", 0)


class TemporaryFolder:
    """A folder of a name that begins with `prefix`; made at once, together with its lock.

    What killed processes left under such names is removed first: it may be many gigabytes.
    """

    def __init__(self, prefix: str) -> None:
        _remove_abandoned(prefix)
        self.path = Path(tempfile.mkdtemp(prefix=prefix))
        self._lock = lock_folder(self.path)

    def remove(self) -> None:
        """Remove the folder with all that is in it, as far as that is possible."""
        if self._lock is not None:
            self._lock.close()
        shutil.rmtree(self.path, ignore_errors=True)


def _remove_abandoned(prefix: str) -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        with suppress(OSError):
            if folder.is_symlink() or time.time() - (folder / LOCK).lstat().st_mtime <= ABANDONED_SECONDS:
                continue
            lock = lock_folder(folder)
            if lock is not None:
                with lock:
                    shutil.rmtree(folder)


def lock_folder(folder: Path) -> IO[bytes] | None:
    """Lock a folder until the returned file is closed, or the process ends in whatever way.

    Returns None if somebody else has the lock, or if there are no locks on that file system. Raises
    `OSError` if the folder has no room for the file.
    """
    file = os.fdopen(os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | NO_FOLLOW, 0o600), "r+b")
    try:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415 - Windows alone has it

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl  # noqa: PLC0415 - Windows alone has it not

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file
