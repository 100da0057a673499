"""A scan as a file of JSON lines, one per image.

Without a checkpoint the file appears when it is complete. With one it grows in place: lines are written in
batches, flushed to the disk, and then the checkpoint records in one transaction what they hold and how long
the file is. A scan that is resumed first cuts the file to the length on record, and scans again whatever
stood behind it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol, Self, TypeVar

import msgspec

from ecr_async._arguments import check_functions, check_kinds, check_path
from ecr_async._bulk.images.checkpoint import Checkpoint
from ecr_async._bulk.images.results import ScannedPage, ScanResult, ScanSummary
from ecr_async._bulk.images.rows import NAMES, rows
from ecr_async._bulk.images.scanner import Scan
from ecr_async._files.partial import PartialFile, remove_abandoned
from ecr_async.errors import CheckpointError

__all__ = ["json_lines", "write_jsonl"]

T = TypeVar("T")

BATCH_IMAGES = 5000
BATCH_SECONDS = 2.0

_ENCODER = msgspec.json.Encoder()


async def write_jsonl(
    scan: Scan,
    path: str | os.PathLike[str],
    *,
    on_result: Callable[[ScanResult], object] | None = None,
) -> ScanSummary:
    """Write a scan's images to a file of JSON lines, and return the scan's summary.

        summary = await ecr.write_jsonl(ecr.scan_images(services), "images.jsonl")

    A line is an object with the names of the columns of a Parquet file (`ecr_async.arrow.SCHEMA`): times
    in ISO 8601, UTC; null where ECR reports nothing. `on_result` is called with each result, failures
    included, before it is written.

    Without a checkpoint the file appears at the end of the scan and replaces one that is there; a scan
    that is interrupted leaves no file. With a checkpoint the file grows, and each image is in it exactly
    once when the scan has been resumed to its end, even if it was killed.

    Raises `CheckpointError` when file and checkpoint don't belong together, and `OSError` when the file
    cannot be written.
    """
    check_kinds(Scan, scan=scan)
    check_path("path", path)
    check_functions(on_result=on_result)
    path = os.path.abspath(path)  # noqa: ASYNC240 - reads no disk
    async with scan.results(output=path) as results, _JsonLines(path, scan.checkpoint) as lines:
        async for result in results:
            if on_result is not None:
                on_result(result)
            await lines.add(result)
        await lines.finish(is_complete=scan.summary.complete)
    return scan.summary


class _JsonLines:
    """The file at an absolute path, being written on a thread of its own, in the order of the calls."""

    def __init__(self, path: str, checkpoint: Checkpoint | None) -> None:
        self._path = path
        self._checkpoint = checkpoint
        self._monotonic = asyncio.get_running_loop().time
        self._batch: list[ScanResult] = []
        self._images = 0
        self._flushed = self._monotonic()
        self._output: _Output | None = None
        self._is_whole = False
        self._thread = ThreadPoolExecutor(1, "ecr-async-jsonl")

    async def __aenter__(self) -> Self:
        try:
            await self._run(self._open)
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    async def add(self, result: ScanResult) -> None:
        """Write a result, now or with some that follow."""
        self._batch.append(result)
        if isinstance(result, ScannedPage):
            self._images += len(result.images)
        if self._images >= BATCH_IMAGES or self._monotonic() - self._flushed >= BATCH_SECONDS:
            await self._flush()

    async def finish(self, *, is_complete: bool) -> None:
        """Write the rest. The checkpoint is finished if nothing failed."""
        await self._flush(is_finished=is_complete)
        await self._run(self._commit)

    async def _flush(self, *, is_finished: bool = False) -> None:
        batch, self._batch, self._images = self._batch, [], 0
        size = await self._run(self._write, batch)
        if self._checkpoint is not None:
            await self._checkpoint.record(batch, size, is_finished=is_finished)
        self._flushed = self._monotonic()

    async def _close(self) -> None:
        """Close the file, after what is being done with it; remove it if it isn't whole."""
        try:
            await self._run(self._discard)
        finally:
            self._thread.shutdown(wait=False)

    async def _run(self, function: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    # -------------------------------------------------------------------------- on the thread

    def _open(self) -> None:
        if self._checkpoint is not None:
            self._output = _GrowingFile(self._path, self._checkpoint.output_size)
        else:
            remove_abandoned(Path(self._path).parent, Path(self._path).name)
            self._output = PartialFile(self._path)

    def _write(self, results: Iterable[ScanResult]) -> int:
        assert self._output is not None
        file = self._output.file
        for result in results:
            if isinstance(result, ScannedPage):
                file.write(json_lines(result))
        file.flush()
        if self._checkpoint is None:
            return 0
        os.fsync(file.fileno())
        return file.tell()

    def _commit(self) -> None:
        assert self._output is not None
        self._output.commit()
        self._is_whole = True

    def _discard(self) -> None:
        if self._output is not None and not self._is_whole:
            self._output.discard()


class _Output(Protocol):
    """A file being written, and its two ends."""

    file: BinaryIO

    def commit(self) -> None: ...

    def discard(self) -> None: ...


class _GrowingFile:
    """A file that is continued after its first `size` bytes, by this run and by later ones."""

    def __init__(self, path: str, size: int) -> None:
        self._path = path
        self.file: BinaryIO = open(path, "ab")  # noqa: SIM115 - closed by both ends
        if self.file.tell() < size:
            self.discard()
            raise CheckpointError(
                f"{path} is shorter than the {size:,} bytes that its checkpoint has on record; "
                "delete the checkpoint to start a new scan"
            )
        self.file.truncate(size)

    def commit(self) -> None:
        """Close the file."""
        self.file.close()

    def discard(self) -> None:
        """Close the file, and remove it if nothing was written yet."""
        is_empty = os.fstat(self.file.fileno()).st_size == 0
        self.file.close()
        if is_empty:
            os.unlink(self._path)


def json_lines(page: ScannedPage) -> bytes:
    """Return a page's images as JSON lines."""
    return _ENCODER.encode_lines([dict(zip(NAMES, row, strict=True)) for row in rows(page)])
