"""How cost grows: with the images in a page, with the calls in flight, with the repositories of a scan.

``python benchmarks/growth.py`` measures and writes ``benchmarks/growth.json`` and the chart ``benchmarks/growth.png``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from environments import HERE, PEERS, Peer, install, prepare
from harness import measure, server

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SECONDS = 0.5
"""CPU time for one point where calls are repeated."""
SCANNED_IMAGES = 10
"""Images of a repository where the repositories grow: small pages, so that the cost of a call shows."""
CONCURRENCY = 20


@dataclass(frozen=True)
class Axis:
    """One thing that grows, and how a point is measured: ``run`` gives CPU seconds for one of the ``unit``."""

    title: str
    unit: str
    points: tuple[int, ...]
    serve: Callable[[int], Sequence[object]]
    run: Callable[[Peer, str, int], float]


def page_of(peer: Peer, endpoint: str, size: int) -> float:
    """CPU time of a call for a page of that size."""
    return calls(peer, endpoint, size=size, in_flight=CONCURRENCY)


def in_flight(peer: Peer, endpoint: str, count: int) -> float:
    """CPU time of the smallest call with so many in flight."""
    return calls(peer, endpoint, size=1, in_flight=count)


def calls(peer: Peer, endpoint: str, *, size: int, in_flight: int) -> float:
    """CPU time of a call."""
    return measure(
        peer,
        "pages",
        endpoint,
        connections=in_flight,
        size=size,
        in_flight=in_flight,
        seconds=SECONDS,
        at_least=2 * in_flight,
    )["cpu"]


def scan_of(peer: Peer, endpoint: str, repositories: int) -> float:
    """CPU time of a scan, for one repository of it."""
    found = measure(
        peer,
        "scan",
        endpoint,
        connections=CONCURRENCY,
        concurrency=CONCURRENCY,
        repositories=repositories,
        images=SCANNED_IMAGES,
    )
    return found["cpu"] / repositories


AXES = (
    Axis(
        "images in a page (20 calls in flight)",
        "call",
        (1, 3, 10, 30, 100, 300, 1000),
        lambda size: ("--images", size),
        page_of,
    ),
    Axis(
        "calls in flight (pages of 1 image)",
        "call",
        (1, 4, 16, 64, 128, 256, 512),
        lambda _: ("--images", 1),
        in_flight,
    ),
    Axis(
        "repositories in a scan (10 images each)",
        "repository",
        (1, 10, 100, 1000, 5000),
        lambda count: ("--repositories", count, "--images", SCANNED_IMAGES),
        scan_of,
    ),
)


def curve(axis: Axis, peers: Sequence[Peer], rounds: int) -> dict[str, object]:
    """The medians of all points of all clients along one axis."""
    found: dict[Peer, list[list[float]]] = {peer: [[] for _ in axis.points] for peer in peers}
    for number in range(rounds):
        for index, point in enumerate(axis.points):
            print(f"round {number + 1} of {rounds}: {point} {axis.title}", file=sys.stderr)
            with server(*axis.serve(point)) as endpoint:
                for peer in peers:
                    found[peer][index].append(axis.run(peer, endpoint, point))
    return {
        "title": axis.title,
        "unit": axis.unit,
        "points": axis.points,
        "curves": {peer.title: [median(samples) for samples in points] for peer, points in found.items()},
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
