"""Layers in a folder, under their digests, and uploads that are to become layers.

    layers/sha256/ab/abcdef…     complete, never changed, shared by all repositories that have it
    uploads/<id>                 what has come of a layer so far

A layer appears by an atomic rename, so there are no half ones. Everything here blocks: it is called
from the store's thread.
"""

import hashlib
import shutil
from pathlib import Path
from typing import Protocol

import attrs

__all__ = ["Blobs"]


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def hexdigest(self) -> str: ...


@attrs.define
class _Progress:
    """The hash of an upload so far, so that no byte is read again to complete it."""

    size: int
    sha256: _Hash


class Blobs:
    """The layers and uploads in one folder."""

    def __init__(self, folder: Path) -> None:
        self._layers = folder / "layers"
        self._uploads = folder / "uploads"
        self._progress: dict[str, _Progress] = {}

    def prepare(self) -> None:
        """Make the folders."""
        self._layers.mkdir(parents=True, exist_ok=True)
        self._uploads.mkdir(parents=True, exist_ok=True)

    def clear(self) -> None:
        """Remove every layer and upload."""
        self._progress.clear()
        shutil.rmtree(self._layers)
        shutil.rmtree(self._uploads)
        self.prepare()

    def layer(self, digest: str) -> Path:
        """Return where a layer is, if it is."""
        algorithm, _, value = digest.partition(":")
        return self._layers / algorithm / value[:2] / value

    def append(self, upload_id: str, offset: int, data: bytes) -> None:
        """Write a part of an upload behind the `offset` bytes that are there."""
        progress = self._progress_of(upload_id, offset)
        path = self._uploads / upload_id
        with path.open("r+b" if offset else "wb") as file:
            file.seek(offset)
            file.write(data)
            file.truncate()
        progress.sha256.update(data)
        progress.size = offset + len(data)

    def digest(self, upload_id: str, size: int) -> str:
        """Return the digest of the `size` bytes of an upload."""
        return f"sha256:{self._progress_of(upload_id, size).sha256.hexdigest()}"

    def keep(self, upload_id: str, digest: str) -> None:
        """Make an upload a layer."""
        target = self.layer(digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        (self._uploads / upload_id).replace(target)
        self._progress.pop(upload_id, None)

    def discard(self, upload_id: str) -> None:
        """Forget an upload."""
        (self._uploads / upload_id).unlink(missing_ok=True)
        self._progress.pop(upload_id, None)

    def remove(self, digest: str) -> None:
        """Remove a layer."""
        self.layer(digest).unlink(missing_ok=True)

    def _progress_of(self, upload_id: str, size: int) -> _Progress:
        """Return the hash of the first `size` bytes, read again if it was lost with a former process."""
        progress = self._progress.get(upload_id)
        if progress is None or progress.size != size:
            progress = _Progress(size, hashlib.sha256())
            if size:
                with (self._uploads / upload_id).open("rb") as file:
                    left = size
                    while left and (piece := file.read(min(left, 1 << 20))):
                        progress.sha256.update(piece)
                        left -= len(piece)
            self._progress[upload_id] = progress
        return progress
