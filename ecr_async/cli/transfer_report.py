"""Output of a transfer: a bar for each layer while it runs, and a line at its end."""

import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import typer
from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn

from ecr_async.transfer.progress import Progress as ReportsProgress
from ecr_async.transfer.results import MovedImage

__all__ = ["layer_progress", "print_moved", "to_json"]

DIGEST_CHARACTERS = 12


@contextmanager
def layer_progress() -> Generator[ReportsProgress, None, None]:
    """Show a bar for each layer on standard error, if that is a terminal; nothing stays there."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=32),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:

        def update(digest: str, done: int, total: int, /) -> None:
            if digest not in tasks:
                name = digest.partition(":")[2][:DIGEST_CHARACTERS]
                tasks[digest] = bars.add_task(name, total=total, completed=done)
            bars.update(tasks[digest], completed=done, visible=done < total)

        yield update


def print_moved(verb: str, moved: MovedImage, where: str, *, as_json: bool) -> None:
    """Print what became of an image: a line for people, or one of JSON."""
    if as_json:
        typer.echo(to_json(attrs.asdict(moved)))
        return
    amount = f"{moved.blobs_moved} of {moved.blobs} layers, {decimal(moved.bytes_moved)}"
    typer.echo(f"{verb} {where} {moved.digest} ({amount})")


def to_json(document: Mapping[str, Any]) -> str:
    """Return a result as a line of JSON; a path is its text, an error its kind and message."""

    def written(value: Any) -> Any:
        if isinstance(value, Exception):
            return {"type": type(value).__name__, "message": str(value)}
        if isinstance(value, Path):
            return str(value)
        raise TypeError(f"{type(value).__name__} has no place in the output")

    return json.dumps(document, default=written)
