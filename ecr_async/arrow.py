"""Scans as Arrow record batches, and as Parquet files; needs the extra `arrow`.

    summary = await write_parquet(ecr.scan_images(services), "images.parquet")

and then, with DuckDB or with Polars:

    duckdb.sql("SELECT region, sum(size) FROM 'images.parquet' GROUP BY region")
    polars.scan_parquet("images.parquet").group_by("region").agg(polars.sum("size")).collect()

There is one row per image, and `SCHEMA` is:

    column         type                   null  what it is
    registry_id    string                 yes   the AWS account ID of the registry
    region         string                 no    the region that was scanned
    repository     string                 no    the repository's name
    digest         string                 yes   the digest of the image's manifest
    tags           list<string>           no    its tags; an untagged image has an empty list
    size           int64                  yes   bytes, its layers compressed
    pushed_at      timestamp[us, UTC]     yes   when it was pushed
    pulled_at      timestamp[us, UTC]     yes   when it was last pulled, to within a day
    media_type     string                 yes   of its manifest
    artifact_type  string                 yes   what it holds, as a media type
    subject        string                 yes   the digest of the image that it refers to, as a signature does
    status         string                 yes   ACTIVE, ARCHIVED or ACTIVATING
    archived_at    timestamp[us, UTC]     yes   when it last went into the archive
    activated_at   timestamp[us, UTC]     yes   when it was last restored from there
    scan_status    string                 yes   of its vulnerability scan: COMPLETE, ACTIVE, FAILED, …
    scanned_at     timestamp[us, UTC]     yes   when that scan was completed
    findings       map<string, int64>     yes   how many findings that scan has of each severity

What ECR does not report is null. `ecr_async.write_jsonl` writes the same rows under the same names. The
values are those of
https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageDetail.html
"""

import asyncio
import os
import threading
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Mapping
from contextlib import aclosing
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from ecr_async._arguments import check_functions, check_kinds, check_number, check_path
from ecr_async._bulk.images import Scan, ScannedPage, ScanResult, ScanSummary
from ecr_async._bulk.images.rows import NAMES, rows
from ecr_async._files.partial import PartialFile, remove_abandoned
from ecr_async._optional import extra
from ecr_async.errors import ConfigurationError, ValidationError

with extra("arrow", "pyarrow"):
    import pyarrow as pa
    import pyarrow.parquet as pq

__all__ = ["ROW_GROUP", "SCHEMA", "ParquetFile", "record_batch", "record_batches", "write_parquet"]

_TIME = pa.timestamp("us", tz="UTC")

_TYPES = {
    "tags": pa.list_(pa.string()),
    "size": pa.int64(),
    **dict.fromkeys(("pushed_at", "pulled_at", "archived_at", "activated_at", "scanned_at"), _TIME),
    "findings": pa.map_(pa.string(), pa.int64()),
}
"""Types of the columns that are not texts."""

_NEVER_NULL = frozenset({"region", "repository", "tags"})

SCHEMA = pa.schema(
    [pa.field(name, _TYPES.get(name, pa.string()), nullable=name not in _NEVER_NULL) for name in NAMES]
)
"""The columns of every batch and file."""

ROW_GROUP = 50_000
"""Rows of a Parquet row group: the most that a file being written holds in memory, apart from a page."""


def record_batch(page: ScannedPage) -> pa.RecordBatch:
    """Return a page's images as rows. It takes some milliseconds for 1,000 of them."""
    values = list(zip(*rows(page), strict=True)) or [()] * len(NAMES)
    columns: dict[str, tuple[Any, ...]] = dict(zip(NAMES, values, strict=True))
    columns["findings"] = tuple([_map(counts) for counts in columns["findings"]])
    return pa.RecordBatch.from_pydict(columns, SCHEMA)  # pyright: ignore[reportUnknownMemberType]


def _map(counts: Mapping[str, int] | None) -> list[tuple[str, int]] | None:
    """Return a mapping as Arrow takes it."""
    return None if counts is None else list(counts.items())


async def record_batches(
    scan: AsyncIterable[ScanResult], *, on_result: Callable[[ScanResult], object] | None = None
) -> AsyncGenerator[pa.RecordBatch, None]:
    """Yield a scan's pages as record batches as they come, made off the event loop.

    Pages without images are left out. `on_result` is called with each result, failures included.
    """
    if not isinstance(cast("object", scan), AsyncIterable):
        raise ValidationError("scan", f"must be a Scan, not {type(scan).__name__}")
    check_functions(on_result=on_result)
    async with aclosing(_results(scan)) as results:
        async for result in results:
            if on_result is not None:
                on_result(result)
            if isinstance(result, ScannedPage) and result.images:
                yield await asyncio.to_thread(record_batch, result)


