"""Files replaced in one step: a reader sees the old content or the new, and never a part of either."""

import os
from pathlib import Path

__all__ = ["replace_file"]


def replace_file(path: Path, content: bytes, *, is_private: bool = False, is_durable: bool = False) -> None:
    """Give a file new content, or make it; its folder must be there.

    A private file is for its owner alone to read. A durable one is on the disk when this returns, so that a
    loss of power leaves the old content or the new as well. Raises `OSError`.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o600 if is_private else 0o666)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(content)
            if is_durable:
                file.flush()
                os.fsync(fd)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


_BINARY = getattr(os, "O_BINARY", 0)
