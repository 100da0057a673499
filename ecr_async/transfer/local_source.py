"""A path, opened as what it turns out to be: a layout folder, a tar archive of either kind, plain
or gzipped.
"""

import asyncio
import os
import shutil
import tempfile
import zlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeAlias

from ecr_async.transfer.blobs import SLICE
from ecr_async.transfer.docker_archive import MANIFEST, DockerArchive
from ecr_async.transfer.errors import ArchiveTooLargeError, LayoutError
from ecr_async.transfer.files import Files, FolderFiles, TarFiles
from ecr_async.transfer.layout_reader import LAYOUT, LayoutReader

__all__ = ["GIB", "MAX_UNPACKED", "LocalSource", "open_source"]

GIB = 1024**3

MAX_UNPACKED = 64 * GIB
"""Bytes that a gzipped archive may unpack to, unless the caller says otherwise."""

LocalSource: TypeAlias = LayoutReader | DockerArchive


@asynccontextmanager
async def open_source(
    path: str | os.PathLike[str], *, max_unpacked: int = MAX_UNPACKED
) -> AsyncGenerator[LocalSource, None]:
    """Open a layout or an archive for as long as the block lasts.

    A gzipped archive is unpacked into a temporary file, which is gone afterwards. Raises `LayoutError` for
    what is neither, `ArchiveTooLargeError` for more than `max_unpacked` bytes, and `OSError`.
    """
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="ecr-async-"))
    try:
        yield await asyncio.to_thread(_open, Path(path), folder, max_unpacked)
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def _open(path: Path, folder: Path, max_unpacked: int) -> LocalSource:
    files: Files
    if path.is_dir():
        files = FolderFiles(path)
    elif path.exists() and not path.is_file():  # opening a named pipe would wait for ever
        raise LayoutError(
            path, "not a folder or a regular file; an archive that comes by a pipe cannot be read"
        )
    elif _is_gzipped(path):
        files = TarFiles(path, _unpack(path, folder / "unpacked.tar", max_unpacked))
    else:
        files = TarFiles(path)
    if files.find(LAYOUT) is not None:
        return LayoutReader(files)
    if files.find(MANIFEST) is not None:
        return DockerArchive(files, folder)
    raise LayoutError(path, f"neither an OCI image layout ({LAYOUT}) nor a docker archive ({MANIFEST})")


def _is_gzipped(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def _unpack(path: Path, target: Path, limit: int) -> Path:
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
    left = limit
    try:
        with path.open("rb") as packed, target.open("wb") as plain:
            while data := packed.read(SLICE):
                while data:
                    content = unpacker.decompress(data, SLICE)
                    left -= len(content)
                    if left < 0:
                        raise ArchiveTooLargeError(path, f"it unpacks to more than {limit:,} bytes")
                    plain.write(content)
                    data = unpacker.unconsumed_tail
                    if unpacker.eof and (data := unpacker.unused_data):
                        unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
    except zlib.error as error:
        raise LayoutError(path, f"not a gzipped archive: {error}") from error
    if not unpacker.eof:
        raise LayoutError(path, "the gzipped archive is cut off")
    return target
