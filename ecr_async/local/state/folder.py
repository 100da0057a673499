"""The folder that the state is in: private to its owner, and used by one server at a time."""

import os
import shutil
import stat
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Self

import attrs

from ecr_async.errors import ConfigurationError

__all__ = ["DataFolder"]

DATABASE = "ecr.sqlite"
DATABASE_FILES = (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm")
LOCK = "ecr.lock"
PREFIX = "ecr-async-local-"
"""Begins the names of temporary folders."""
ABANDONED_SECONDS = 60.0
"""Age of the lock file from which a folder is taken for abandoned if nobody holds the lock."""
NO_FOLLOW: int = getattr(os, "O_NOFOLLOW", 0)


@attrs.frozen
class DataFolder:
    """A folder for the database and the layers, locked for as long as it is open."""

    path: Path
    temporary: bool
    """Whether the folder is removed when it is closed."""
    lock: IO[bytes]

    @classmethod
    def open(cls, path: Path | None) -> Self:
        """Make and lock a folder; without a path, a temporary one.

        Raises `ConfigurationError` if another server uses it, or if it cannot be used at all.
        """
        if path is None:
            _remove_abandoned(Path(tempfile.gettempdir()))
            made = Path(tempfile.mkdtemp(prefix=PREFIX))
            return cls(made, True, _lock(made))
        try:
            if not path.is_dir():
                path.mkdir(parents=True, mode=0o700)
            elif (path / DATABASE).exists():  # a folder of ours, not one that holds other things too
                path.chmod(0o700)
            for name in (LOCK, *DATABASE_FILES):
                _check_file(path / name)
            return cls(path, False, _lock(path))
        except OSError as error:
            reason = "there is a file of that name" if path.is_file() else error.strerror
            raise ConfigurationError(f"the folder {path} cannot be used for data: {reason}") from error

    @property
    def database(self) -> Path:
        """The database's file."""
        return self.path / DATABASE

    def close(self) -> None:
        """Let go of the folder, and remove a temporary one."""
        self.lock.close()
        if self.temporary:
            shutil.rmtree(self.path)


def _check_file(path: Path) -> None:
    """Raise `ConfigurationError` for what isn't a file, such as a symbolic link to somebody else's."""
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(path.lstat().st_mode):
            raise ConfigurationError(
                f"{path} is a symbolic link, or no file at all, and is not opened; remove it"
            )


def _remove_abandoned(parent: Path) -> None:
    """Remove the temporary folders of servers that were killed, which may hold many large layers."""
    for folder in parent.glob(f"{PREFIX}*"):
        with suppress(OSError, ConfigurationError):
            if not folder.is_symlink() and time.time() - (folder / LOCK).lstat().st_mtime > ABANDONED_SECONDS:
                with _lock(folder):
                    shutil.rmtree(folder)


def _lock(folder: Path) -> IO[bytes]:
    """Lock a folder until the returned file is closed, or the process ends in whatever way."""
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
        raise ConfigurationError(
            f"another embedded ECR uses the folder {folder}; stop it, or give this one a folder of its own"
        ) from None
    return file