async def write_parquet(
    scan: Scan,
    path: str | os.PathLike[str],
    *,
    on_result: Callable[[ScanResult], object] | None = None,
    row_group: int = ROW_GROUP,
) -> ScanSummary:
    """Write a scan's images to a Parquet file, and return the scan's summary.

        summary = await ecr.arrow.write_parquet(ecr.scan_images(services), "images.parquet")

    The file appears when the scan has ended, and replaces one that is there; a scan that is interrupted
    leaves no file. What could not be scanned is missing from it: that is in the summary, and
    `on_result` is called with each result. A row group has `row_group` rows, or up to a page more.

    Raises `ConfigurationError` for a scan with a checkpoint: a Parquet file cannot be continued, so
    what an interrupted run had read would be lost. Raises `OSError` when the file cannot be written.
    """
    check_kinds(Scan, scan=scan)
    check_path("path", path)
    check_functions(on_result=on_result)
    check_number("row_group", row_group, least=1, whole=True)
    if scan.checkpoint is not None:
        raise ConfigurationError(
            "a Parquet file cannot be continued: scan without a checkpoint, or write JSON lines"
        )
    path = Path(os.path.abspath(path))  # noqa: ASYNC240 - reads no disk
    await asyncio.to_thread(remove_abandoned, path.parent, path.name)
    async with ParquetFile(path, row_group=row_group) as file, aclosing(aiter(scan)) as results:
        async for result in results:
            if on_result is not None:
                on_result(result)
            if isinstance(result, ScannedPage):
                await file.add(result)
    return scan.summary


class ParquetFile:
    """A Parquet file being written off the event loop, which appears under its name when it is complete.

    Until then it is beside that name, hidden; leaving the block with an exception removes it. Nothing is
    written before there is a row group to write, or the end.
    """

    def __init__(self, path: str | os.PathLike[str], *, row_group: int = ROW_GROUP) -> None:
        self._path = Path(path)
        self._row_group = row_group
        self._batches: list[pa.RecordBatch] = []
        self._waiting = 0
        self._partial: PartialFile | None = None
        self._writer: pq.ParquetWriter | None = None
        self._is_ended = False
        # A caller that is cancelled doesn't wait for its thread: what comes next does.
        self._turn = threading.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await (self.commit() if error is None else self.discard())

    async def add(self, page: ScannedPage) -> None:
        """Add a page's images."""
        await asyncio.to_thread(self._add, page)

    async def commit(self) -> None:
        """Write the rest, to the disk, and give the file its name."""
        try:
            await asyncio.to_thread(self._commit)
        except BaseException:
            await self.discard()
            raise

    async def discard(self) -> None:
        """Remove what was written. Does nothing after `commit`."""
        await asyncio.to_thread(self._discard)

    def _add(self, page: ScannedPage) -> None:
        batch = record_batch(page)
        with self._turn:
            if not self._is_ended:
                self._batches.append(batch)
                self._waiting += batch.num_rows
                if self._waiting >= self._row_group:
                    self._write(self._open()[1])

    def _commit(self) -> None:
        with self._turn:
            if self._is_ended:
                return
            partial, writer = self._open()
            if self._waiting:
                self._write(writer)
            writer.close()
            partial.commit()
            self._is_ended = True

    def _discard(self) -> None:
        with self._turn:
            if self._is_ended:
                return
            self._is_ended = True
            try:
                if self._writer is not None:
                    self._writer.close()
            finally:
                if self._partial is not None:
                    self._partial.discard()

    def _open(self) -> tuple[PartialFile, pq.ParquetWriter]:
        if self._partial is None:
            self._partial = PartialFile(self._path)
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._partial.file, SCHEMA, compression="zstd")
        return self._partial, self._writer

    def _write(self, writer: pq.ParquetWriter) -> None:
        table = pa.Table.from_batches(self._batches, SCHEMA)
        writer.write_table(table, row_group_size=max(table.num_rows, 1))
        self._batches.clear()
        self._waiting = 0


async def _results(scan: AsyncIterable[ScanResult]) -> AsyncGenerator[ScanResult, None]:
    """Yield a scan's results, and close the scan when this is closed."""
    results = aiter(scan)
    try:
        async for result in results:
            yield result
    finally:
        if isinstance(results, AsyncGenerator):
            await results.aclose()
