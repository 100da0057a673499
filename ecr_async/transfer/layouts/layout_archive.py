"""An OCI image layout in a tar archive, written: gathered in a folder beside it, then packed in one step.

The folder keeps what an interrupted pull has fetched. An archive that is there already is read: blobs that it
has are not fetched again, and images that it lists stay.
"""

import asyncio
import io
import os
import shutil
import tarfile
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from ecr_async.oci.manifests import MAX_MANIFEST_BYTES, Descriptor, Manifest
from ecr_async.transfer.blobs import Blob, Extent
from ecr_async.transfer.errors import LayoutError
from ecr_async.transfer.layouts.files import FolderFiles, TarFiles
from ecr_async.transfer.layouts.layout_index import LAYOUT_VERSION, check_index, list_image
from ecr_async.transfer.layouts.layout_reader import INDEX, LAYOUT, blob_name
from ecr_async.transfer.layouts.layout_writer import LayoutWriter

__all__ = ["LayoutArchiveWriter"]


class LayoutArchiveWriter:
    """A destination in a tar archive; `prepare` comes first, and `finish` writes it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._staging = path.with_name(f".{path.name}.partial")
        self._writer = LayoutWriter(self._staging)
        self._existing: TarFiles | None = None
        self._index: bytes | None = None
        self._is_changed = False

    async def prepare(self) -> None:
        """Read the archive if there is one. Raises `LayoutError` if it is not a layout."""
        await asyncio.to_thread(self._open)
        await self._writer.prepare()

    async def missing(self, blobs: Sequence[Descriptor]) -> Collection[str]:
        """Return the digests of the blobs that neither the archive nor the folder beside it has."""
        found = await asyncio.to_thread(lambda: {blob.digest for blob in blobs if self._has(blob)})
        new = [blob for blob in blobs if blob.digest not in found]
        self._is_changed = self._is_changed or bool(new)
        return await self._writer.missing(new)

    async def store(self, blob: Blob, on_progress: Callable[[int], object]) -> int:
        """Write a blob and return how many bytes were moved."""
        return await self._writer.store(blob, on_progress)

    async def put(self, manifest: Manifest, tags: Sequence[str], *, is_listed: bool) -> None:
        """Add a manifest, and list it if it is to be found in `index.json`."""
        if not await asyncio.to_thread(self._has, manifest.descriptor()):
            await self._writer.put(manifest, (), is_listed=False)
            self._is_changed = True
        if is_listed:
            index = list_image(self._index, manifest, tags)
            self._is_changed = self._is_changed or index != self._index
            self._index = index

    async def finish(self) -> None:
        """Write the archive, unless nothing has changed."""
        await asyncio.to_thread(self._finish)

    def _open(self) -> None:
        if not self.path.exists():
            return
        if not self.path.is_file():
            raise LayoutError(self.path, "not a regular file")
        self._existing = TarFiles(self.path)
        index = self._existing.find(INDEX)
        if index is None or self._existing.find(LAYOUT) is None:
            raise LayoutError(self.path, "not an OCI image layout")
        self._index = index.read(MAX_MANIFEST_BYTES)
        check_index(self.path, self._index)

    def _has(self, blob: Descriptor) -> bool:
        extent = self._existing.find(blob_name(blob.digest)) if self._existing else None
        return extent is not None and extent.has(blob)

    def _finish(self) -> None:
        if self._is_changed:
            temporary = self._staging / "archive.tar"
            with tarfile.open(temporary, "w", format=tarfile.PAX_FORMAT) as tar:
                _add(tar, LAYOUT, len(LAYOUT_VERSION), io.BytesIO(LAYOUT_VERSION))
                _add(tar, INDEX, len(self._index or b""), io.BytesIO(self._index or b""))
                for name, extent in sorted(self._blobs().items()):
                    with extent.path.open("rb") as file:
                        file.seek(extent.offset)
                        _add(tar, name, extent.size, file)
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            temporary.replace(self.path)
        shutil.rmtree(self._staging)

    def _blobs(self) -> dict[str, Extent]:
        """Return all blobs, by name: the archive's own and those in the folder."""
        files = self._existing
        blobs = (
            {name: files.find(name) for name in files.names() if name.startswith("blobs/")} if files else {}
        )
        staged = FolderFiles(self._staging)
        for path in (self._staging / "blobs").glob("*/*"):
            name = path.relative_to(self._staging).as_posix()
            blobs[name] = staged.find(name)
        return {name: extent for name, extent in blobs.items() if extent is not None}


def _add(tar: tarfile.TarFile, name: str, size: int, content: io.BufferedIOBase) -> None:
    member = tarfile.TarInfo(name)
    member.size = size
    member.mode = 0o644
    tar.addfile(member, content)
