"""The folder that the state is in: private to its owner, and used by one server at a time."""

import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Self

import attrs

from ecr_async._files.temporary import LOCK, TemporaryFolder, lock_folder
from ecr_async.errors import ConfigurationError

__all__ = ["DataFolder"]

DATABASE = "ecr.sqlite"
DATABASE_FILES = (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm")
PREFIX = "ecr-async-local-"
"""Begins the names of temporary folders."""


@attrs.frozen
class DataFolder:
    """A folder for the database and the layers, locked for as long as it is open."""

    path: Path
    temporary: bool
    """Whether the folder is removed when it is closed."""
    close: Callable[[], None]
    """Let go of the folder, and remove a temporary one."""

    @classmethod
    def open(cls, path: Path | None) -> Self:
        """Make and lock a folder; without a path, a temporary one.

        Raises `ConfigurationError` if another server uses it, or if it cannot be used at all.
        """
        if path is None:
            made = TemporaryFolder(PREFIX)
            return cls(made.path, True, made.remove)
        try:
            if not path.is_dir():
                path.mkdir(parents=True, mode=0o700)
            elif (path / DATABASE).exists():  # a folder of ours, not one that holds other things too
                path.chmod(0o700)
            for name in (LOCK, *DATABASE_FILES):
                _check_file(path / name)
            lock = lock_folder(path)
        except OSError as error:
            reason = "there is a file of that name" if path.is_file() else error.strerror
            raise ConfigurationError(f"the folder {path} cannot be used for data: {reason}") from error
        if lock is None:
            raise ConfigurationError(
                f"another embedded ECR uses the folder {path}; stop it, or give this one a folder of its own"
            )
        return cls(path, False, lock.close)

    @property
    def database(self) -> Path:
        """The database's file."""
        return self.path / DATABASE


def _check_file(path: Path) -> None:
    """Raise `ConfigurationError` for what isn't a file, such as a symbolic link to somebody else's."""
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(path.lstat().st_mode):
            raise ConfigurationError(
                f"{path} is a symbolic link, or no file at all, and is not opened; remove it"
            )
