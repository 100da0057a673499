"""A scan's figures as tables for a terminal; needs the extra `cli`."""

from __future__ import annotations

from datetime import UTC, datetime

from ecr_async._optional import extra
from ecr_async.report.ages import age

with extra("cli", "rich"):
    from rich.console import Group, RenderableType
    from rich.filesize import decimal
    from rich.table import Table
    from rich.text import Text

from ecr_async._bulk.images import ScanSummary
from ecr_async.report.totals import Figures, Totals

__all__ = ["bar", "plain_table", "scan_tables"]

ROWS = 10
BAR_CELLS = 12


def scan_tables(
    totals: Totals, summary: ScanSummary | None = None, *, now: datetime | None = None
) -> RenderableType:
    """Return the largest repositories, the registries where there are several, and the sum of everything.

    With a scan's summary, what the scan took as well.
    """
    now = now or datetime.now(UTC)
    parts: list[RenderableType] = []
    if largest := totals.largest(ROWS):
        parts += [_figures("Largest repositories", largest, now), ""]
    registries = totals.registries()
    if len(registries) > 1:
        parts += [_figures("Registries", registries, now), ""]
    return Group(*parts, _sum(totals.total(), summary))


def plain_table() -> Table:
    """Return a table without lines."""
    return Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")


def bar(share: float, cells: int = BAR_CELLS) -> str:
    """Return a bar that is filled to a share from 0 to 1, in eighths of a cell."""
    eighths = round(share * cells * 8)
    return ("█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8]).rstrip()


def _figures(title: str, rows: list[Figures], now: datetime) -> Table:
    has_failures = any(row.failures for row in rows)
    has_registries = len({row.registry for row in rows if row.registry != row.name}) > 1
    table = plain_table()
    table.add_column(title, no_wrap=True, overflow="ellipsis")
    if has_registries:
        table.add_column("Registry", style="dim")
    for heading in ("Images", "Untagged", "Oldest", "Size"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", style="cyan", min_width=BAR_CELLS)
    if has_failures:
        table.add_column("Failures", justify="right", style="red")
    for row in rows:
        table.add_row(
            row.name,
            *([row.registry] if has_registries else []),
            f"{row.images:,}",
            f"{row.untagged_share:.0%}",
            age(row.oldest, now),
            decimal(row.bytes),
            bar(row.bytes / (rows[0].bytes or 1)),
            *([f"{row.failures:,}" if row.failures else ""] if has_failures else []),
        )
    return table


def _sum(total: Figures, summary: ScanSummary | None) -> Table:
    lines = Table.grid(padding=(0, 2, 0, 0))
    lines.add_column(style="dim")
    lines.add_column()
    lines.add_row("Repositories", f"{total.repositories:,}" if summary is None else _outcomes(summary))
    lines.add_row("Images", f"{total.images:,} in {decimal(total.bytes)}")
    lines.add_row(
        "Untagged",
        f"{total.untagged:,} in {decimal(total.untagged_bytes)}: {total.untagged_share:.0%} of the images",
    )
    if total.oldest is not None:
        lines.add_row("Oldest", f"pushed {total.oldest:%Y-%m-%d}")
    if total.findings:
        lines.add_row("Findings", ", ".join(f"{count:,} {name}" for name, count in total.findings.items()))
    if summary is not None:
        seconds = summary.seconds or 1e-9
        lines.add_row(
            "Calls", f"{summary.calls:,}; {summary.throttles:,} throttled, {summary.retries:,} repeated"
        )
        lines.add_row(
            "Took",
            f"{summary.seconds:.1f} s; {summary.calls / seconds:,.0f} calls/s, "
            f"{summary.images / seconds:,.0f} images/s",
        )
    return lines


def _outcomes(summary: ScanSummary) -> Text:
    outcomes = Text()
    for count, what, style in (
        (summary.scanned, "scanned", ""),
        (summary.done_before, "done before", ""),
        (summary.vanished, "vanished", "yellow"),
        (summary.failed, "failed", "red"),
        (summary.failed_listings, "could not be listed", "red"),
    ):
        if count or what == "scanned":
            outcomes.append(", " if outcomes else "").append(f"{count:,} {what}", style)
    return outcomes
