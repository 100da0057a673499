"""ecr-async beside its peers: every client in a process and a virtual environment of its own, in interleaved rounds.

``python benchmarks/run.py`` builds the environments, measures, prints the table and writes ``benchmarks/results.md``.
``--quick``, ``--only`` and ``--clients`` measure less and write nothing.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from environments import HERE, PEERS, Peer, prepare, versions
from harness import Numbers, cold_start, measure, server
from report import Rounds, Row, machine, main_table, spread_table

if TYPE_CHECKING:
    from collections.abc import Callable

IN_FLIGHT = 20
COLD_STARTS = 5
"""Cold starts in one round, whose median counts: the file cache makes single ones jump."""


@dataclass(frozen=True)
class Case:
    """One thing that is measured for every client in every round."""

    name: str
    group: str
    serve: tuple[object, ...]
    run: Callable[[Peer, str], Numbers]


def page_case(size: int, seconds: float) -> Case:
    """Calls for pages of ``size`` images, as many in flight as the others have."""

    def run(peer: Peer, endpoint: str) -> Numbers:
        return measure(
            peer,
            "pages",
            endpoint,
            connections=IN_FLIGHT,
            size=size,
            in_flight=IN_FLIGHT,
            seconds=seconds,
            at_least=2 * IN_FLIGHT,
        )

    return Case(f"page-{size}", "pages", ("--images", size), run)


def scan_case(name: str, group: str, repositories: int, *, keep: bool) -> Case:
    """A scan of pages of 1,000, every image dropped at once or kept to the end."""

    def run(peer: Peer, endpoint: str) -> Numbers:
        return measure(
            peer,
            "scan",
            endpoint,
            connections=IN_FLIGHT,
            concurrency=IN_FLIGHT,
            repositories=repositories,
            images=1000,
            keep=keep,
        )

    return Case(name, group, ("--repositories", repositories), run)


def lag_case(name: str, concurrency: int, repositories: int) -> Case:
    """The event loop during a scan."""

    def run(peer: Peer, endpoint: str) -> Numbers:
        return measure(peer, "lag", endpoint, connections=concurrency, concurrency=concurrency)

    return Case(name, "lag", ("--repositories", repositories), run)


def cold_case(starts: int) -> Case:
    """Import, client, first call."""

    def run(peer: Peer, endpoint: str) -> Numbers:
        found = [cold_start(peer, endpoint) for _ in range(starts)]
        return {number: median(each[number] for each in found) for number in found[0]}

    return Case("cold", "cold", ("--images", 1), run)


def cases(*, quick: bool) -> list[Case]:
    """Everything, or the same with less patience."""
    repositories = 40 if quick else 200
    seconds = 0.3 if quick else 1.5
    return [
        page_case(1, seconds),
        page_case(100, seconds),
        page_case(1000, seconds),
        cold_case(3 if quick else COLD_STARTS),
        scan_case("scan", "scan", repositories, keep=False),
        lag_case("lag-one", 1, 20),
        lag_case("lag-many", IN_FLIGHT, 20 if quick else 60),
        scan_case("kept", "memory", repositories, keep=True),
    ]


ROWS = (
    Row("smallest call (page of 1), CPU", "page-1", "cpu", ahead=4.5, factor=1.3),
    Row("page of 100 images, CPU", "page-100", "cpu", ahead=12, factor=2.2),
    Row("page of 1,000 images, CPU", "page-1000", "cpu", ahead=12, factor=2.4),
    Row("cold start: import, client, first call", "cold", "wall", ahead=1.6, factor=1.25, boto3=True),
    Row("bulk scan, 200 repositories × 1,000 images, CPU", "scan", "cpu", ahead=10, factor=2.5),
    Row("longest event-loop block, scan of pages of 1,000", "lag-many", "wall", ahead=10, limit=0.010),
    Row("resident memory after that bulk scan", "scan", "resident", ahead=1),
)
MORE_ROWS = (
    Row("page of 1, wall time a call", "page-1", "wall"),
    Row("page of 100, wall time a call", "page-100", "wall"),
    Row("page of 1,000, wall time a call", "page-1000", "wall"),
    Row("cold start, CPU with the interpreter's own start", "cold", "cpu"),
    Row("bulk scan, wall time", "scan", "wall"),
    Row("bulk scan, peak memory", "scan", "peak"),
    Row("longest event-loop block, one page of 1,000 at a time", "lag-one", "wall"),
    Row("longest event-loop block in a scan, CPU of the loop's thread", "lag-many", "cpu"),
    Row("resident memory with all 200,000 images kept", "kept", "resident"),
)


def main() -> None:
    """Prepare, measure, report."""
    everything = cases(quick=False)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, help="default 5, or 1 with --quick")
    parser.add_argument("--quick", action="store_true", help="shorter measurements")
    parser.add_argument("--only", nargs="+", choices=sorted({case.group for case in everything}))
    parser.add_argument("--clients", nargs="+", choices=[peer.module for peer in PEERS])
    parser.add_argument("--fresh", action="store_true", help="build the environments anew")
    options = parser.parse_args()
    peers = [peer for peer in PEERS if options.clients is None or peer.module in options.clients]
    chosen = [
        case for case in cases(quick=options.quick) if options.only is None or case.group in options.only
    ]
    for peer in peers:
        prepare(peer, fresh=options.fresh)
    rounds: Rounds = {}
    count = options.rounds or (1 if options.quick else 5)
    for number in range(count):
        shift = number % len(peers)
        for case in chosen:
            print(f"round {number + 1} of {count}: {case.name}", file=sys.stderr)
            with server(*case.serve) as endpoint:
                for peer in peers[shift:] + peers[:shift]:
                    rounds.setdefault((case.name, peer), []).append(case.run(peer, endpoint))
    text = "\n\n".join(
        [
            main_table(rounds, ROWS),
            "Beside it, without targets:",
            main_table(rounds, MORE_ROWS),
            "How far the rounds lie apart:",
            spread_table(rounds, ROWS),
            f"Medians of {count} interleaved rounds, ratios taken within each round. {machine()}.",
            "\n".join(f"- {versions(peer)}" for peer in peers),
        ]
    )
    print(text)
    if not (options.quick or options.only or options.clients):
        (HERE / "results.md").write_text(f"# Results\n\n{text}\n")


if __name__ == "__main__":
    main()
