"""What people see of a scan: a bar while it runs, and tables at its end."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime

from rich.console import Console, Group, RenderableType
from rich.filesize import decimal
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from ecr_async._bulk.images import ScanSummary
from ecr_async.cli.totals import RepositoryTally, Tally

__all__ = ["age", "bar", "progress_bar", "report", "scan_progress"]

ROWS = 10
BAR_CELLS = 12


def progress_bar(console: Console) -> Progress:
    """Return a progress bar that leaves nothing behind, and is not shown where nobody looks."""
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


def report(tally: Tally, summary: ScanSummary, now: datetime | None = None) -> RenderableType:
    """Return the largest repositories as a table, and what the scan came to as a few lines."""
    return Group(_largest(tally, now or datetime.now(UTC)), "", _totals(tally.total(), summary))


def age(moment: datetime | None, now: datetime) -> str:
    """Return how long ago something was, as roughly as one would say it."""
    if moment is None:
        return "–"
    days = (now - moment).days
    if days < 1:
        return "today"
    if days < 60:
        return f"{days} d"
    return f"{days / 30.44:.0f} mo" if days < 2 * 365 else f"{days / 365.25:.1f} y"


def bar(share: float, cells: int = BAR_CELLS) -> str:
    """Return a bar that is filled to a share from 0 to 1, in eighths of a cell."""
    eighths = round(share * cells * 8)
    return ("█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8]).rstrip()


def _largest(tally: Tally, now: datetime) -> Table:
    rows = tally.largest(ROWS)
    several_origins = len({row.origin for row in rows}) > 1
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("Largest repositories", no_wrap=True, overflow="ellipsis")
    if several_origins:
        table.add_column("Registry", style="dim")
    for heading in ("Images", "Untagged", "Oldest", "Size"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", style="cyan", min_width=BAR_CELLS)
    for row in rows:
        table.add_row(
            row.name,
            *([row.origin] if several_origins else []),
            f"{row.images:,}",
            f"{row.untagged_share:.0%}",
            age(row.oldest, now),
            decimal(row.bytes),
            bar(row.bytes / (rows[0].bytes or 1)),
        )
    return table


def _totals(total: RepositoryTally, summary: ScanSummary) -> Table:
    lines = Table.grid(padding=(0, 2, 0, 0))
    lines.add_column(style="dim")
    lines.add_column()
    failures = Text()
    for count, what, style in (
        (summary.scanned, "scanned", ""),
        (summary.done_before, "done before", ""),
        (summary.vanished, "vanished", "yellow"),
        (summary.failed, "failed", "red"),
    ):
        if count or what == "scanned":
            failures.append(", " if failures else "").append(f"{count:,} {what}", style)
    seconds = summary.seconds or 1e-9
    lines.add_row("Repositories", failures)
    lines.add_row("Images", f"{total.images:,} in {decimal(total.bytes)}")
    lines.add_row(
        "Untagged",
        f"{total.untagged:,} in {decimal(total.untagged_bytes)}: {total.untagged_share:.0%} of the images",
    )
    if total.oldest is not None:
        lines.add_row("Oldest", f"pushed {total.oldest:%Y-%m-%d}")
    lines.add_row(
        "Calls", f"{summary.calls:,}; {summary.throttles:,} throttled, {summary.retries:,} repeated"
    )
    lines.add_row(
        "Took",
        f"{summary.seconds:.1f} s; {summary.calls / seconds:,.0f} calls/s, {summary.images / seconds:,.0f} images/s",
    )
    return lines
