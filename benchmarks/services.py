"""One scan of many services: 10,000 of them in one process, beside 10 with as many repositories.

``python benchmarks/services.py`` takes about three minutes: both scans take turns, and the table has the
medians. The server costs next to nothing and has no limit,
so what is measured is what the scan itself costs: memory, event-loop blocks, and how soon the first result is
there.
"""

from __future__ import annotations

import argparse
import sys
from statistics import median

from environments import OURS, prepare, versions
from harness import Numbers, measure, server
from report import machine, table, write_section

SERVICES = 10_000
REPOSITORIES = 5
"""Repositories of each service."""
FEW = 10
"""Services to compare with, which have as many repositories together."""
IMAGES = 10
CONNECTIONS = 100

PEAK = 150 * 2**20
BLOCK = 0.010
FIRST = 1.0
SHARE = 0.9


def scanned(services: int, repositories: int) -> Numbers:
    """One scan in a fresh process."""
    with server("--repositories", repositories, "--images", IMAGES) as endpoint:
        return measure(
            OURS,
            "many_services",
            endpoint,
            connections=CONNECTIONS,
            services=services,
            repositories=repositories,
        )


def calls_a_second(numbers: Numbers) -> float:
    """The throughput of a scan."""
    return numbers["calls"] / numbers["wall"]


def medians(turns: list[Numbers]) -> Numbers:
    """Of each number the median of the turns."""
    return {name: median(turn[name] for turn in turns) for name in turns[0]}


def main() -> None:
    """Measure both, and say what was promised."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--services", type=int, default=SERVICES)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    prepare(OURS)
    turns: dict[int, list[Numbers]] = {FEW: [], options.services: []}
    for number in range(options.turns):
        print(f"turn {number + 1} of {options.turns}", file=sys.stderr)
        for services, found in turns.items():
            found.append(scanned(services, options.services * REPOSITORIES // services))
    few, many = map(medians, turns.values())
    share = median(calls_a_second(b) / calls_a_second(a) for a, b in zip(*turns.values(), strict=True))
    rows = [
        ["services", f"{FEW:,}", f"{options.services:,}", ""],
        ["calls a second", *(f"{calls_a_second(each):,.0f}" for each in (few, many)), f"{share:.0%}"],
        ["time", f"{few['wall']:.1f} s", f"{many['wall']:.1f} s", ""],
        ["CPU a call", *(f"{each['cpu'] / each['calls'] * 1e6:,.0f} µs" for each in (few, many)), ""],
        ["first result", f"{few['first']:.3f} s", f"{many['first']:.3f} s", ""],
        ["longest block", f"{few['block'] * 1e3:.1f} ms", f"{many['block'] * 1e3:.1f} ms", ""],
        ["peak memory", f"{few['peak'] / 2**20:.1f} MiB", f"{many['peak'] / 2**20:.1f} MiB", ""],
    ]
    promises = {
        "peak under 150 MiB": many["peak"] < PEAK,
        "longest block under 10 ms": many["block"] < BLOCK,
        "first result within 1 s": many["first"] < FIRST,
        "within 10 % of the throughput of few": share >= SHARE,
    }
    text = "\n\n".join(
        [
            table(["", "few", "many", "many of few"], rows),
            "\n".join(f"- {what}: {'yes' if kept else '**no**'}" for what, kept in promises.items()),
            f"Medians of {options.turns} turns. {machine()}.",
            f"- {versions(OURS)}",
        ]
    )
    print(text)
    if options.services == SERVICES:
        write_section("services.py", text)


if __name__ == "__main__":
    main()
