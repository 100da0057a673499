"""A path, opened as what it turns out to be: a layout folder, a tar archive of either kind, plain
or gzipped.
"""

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeAlias

from ecr_async.transfer.blobs import SLICE
from ecr_async.transfer.errors import LayoutError
from ecr_async.transfer.layouts.docker_archive import MANIFEST, DockerArchive
from ecr_async.transfer.layouts.files import Files, FolderFiles, TarFiles
from ecr_async.transfer.layouts.gunzip import GZIP_MAGIC, Gunzip
from ecr_async.transfer.layouts.layout_reader import LAYOUT, LayoutReader
from ecr_async.transfer.layouts.temporary_files import TemporaryFiles

__all__ = ["GIB", "MAX_UNPACKED", "LocalSource", "open_source"]

GIB = 1024**3

MAX_UNPACKED = 64 * GIB
"""Bytes that a gzipped archive may unpack to, unless the caller says otherwise."""

_MAGIC = {
    GZIP_MAGIC: "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
}

LocalSource: TypeAlias = LayoutReader | DockerArchive


@asynccontextmanager
async def open_source(
    path: str | os.PathLike[str], *, max_unpacked: int = MAX_UNPACKED
) -> AsyncGenerator[LocalSource, None]:
    """Open a layout or an archive for as long as the block lasts.

    A gzipped archive is unpacked into a temporary file, which is gone afterwards. Raises `LayoutError` for
    what is neither, `ArchiveTooLargeError` for more than `max_unpacked` bytes, and `OSError`.
    """
    temporary = TemporaryFiles()
    try:
        yield await asyncio.to_thread(_open, Path(path), temporary, max_unpacked)
    finally:
        await asyncio.shield(asyncio.to_thread(temporary.remove))


def _open(path: Path, temporary: TemporaryFiles, max_unpacked: int) -> LocalSource:
    files: Files
    if path.is_dir():
        files = FolderFiles(path)
    elif path.exists() and not path.is_file():  # opening a named pipe would wait for ever
        raise LayoutError(
            path, "not a folder or a regular file; an archive that comes by a pipe cannot be read"
        )
    elif (compression := _compression(path)) == "gzip":
        files = TarFiles(path, _unpack(path, temporary, max_unpacked))
    elif compression is not None:
        raise LayoutError(path, f"compressed with {compression}; only gzip is unpacked here")
    else:
        files = TarFiles(path)
    is_saved = files.find(MANIFEST) is not None
    if files.find(LAYOUT) is not None:
        layout = LayoutReader(files)
        if not is_saved or not layout.is_uncompressed:
            return layout
    if is_saved:
        return DockerArchive(files, temporary, max_unpacked=max_unpacked)
    raise LayoutError(path, f"neither an OCI image layout ({LAYOUT}) nor a docker archive ({MANIFEST})")


def _compression(path: Path) -> str | None:
    """Return how an archive is compressed, by its first bytes."""
    with path.open("rb") as file:
        start = file.read(max(map(len, _MAGIC)))
    return next((name for magic, name in _MAGIC.items() if start.startswith(magic)), None)


def _unpack(path: Path, temporary: TemporaryFiles, limit: int) -> Path:
    gunzip = Gunzip(path, limit)
    with path.open("rb") as packed, temporary.create() as plain:
        while data := packed.read(SLICE):
            for content in gunzip.unpack(data):
                plain.write(content)
    gunzip.finish()
    return plain.path
