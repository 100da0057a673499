"""How cost grows: with the images in a page, with the calls in flight, with the repositories of a scan.

``python benchmarks/growth.py`` measures and writes ``benchmarks/growth.json`` and the chart
``benchmarks/growth.png``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import TYPE_CHECKING

from cases import page_case, scan_case, take_turns
from environments import HERE, PEERS, Peer, install, prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cases import Case

CONCURRENCY = 20
SCANNED_IMAGES = 10
"""Images of a repository where the repositories grow: small pages, so that the cost of a call shows."""
calls = partial(page_case, seconds=0.1, turns=3)


@dataclass(frozen=True)
class Axis:
    """One thing that grows: its points, the case of each, and whether its cost is shared by as many."""

    title: str
    unit: str
    points: tuple[int, ...]
    case: Callable[[int], Case]
    shared: bool = False


AXES = (
    Axis(
        "images in a page (20 calls in flight)",
        "call",
        (1, 3, 10, 30, 100, 300, 1000),
        lambda size: calls(size, in_flight=CONCURRENCY),
    ),
    Axis(
        "calls in flight (pages of 1 image)",
        "call",
        (1, 4, 16, 64, 128, 256, 512),
        lambda count: calls(1, in_flight=count),
    ),
    Axis(
        "repositories in a scan (10 images each)",
        "repository",
        (1, 10, 100, 1000, 5000),
        lambda count: scan_case("scan", "scan", count, concurrency=CONCURRENCY, images=SCANNED_IMAGES),
        shared=True,
    ),
)


def curve(axis: Axis, peers: Sequence[Peer], rounds: int) -> dict[str, object]:
    """The medians of all points of all clients along one axis, in seconds of CPU time."""
    costs: dict[Peer, list[list[float]]] = {peer: [[] for _ in axis.points] for peer in peers}
    for number in range(rounds):
        for index, point in enumerate(axis.points):
            print(f"round {number + 1} of {rounds}: {point} {axis.title}", file=sys.stderr)
            for peer, found in take_turns(axis.case(point), peers).items():
                costs[peer][index] += [each["cpu"] / (point if axis.shared else 1) for each in found]
    return {
        "title": axis.title,
        "unit": axis.unit,
        "points": axis.points,
        "curves": {peer.title: [median(samples) for samples in points] for peer, points in costs.items()},
    }


def main() -> None:
    """Prepare, measure, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", nargs="+", choices=[peer.module for peer in PEERS])
    options = parser.parse_args()
    peers = [peer for peer in PEERS if options.clients is None or peer.module in options.clients]
    for peer in peers:
        prepare(peer)
    data = HERE / "growth.json"
    curves = [curve(axis, peers, options.rounds) for axis in AXES]
    data.write_text(json.dumps(curves, indent=1, ensure_ascii=False) + "\n")
    python = install("chart", ("matplotlib",))
    subprocess.run([python, HERE / "chart.py", data, HERE / "growth.png"], check=True)


if __name__ == "__main__":
    main()
