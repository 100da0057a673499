"""Folders of this process for files to be tried, in memory where the system has such a place."""

import os
import shutil
import tempfile
from functools import cache
from multiprocessing.util import Finalize
from pathlib import Path

__all__ = ["folder_of"]


@cache
def folder_of(name: str) -> Path:
    """Return this process's folder of that name; it is gone when the process is."""
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
    folder = Path(tempfile.mkdtemp(prefix=f"fuzz-{name}-", dir=memory))
    Finalize(None, shutil.rmtree, [folder, True], exitpriority=1)
    return folder
