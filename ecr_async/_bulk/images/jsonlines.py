"""A scan as a file of JSON lines, one an image, which a resumed scan continues without a doubled line.

Lines are written in batches: append, flush to the disk, and then record in the checkpoint, in one
transaction, what they hold and how long the file is. A scan that is resumed first cuts the file to the
length on record, and scans again whatever stood behind it.
"""

from __future__ import annotations

import asyncio
import operator
import os
from collections.abc import Iterable
from functools import partial
from typing import BinaryIO, Self

import attrs
import orjson

from ecr_async._bulk.images.checkpoint import Checkpoint
from ecr_async._bulk.images.results import ScannedPage, ScanResult
from ecr_async.api.images import ImageDetail
from ecr_async.errors import ConfigurationError

__all__ = ["JsonLines", "json_lines"]

BATCH_IMAGES = 5000
BATCH_SECONDS = 2.0


class JsonLines:
    """The file at an absolute path, being written. With a checkpoint, what was taken is recorded there."""

    def __init__(self, path: str, checkpoint: Checkpoint | None) -> None:
        self._path = path
        self._checkpoint = checkpoint
        self._monotonic = asyncio.get_running_loop().time
        self._batch: list[ScanResult] = []
        self._images = 0
        self._flushed = self._monotonic()

    async def __aenter__(self) -> Self:
        size = self._checkpoint.output_size if self._checkpoint is not None else 0
        self._file = await asyncio.to_thread(_opened, self._path, size)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self._file.close)

    async def add(self, result: ScanResult) -> None:
        """Write a result, now or with some that follow."""
        self._batch.append(result)
        if isinstance(result, ScannedPage):
            self._images += len(result.images)
        if self._images >= BATCH_IMAGES or self._monotonic() - self._flushed >= BATCH_SECONDS:
            await self.flush()

    async def flush(self) -> None:
        """Write what was added."""
        batch, self._batch, self._images = self._batch, [], 0
        size = await asyncio.to_thread(self._write, batch)
        if self._checkpoint is not None:
            await self._checkpoint.record(batch, size)
        self._flushed = self._monotonic()

    def _write(self, results: Iterable[ScanResult]) -> int:
        for result in results:
            if isinstance(result, ScannedPage):
                self._file.write(json_lines(result))
        self._file.flush()
        if self._checkpoint is not None:
            os.fsync(self._file.fileno())
        return self._file.tell()


def _opened(path: str, size: int) -> BinaryIO:
    """Open a file to go on after its first `size` bytes."""
    file = open(path, "ab")  # noqa: SIM115 - JsonLines closes it
    if file.tell() < size:
        file.close()
        raise ConfigurationError(
            f"{path} is shorter than the {size:,} bytes that its checkpoint has on record"
        )
    file.truncate(size)
    return file


def json_lines(page: ScannedPage) -> bytes:
    """Return a page's images as JSON lines: `region`, and the fields of `ImageDetail` by their names.

    Fields without a value are null; times are ISO 8601 in UTC.
    """
    region = page.service.region
    rows = [dict(zip(_NAMES, (region, *_values(image)), strict=True)) for image in page.images]
    return b"".join([orjson.dumps(row, _nested, _OPTIONS) for row in rows])


_FIELDS = [field.name for field in attrs.fields(ImageDetail)]
_NAMES = ("region", *_FIELDS)
_values = operator.attrgetter(*_FIELDS)
_nested = partial(attrs.asdict, recurse=False)
_OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z
