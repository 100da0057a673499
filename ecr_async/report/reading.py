"""The rows of a scan's file, JSON lines or Parquet; the latter needs the extra `arrow`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from ecr_async._bulk.images.rows import NAMES
from ecr_async._optional import extra
from ecr_async.errors import ECRError

__all__ = ["ScanFileError", "read_rows"]


class ScanFileError(ECRError):
    """A file is not one that a scan has written; the message names the file and the line."""


class _Line(msgspec.Struct):
    """What figures are made of, checked."""

    region: str
    repository: str
    registry_id: str | None
    tags: list[str]
    size: int | None
    pushed_at: datetime | None
    findings: dict[str, int] | None


_NEEDED = _Line.__struct_fields__
_DECODER = msgspec.json.Decoder(_Line)


def read_rows(path: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the images of a file as rows, as far as figures need them.

    A file is Parquet if its name ends in `.parquet`, and JSON lines otherwise. Raises `ScanFileError` for
    anything else, `OSError` for a file that cannot be read.
    """
    return _parquet(path) if path.suffix == ".parquet" else _json_lines(path)


def _json_lines(path: Path) -> Iterator[Mapping[str, Any]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                yield msgspec.structs.asdict(_DECODER.decode(line))
            except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
                raise ScanFileError(f"{path}, line {number}: not a scanned image: {error}") from None


def _parquet(path: Path) -> Iterator[Mapping[str, Any]]:
    with extra("arrow", "pyarrow"):
        parquet: Any = import_module("pyarrow.parquet")
        arrow: Any = import_module("pyarrow")
    try:
        file = parquet.ParquetFile(path)
    except arrow.ArrowInvalid as error:
        raise ScanFileError(f"{path}: not a Parquet file: {error}") from None
    missing = sorted({*_NEEDED} - {*file.schema_arrow.names})
    if missing:
        raise ScanFileError(
            f"{path}: not a scan's file: it has no column {missing[0]}, of {', '.join(NAMES)}"
        )
    with file:
        for batch in file.iter_batches(columns=list(_NEEDED)):
            for row in batch.to_pylist():
                row["findings"] = None if row["findings"] is None else dict(row["findings"])
                yield row
