"""Which uploads are unfinished, noted on disk, so that a push that was killed can be continued.

ECR keeps the parts of an upload, but only its ID leads to them. So the ID is written down until the upload is
complete. A note is a hint and nothing more: one that is lost, stale or damaged means a new upload.
"""

import asyncio
import hashlib
import os
import re
from contextlib import suppress
from pathlib import Path

from ecr_async._files.replacing import replace_file

__all__ = ["UploadNotes", "state_folder"]

_UPLOAD_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def state_folder() -> Path | None:
    """Return where notes are kept: `$XDG_STATE_HOME/ecr-async/uploads`; None where there is no home."""
    home = os.environ.get("XDG_STATE_HOME")
    try:
        base = Path(home) if home else Path.home() / ".local" / "state"
    except RuntimeError:
        return None
    return base / "ecr-async" / "uploads" if base.is_absolute() else None


class UploadNotes:
    """The notes in one folder; without a folder, or with one that cannot be written, there are none."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    async def read(self, *key: str | None) -> str | None:
        """Return the ID of the unfinished upload that `key` names, if there is a note of it."""
        return await asyncio.to_thread(self._read, key)

    async def write(self, upload_id: str, *key: str | None) -> None:
        """Note an upload's ID."""
        await asyncio.to_thread(self._write, upload_id, key)

    async def remove(self, *key: str | None) -> None:
        """Remove the note of an upload that is complete or gone."""
        await asyncio.to_thread(self._remove, key)

    def _path(self, folder: Path, key: tuple[str | None, ...]) -> Path:
        return folder / hashlib.sha256("\n".join(part or "" for part in key).encode()).hexdigest()

    def _read(self, key: tuple[str | None, ...]) -> str | None:
        if self._folder is None:
            return None
        try:
            with self._path(self._folder, key).open("rb") as note:
                text = note.read(64).decode("ascii", "replace")
        except OSError:
            return None
        return text if _UPLOAD_ID.fullmatch(text) else None

    def _write(self, upload_id: str, key: tuple[str | None, ...]) -> None:
        if self._folder is None:
            return
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            replace_file(self._path(self._folder, key), upload_id.encode("ascii"))

    def _remove(self, key: tuple[str | None, ...]) -> None:
        if self._folder is not None:
            with suppress(OSError):
                self._path(self._folder, key).unlink(missing_ok=True)
