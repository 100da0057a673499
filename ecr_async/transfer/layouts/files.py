"""The files of an image layout or a docker archive: in a folder, or in a tar archive.

Whatever names a file came from somebody else: a digest, a manifest, the archive itself. So a name is only
looked up among what is there, and what is there must be a regular file inside.
"""

import io
import os
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Protocol

from ecr_async.transfer.blobs import Extent
from ecr_async.transfer.errors import LayoutError

__all__ = ["Files", "FolderFiles", "TarFiles"]

MAX_MEMBERS = 100_000
"""Members of an archive; images have some dozens."""

MAX_LINKS = 8

MAX_HEADER = 1024 * 1024
"""Bytes of an extended header, which holds one member's long name and the like."""


class _Headers(io.FileIO):
    """An archive of which only headers are read: those that claim to be huge would be read into memory."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Read a header."""
        if size is None or not 0 <= size <= MAX_HEADER:
            raise LayoutError(self.name, f"a header of more than {MAX_HEADER:,} bytes")
        return super().read(size)


class Files(Protocol):
    """Files by name. The methods block."""

    @property
    def path(self) -> Path:
        """The folder or archive, for messages."""
        ...

    def find(self, name: str) -> Extent | None:
        """Return where a file's bytes are; None if there is no such file. Raises `LayoutError`."""
        ...


class FolderFiles:
    """The files in a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._root = path.resolve()

    def find(self, name: str) -> Extent | None:
        """Return where a file is. Links may lead to other files of the folder, not out of it."""
        try:
            found = (self._root / name).resolve(strict=True)
            status = found.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, RuntimeError, ValueError) as error:
            raise LayoutError(self.path, f"{name[:200]!r} cannot be read: {error}") from error
        if not found.is_relative_to(self._root):
            raise LayoutError(self.path, f"{name[:200]!r} leads out of the layout")
        if not stat.S_ISREG(status.st_mode):
            raise LayoutError(self.path, f"{name[:200]!r} is not a regular file")
        return Extent(found, 0, status.st_size)


class TarFiles:
    """The members of a tar archive that isn't compressed; their bytes are read where they are."""

    def __init__(self, path: Path, archive: Path | None = None) -> None:
        """Read the archive's table of contents. `archive` is where its bytes are, if not at `path`.

        Raises `LayoutError` for one that is malformed, or has names that lead out of it.
        """
        self.path = path
        self._archive = archive or path
        self._extents: dict[str, Extent] = {}
        self._links: dict[str, str] = {}
        size = self._archive.stat().st_size
        try:
            with _Headers(self._archive) as file, tarfile.open(fileobj=file, mode="r:") as tar:
                for number, member in enumerate(tar):
                    if number == MAX_MEMBERS:
                        raise LayoutError(path, f"more than {MAX_MEMBERS:,} members")
                    self._add(member, size)
        except (tarfile.TarError, EOFError, ValueError, OverflowError) as error:
            raise LayoutError(path, f"not a tar archive: {error}") from error

    def find(self, name: str) -> Extent | None:
        """Return where a member's bytes are. Links are followed within the archive."""
        for _ in range(MAX_LINKS):
            if name in self._extents:
                return self._extents[name]
            target = self._links.get(name)
            if target is None:
                return None
            name = target
        raise LayoutError(self.path, f"{name[:200]!r} is a link in a circle")

    def names(self) -> Iterator[str]:
        """Yield the names of the regular files."""
        return iter(self._extents)

    def _add(self, member: tarfile.TarInfo, archive_size: int) -> None:
        name = self._checked(member.name)
        self._extents.pop(name, None)
        self._links.pop(name, None)
        if member.issparse():
            raise LayoutError(self.path, f"{name[:200]!r} is packed with holes, as --sparse does")
        if member.isreg():
            if member.size < 0 or member.offset_data + member.size > archive_size:
                raise LayoutError(self.path, f"{name[:200]!r} is cut off")
            self._extents[name] = Extent(self._archive, member.offset_data, member.size)
        elif member.issym():
            self._links[name] = self._checked(os.path.join(os.path.dirname(name), member.linkname))
        elif member.islnk():
            self._links[name] = self._checked(member.linkname)
        elif not member.isdir():
            raise LayoutError(self.path, f"{name[:200]!r} is neither a file, a folder nor a link")

    def _checked(self, name: str) -> str:
        """Return a member's name in its plain form. Raises `LayoutError` if it leads out of the archive."""
        plain = os.path.normpath(name)
        if name.startswith("/") or "\0" in name or PurePosixPath(plain).parts[:1] == ("..",):
            raise LayoutError(self.path, f"the name {name[:200]!r} leads out of the archive")
        return plain
