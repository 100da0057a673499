"""From measurements to Markdown: medians, ratios taken within each turn, targets."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import median, quantiles
from typing import TYPE_CHECKING

from environments import AIOBOTOCORE, CAPO, FLOOR, HERE, OURS, PEERS, Peer
from harness import Numbers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

RIVALS = (CAPO, AIOBOTOCORE)
"""The peers that targets are set against."""
AHEAD = [f"ahead of {peer.title}" for peer in RIVALS]

Rounds = dict[tuple[str, Peer], list[Numbers]]
"""What was measured, by case and client: one entry a turn, in the same order for every client."""


@dataclass(frozen=True)
class Row:
    """One line of the table: a number that a case gives, and the targets for it."""

    title: str
    case: str
    number: str
    ahead: Mapping[Peer, float] = field(default_factory=dict[Peer, float])
    """At least so many times less than each of these peers'."""
    factor: float | None = None
    """At most so many times the floor's."""
    limit: float | None = None
    """At most so much, in the number's own unit."""
    short: str = ""
    """The title where there is less room."""


def quantity(number: str, value: float) -> str:
    """A number with its unit: memory in MiB, everything else is time."""
    if number in {"resident", "growth", "peak"}:
        return f"{value / 2**20:.1f} MiB"
    if value < 0.001:
        return f"{value * 1e6:.0f} µs"
    if value < 1:
        return f"{value * 1e3:.3g} ms"
    return f"{value:.2f} s"


def values(rounds: Rounds, row: Row, peer: Peer) -> list[float]:
    """A client's numbers for a row, one a turn."""
    return [numbers[row.number] for numbers in rounds.get((row.case, peer), [])]


def ratios(rounds: Rounds, row: Row, above: Peer, below: Peer) -> list[float]:
    """The ratios of two clients' numbers, each taken within one turn."""
    return [a / b for a, b in zip(values(rounds, row, above), values(rounds, row, below), strict=False) if b]


def verdict(rounds: Rounds, row: Row) -> str:
    """Whether the row meets all of its targets; empty where there is no target or no measurement."""
    targets = [
        *((ratios(rounds, row, peer, OURS), target, 1) for peer, target in row.ahead.items()),
        (ratios(rounds, row, OURS, FLOOR), row.factor, -1),
        (values(rounds, row, OURS), row.limit, -1),
    ]
    held = [
        sign * median(found) >= sign * target
        for found, target, sign in targets
        if found and target is not None
    ]
    if not held:
        return ""
    return "yes" if all(held) else "**no**"


def times(found: Sequence[float]) -> str:
    """The median of ratios as ``4.9 ×``."""
    return f"{median(found):.3g} ×" if found else "–"


def targets(row: Row) -> tuple[str, str]:
    """The targets: ahead of capo-ecr and aiobotocore, and near the floor."""
    ahead = [f"{target:g} ×" if (target := row.ahead.get(peer)) else "–" for peer in RIVALS]
    near = [f"{row.factor:g} ×"] if row.factor else []
    near += [f"under {quantity(row.number, row.limit)}"] if row.limit else []
    return ", ".join(ahead), ", ".join(near) or "–"


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    shown = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in shown)


def main_table(rounds: Rounds, rows: Sequence[Row]) -> str:
    """Every row beside its targets."""
    lines = []
    for row in rows:
        numbers = [values(rounds, row, peer) for peer in PEERS]
        if not any(numbers):
            continue
        ahead_target, near_target = targets(row)
        lines.append(
            [
                row.title,
                *(quantity(row.number, median(found)) if found else "–" for found in numbers),
                *(times(ratios(rounds, row, peer, OURS)) for peer in RIVALS),
                ahead_target,
                times(ratios(rounds, row, OURS, FLOOR)),
                near_target,
                verdict(rounds, row),
            ]
        )
    head = ["", *(peer.title for peer in PEERS)]
    return table([*head, *AHEAD, "targets", "of the floor", "target", "met"], lines)


def short_table(rounds: Rounds, rows: Sequence[Row]) -> str:
    """Every row without its targets, as the README shows it."""
    lines = [
        [
            row.short or row.title,
            *(quantity(row.number, median(values(rounds, row, peer))) for peer in PEERS),
            *(times(ratios(rounds, row, peer, OURS)) for peer in RIVALS),
            times(ratios(rounds, row, OURS, FLOOR)),
        ]
        for row in rows
    ]
    return table(["", *(peer.title for peer in PEERS), *AHEAD, "of the floor"], lines)


def write_section(name: str, text: str) -> None:
    """Put what one program found into its section of ``results.md``; the others stay."""
    path = HERE / "results.md"
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    if begin not in path.read_text():
        raise SystemExit(f"{path} has no line {begin}")
    write_between(path, begin, end, text)


def write_between(path: Path, begin: str, end: str, text: str) -> None:
    """Put a text in a file, in place of what stands between two lines."""
    before, _, rest = path.read_text().partition(f"{begin}\n")
    _, _, after = rest.partition(end)
    path.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}")


def spread_table(rounds: Rounds, rows: Sequence[Row]) -> str:
    """How far the turns lie apart: the quartiles of each row's ratios."""
    lines = []
    for row in rows:
        pairs = (*(ratios(rounds, row, peer, OURS) for peer in RIVALS), ratios(rounds, row, OURS, FLOOR))
        if any(pairs):
            lines.append([row.title, *map(middle_half, pairs)])
    return table(["", *AHEAD, "of the floor"], lines)


def middle_half(found: Sequence[float]) -> str:
    """Between which two numbers half of them lie."""
    if len(found) < 2:
        return "–"
    low, _, high = quantiles(found, n=4, method="inclusive")
    return f"{low:.3g} to {high:.3g} ×"


def machine() -> str:
    """Where and when it was measured."""
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in open_lines("/proc/cpuinfo")
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {platform.system()}, "
        f"{os.cpu_count()} cores ({model})"
    )


def open_lines(path: str) -> list[str]:
    """The lines of a file, none where it doesn't exist."""
    try:
        with open(path) as file:
            return file.readlines()
    except FileNotFoundError:
        return []
