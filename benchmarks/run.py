"""ecr-async beside its peers: every client in a process and a virtual environment of its own, in interleaved
rounds.

``python benchmarks/run.py`` builds the environments, measures, prints the tables, writes its section of
``benchmarks/results.md`` and the README's table. ``--quick``, ``--only`` and ``--clients`` measure less and
write nothing.
"""

from __future__ import annotations

import argparse
import sys

from cases import Case, ColdStarts, again_case, lag_case, page_case, scan_case, take_turns
from environments import AIOBOTOCORE, CAPO, PEERS, ROOT, prepare, versions
from report import Rounds, Row, machine, main_table, short_table, spread_table, write_between, write_section

IN_FLIGHT = 20
MARKS = ("<!-- written by benchmarks/run.py -->", "<!-- up to here -->")


def cases(*, quick: bool) -> list[Case | ColdStarts]:
    """Everything, or the same with less patience."""
    repositories = 40 if quick else 200
    turns = 3 if quick else 8
    pages = [page_case(size, in_flight=IN_FLIGHT, seconds=0.15, turns=turns) for size in (1, 100, 1000)]
    return [
        *pages,
        ColdStarts("cold", "cold", turns=3 if quick else 5),
        again_case(turns=turns),
        scan_case("scan", "scan", repositories, concurrency=IN_FLIGHT),
        lag_case("lag-one", 20, concurrency=1),
        lag_case("lag-many", 20 if quick else 60, concurrency=IN_FLIGHT),
        scan_case("kept", "memory", repositories, concurrency=IN_FLIGHT, keep=True),
    ]


ROWS = (
    Row(
        "smallest call (page of 1), CPU",
        "page-1",
        "cpu",
        {CAPO: 4, AIOBOTOCORE: 5.8},
        1.2,
        short="smallest call, CPU",
    ),
    Row(
        "page of 100 images, CPU",
        "page-100",
        "cpu",
        {CAPO: 5.5, AIOBOTOCORE: 22},
        1.35,
        short="page of 100 images, CPU",
    ),
    Row(
        "page of 1,000 images, CPU",
        "page-1000",
        "cpu",
        {CAPO: 4.5, AIOBOTOCORE: 20},
        1.2,
        short="page of 1,000 images, CPU",
    ),
    Row(
        "cold start: a whole process with one call", "cold", "process", {CAPO: 1 / 1.25, AIOBOTOCORE: 2}, 1.15
    ),
    Row("another client and one call in a warm process", "again", "wall", {CAPO: 1 / 2.5}, limit=0.003),
    Row(
        "bulk scan, 200 repositories × 1,000 images, CPU",
        "scan",
        "cpu",
        {CAPO: 4.5, AIOBOTOCORE: 20},
        1.2,
        short="scan of 200 repositories × 1,000 images, CPU",
    ),
    Row("bulk scan, wall time", "scan", "wall", short="the same scan, wall time"),
    Row(
        "longest event-loop block, scan of pages of 1,000",
        "lag-many",
        "wall",
        {CAPO: 10, AIOBOTOCORE: 100},
        limit=0.005,
        short="longest event-loop block in such a scan",
    ),
    Row(
        "resident memory after that bulk scan",
        "scan",
        "resident",
        {CAPO: 1, AIOBOTOCORE: 1},
        short="resident memory after the scan",
    ),
    Row(
        "resident memory with all 200,000 images kept",
        "kept",
        "resident",
        {CAPO: 1, AIOBOTOCORE: 1},
        short="resident memory with all images kept",
    ),
)
MORE_ROWS = (
    Row("page of 1, wall time a call", "page-1", "wall"),
    Row("page of 100, wall time a call", "page-100", "wall"),
    Row("page of 1,000, wall time a call", "page-1000", "wall"),
    Row("cold start: import, client, first call", "cold", "wall"),
    Row("cold start, CPU with the interpreter's own start", "cold", "cpu"),
    Row("bulk scan, peak memory", "scan", "peak"),
    Row("longest event-loop block, one page of 1,000 at a time", "lag-one", "wall"),
    Row("longest event-loop block in a scan, CPU of the loop's thread", "lag-many", "cpu"),
)


def main() -> None:
    """Prepare, measure, report."""
    everything = cases(quick=False)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, help="default 3, or 1 with --quick")
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
    count = options.rounds or (1 if options.quick else 3)
    for number in range(count):
        shift = number % len(peers)
        for case in chosen:
            print(f"round {number + 1} of {count}: {case.name}", file=sys.stderr)
            for peer, found in take_turns(case, peers[shift:] + peers[:shift]).items():
                rounds.setdefault((case.name, peer), []).extend(found)
    text = "\n\n".join(
        [
            main_table(rounds, ROWS),
            "Beside it, without targets:",
            main_table(rounds, MORE_ROWS),
            "Half of the ratios lie between:",
            spread_table(rounds, ROWS),
            f"Medians of {count} interleaved rounds, ratios taken within each turn. {machine()}.",
            "\n".join(f"- {versions(peer)}" for peer in peers),
        ]
    )
    print(text)
    if not (options.quick or options.only or options.clients):
        write_section("run.py", text)
        write_between(ROOT / "README.md", *MARKS, short_table(rounds, ROWS))


if __name__ == "__main__":
    main()
