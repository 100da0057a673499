"""botocore's data files, read once a process and without holding up the event loop.

A botocore session reads over a megabyte of JSON before it makes its first call. It does so in a thread
of ours, but the standard library's parser keeps every other thread waiting for as long as it parses, and
what each session throws away keeps them waiting again when it is collected. So all sessions that we
make share one loader, and that one parses with orjson.
"""

import functools
import gzip
import os
from importlib import import_module
from typing import Any

import orjson

__all__ = ["data_loader"]


@functools.cache
def data_loader(data_path: str | None = None) -> Any:
    """Return botocore's loader for its own data and that in `data_path`, its setting of that name."""
    loader = import_module("botocore.loaders").create_loader(data_path)
    loader.file_loader = _Files()
    return loader


class _Files:
    """What botocore asks of a loader's `file_loader`. Paths come without their extension."""

    _OPENERS = ((".json", open), (".json.gz", gzip.open))

    def exists(self, file_path: str) -> bool:
        return any(os.path.isfile(file_path + extension) for extension, _ in self._OPENERS)

    def load_file(self, file_path: str) -> Any:
        for extension, opener in self._OPENERS:
            if os.path.isfile(file_path + extension):
                with opener(file_path + extension, "rb") as file:
                    return orjson.loads(file.read())
        return None
