"""OCI image layouts, written into a folder.

    oci-layout  index.json  blobs/sha256/…      the layout
    .ecr-async/                                  blobs that aren't complete

A blob appears under its name when it is complete and verified, `index.json` is replaced in one step, and an
image is listed there last. So a layout is good at every moment, also for other programs.
"""

import asyncio
from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ecr_async._bulk.concurrency import for_each
from ecr_async._files.locks import lock
from ecr_async._files.replacing import replace_file
from ecr_async.oci.manifests import MAX_MANIFEST_BYTES, Descriptor, Manifest
from ecr_async.transfer.blobs import Blob
from ecr_async.transfer.errors import LayoutError
from ecr_async.transfer.layouts.blob_file import BlobFile
from ecr_async.transfer.layouts.files import FolderFiles
from ecr_async.transfer.layouts.layout_index import LAYOUT_VERSION, check_index, list_image
from ecr_async.transfer.layouts.layout_reader import INDEX, LAYOUT, blob_name

__all__ = ["LayoutWriter"]

_OURS = ".ecr-async"

PROGRESS = 2 * 1024 * 1024
"""Bytes between two reports of progress, each of which wakes the event loop from a thread."""

HASHED_AT_ONCE = 4
"""Blobs that are there already and whose digests are verified at a time."""


class LayoutWriter:
    """A destination in a folder, which is made if need be; `prepare` comes first."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ours = path / _OURS

    async def prepare(self) -> None:
        """Make the folder a layout, unless it is one.

        Raises `LayoutError` for a folder with other things in it, with links where folders should be, or
        with an `index.json` that cannot be read.
        """
        await asyncio.to_thread(self._prepare)

    async def missing(self, blobs: Sequence[Descriptor]) -> Collection[str]:
        """Return the digests of the blobs that the layout doesn't have, or that are not what they were."""
        missing: set[str] = set()

        async def look(blob: Descriptor) -> None:
            if not await asyncio.to_thread(self._has, blob):
                missing.add(blob.digest)

        await for_each(blobs, look, HASHED_AT_ONCE)
        return missing

    async def store(self, blob: Blob, on_progress: Callable[[int], object]) -> int:
        """Write a blob and return how many bytes were moved."""
        target = self.path / blob_name(blob.descriptor.digest)
        size = blob.descriptor.size
        file = await asyncio.to_thread(BlobFile, blob.descriptor, self._ours, target)
        try:
            found = reported = file.size
            on_progress(found)

            def take(data: bytes) -> None:
                nonlocal reported
                file.take(data)
                if file.size - reported >= PROGRESS or file.size == size:
                    reported = file.size
                    loop.call_soon_threadsafe(on_progress, reported)

            loop = asyncio.get_running_loop()
            try:
                await blob.feed(found, size, take)
                await asyncio.to_thread(file.finish)
            except LayoutError:
                await asyncio.to_thread(file.discard)
                raise
            return size - found
        finally:
            await asyncio.to_thread(file.close)

    async def put(self, manifest: Manifest, tags: Sequence[str], *, is_listed: bool) -> None:
        """Write a manifest, and list it in `index.json` if it is to be found there."""
        await asyncio.to_thread(self._put, manifest, tags, is_listed)

    async def finish(self) -> None:
        """Remove what is only needed while blobs are being written."""
        await asyncio.to_thread(self._finish)

    def _prepare(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        names = {entry.name for entry in self.path.iterdir()}
        if names - {_OURS} and LAYOUT not in names:
            raise LayoutError(self.path, f"the folder has other content, and no file {LAYOUT}")
        for folder in (self._ours, self.path / "blobs", self.path / "blobs" / "sha256"):
            if folder.is_symlink():
                raise LayoutError(folder, "a link where a folder of the layout should be")
            folder.mkdir(exist_ok=True)
        if (index := self._read(INDEX)) is not None:
            check_index(self.path, index)
        if LAYOUT not in names:
            replace_file(self.path / LAYOUT, LAYOUT_VERSION, is_durable=True)

    def _has(self, blob: Descriptor) -> bool:
        extent = FolderFiles(self.path).find(blob_name(blob.digest))
        return extent is not None and extent.has(blob)

    def _put(self, manifest: Manifest, tags: Sequence[str], is_listed: bool) -> None:
        if not self._has(manifest.descriptor()):
            path = self.path / blob_name(manifest.digest)
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, manifest.content, is_durable=True)
        if is_listed:
            with self._locked():
                content = self._read(INDEX)
                changed = list_image(content, manifest, tags)
                if changed != content:
                    replace_file(self.path / INDEX, changed, is_durable=True)

    def _read(self, name: str) -> bytes | None:
        extent = FolderFiles(self.path).find(name)
        return None if extent is None else extent.read(MAX_MANIFEST_BYTES)

    def _finish(self) -> None:
        with suppress(OSError):  # somebody else's blobs are on their way
            self._ours.rmdir()

    @contextmanager
    def _locked(self) -> Generator[None, None, None]:
        """Hold the right to change `index.json`, against other processes too."""
        with (self.path / LAYOUT).open("rb") as file:
            lock(file.fileno())
            yield
