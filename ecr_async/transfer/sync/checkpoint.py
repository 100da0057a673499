"""Which repositories a sync has done: a file of lines, so that the next run leaves them out.

A line is written when a repository's images are all at the destination. Whatever else was done is found there
anyhow. The file of a sync that has ended without a failure is removed: the next sync looks at everything.
"""

import asyncio
import os
from pathlib import Path

import msgspec

from ecr_async.errors import CheckpointError

__all__ = ["SyncCheckpoint"]


class _Header(msgspec.Struct):
    sync: str


_BEGINNING = b'{"sync":"'


def _is_cut_off(line: bytes) -> bool:
    """Whether a file's first line is a header that a killed process had begun."""
    return not line.endswith(b"\n") and line[: len(_BEGINNING)] == _BEGINNING[: len(line)]


class SyncCheckpoint:
    """The file of one sync."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._done: set[str] = set()

    async def open(self, settings: str) -> None:
        """Read the file, or make it. `settings` says what is brought where; the file is good for that alone.

        Raises `CheckpointError` for the file of another sync.
        """
        await asyncio.to_thread(self._open, settings)

    def is_done(self, repository: str) -> bool:
        """Whether nothing is left to do in a repository."""
        return repository in self._done

    async def record(self, repository: str) -> None:
        """Note that a repository is done."""
        await asyncio.to_thread(self._append, msgspec.json.encode(repository))

    async def remove(self) -> None:
        """Remove the file: nothing is left to continue."""
        await asyncio.to_thread(self._path.unlink, missing_ok=True)

    def _open(self, settings: str) -> None:
        try:
            lines = self._path.read_bytes().splitlines(keepends=True)
        except FileNotFoundError:
            lines = []
        except IsADirectoryError as error:
            raise CheckpointError(f"{self._path} is a folder; a checkpoint is a file") from error
        if not lines or _is_cut_off(lines[0]):
            self._path.unlink(missing_ok=True)
            self._append(msgspec.json.encode(_Header(settings)))
            return
        try:
            header = msgspec.json.decode(lines[0], type=_Header)
            whole = [line for line in lines[1:] if line.endswith(b"\n")]  # the last may be cut off
            self._done = {msgspec.json.decode(line, type=str) for line in whole}
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            raise CheckpointError(f"{self._path} is not the checkpoint of a sync: {error}") from error
        if header.sync != settings:
            raise CheckpointError(f"the checkpoint {self._path} is of a sync {header.sync}, not {settings}")
        if len(whole) + 1 < len(lines):
            self._path.write_bytes(b"".join([lines[0], *whole]))

    def _append(self, line: bytes) -> None:
        with self._path.open("ab") as file:
            file.write(line + b"\n")
