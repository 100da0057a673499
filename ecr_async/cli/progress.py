"""Progress bars on standard error."""

from collections.abc import Callable, Generator
from contextlib import contextmanager

from rich.console import Console
from rich.filesize import decimal
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from ecr_async._bulk.images import ScanSummary

__all__ = ["progress_bar", "scan_progress"]


def progress_bar(console: Console) -> Progress:
    """Return a progress bar that disappears at the end, and is shown on a terminal only."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=32),
        MofNCompleteColumn(),
        TextColumn("[dim]{task.fields[note]}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


@contextmanager
def scan_progress(console: Console) -> Generator[Callable[[ScanSummary], None], None, None]:
    """Show a bar of repositories; what is given takes a summary and moves it."""
    with progress_bar(console) as progress:
        task = progress.add_task("Scanning", total=None, note="")

        def update(summary: ScanSummary) -> None:
            done = summary.scanned + summary.failed + summary.vanished + summary.done_before
            note = f"{summary.images:,} images, {decimal(summary.bytes)}"
            progress.update(task, total=summary.repositories, completed=done, note=note)

        yield update
