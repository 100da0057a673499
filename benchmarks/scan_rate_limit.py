"""Bulk scans under ECR's rate limits, beside aiobotocore, and a scan of a million images in flat memory.

``python benchmarks/scan_rate_limit.py`` runs everything, in about six minutes, most of them spent waiting for
the limit, and writes its section of ``results.md`` and a table of the README. The server admits 50 calls a
second with a burst of 50; 1,000 repositories of one page each are scanned, with 50 at a time. With ``--only``
a part is run, and nothing written.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from itertools import pairwise

from environments import AIOBOTOCORE, OURS, ROOT, Peer, prepare, versions
from harness import Numbers, measure, server, statistics
from report import machine, table, write_between, write_section

REPOSITORIES = 1000
IMAGES = 10
"""Images of a repository in the scans under a limit: one page, so one call."""
CONCURRENCY = 50
BURST = 50
CALLS = REPOSITORIES + 1
"""What a scan needs: one page of each repository, and one page of repositories."""

MILLION = 1000
"""Images of a repository in the scan of a million."""
SETTLED_AFTER = 50_000
"""Images after which memory must not grow any more."""
LOOK_EVERY = 10_000
GROWTH = 5 * 2**20
PEAK = 60 * 2**20


@dataclass(frozen=True)
class Contender:
    """A client with its retry mode."""

    title: str
    peer: Peer
    retries: str | None = None


CONTENDERS = (
    Contender("aiobotocore, default retries", AIOBOTOCORE),
    Contender("aiobotocore, standard retries", AIOBOTOCORE, "standard"),
    Contender("aiobotocore, adaptive retries", AIOBOTOCORE, "adaptive"),
    Contender("ecr-async, defaults", OURS),
)


@dataclass(frozen=True)
class Limit:
    """How the server limits: (second, calls a second from then on), and what another client takes of it."""

    title: str
    rates: tuple[tuple[float, float], ...]
    rival: float = 0.0

    def options(self) -> list[object]:
        """The server's options."""
        (_, rate), *changes = self.rates
        changed = [f"--change={at}:{to}" for at, to in changes]
        return ["--rate", rate, "--burst", BURST, "--rival", self.rival, *changed]

    def ideal(self) -> float:
        """Seconds for all calls if not one token of the bucket were left unused or taken by the rival beyond
        its rate.
        """
        needed = CALLS - BURST
        for (start, rate), (stop, _) in pairwise([*self.rates, (float("inf"), 0.0)]):
            share = rate - self.rival
            if needed <= share * (stop - start):
                return start + needed / share
            needed -= share * (stop - start)
        raise AssertionError("the last rate lasts forever")


LIMITS = {
    "steady": Limit("50 a second", ((0, 50),)),
    "changing": Limit("50 a second, 20 from second 6 to 14, 50 again", ((0, 50), (6, 20), (14, 50))),
    "rival": Limit("50 a second, another client takes 25", ((0, 50),), rival=25),
}


def limited(limit: Limit, contender: Contender) -> list[str]:
    """One scan under one limit, as a line of the table."""
    with server("--repositories", REPOSITORIES, "--images", IMAGES, *limit.options()) as endpoint:
        numbers = measure(
            contender.peer,
            "lossy_scan",
            endpoint,
            connections=CONCURRENCY,
            retries=contender.retries,
            concurrency=CONCURRENCY,
            repositories=REPOSITORIES,
        )
        served = statistics(endpoint)
    return [
        contender.title,
        f"{numbers['wall']:.1f} s",
        f"{limit.ideal():.1f} s",
        "–" if numbers["lost"] else f"{limit.ideal() / numbers['wall']:.0%}",
        f"{numbers['lost']:,.0f}",
        f"{numbers['images']:,.0f}",
        f"{served['calls']:,.0f}",
        f"{served['throttled'] / served['calls']:.1%}",
    ]


MARKS = ("<!-- written by benchmarks/scan_rate_limit.py -->", "<!-- up to there -->")
HEAD = ("", "time", "ideal", "of the ideal rate", "repositories lost", "images", "calls", "throttled")


def all_limited(limit: Limit) -> list[list[str]]:
    """A line for each contender."""
    lines = []
    for contender in CONTENDERS:
        print(f"{limit.title}: {contender.title}", file=sys.stderr)
        lines.append(limited(limit, contender))
    return lines


def short_table(lines: list[list[str]]) -> str:
    """Some columns, and ecr-async first, as the README shows it."""
    shown = [HEAD.index(column) for column in ("", "time", "repositories lost", "throttled")]
    return table(
        ["", "time", "repositories lost", "calls throttled"],
        [[line[column] for column in shown] for line in (lines[-1], *lines[:-1])],
    )


def limit_table(limit: Limit, lines: list[list[str]]) -> str:
    """All contenders under one limit."""
    return f"Limit: {limit.title}, burst {BURST}.\n\n{table(HEAD, lines)}"


def million_table() -> str:
    """A scan of 1,000 × 1,000 images without a limit; only ecr-async, the others would take minutes."""
    print("a million images: ecr-async", file=sys.stderr)
    with server("--repositories", REPOSITORIES, "--images", MILLION) as endpoint:
        found: Numbers = measure(
            OURS,
            "flat_memory",
            endpoint,
            connections=CONCURRENCY,
            concurrency=CONCURRENCY,
            settle=SETTLED_AFTER,
            every=LOOK_EVERY,
        )
    line = [
        OURS.title,
        f"{found['images']:,.0f}",
        f"{found['lost']:,.0f}",
        f"{found['wall']:.1f} s",
        f"{found['images'] / found['wall']:,.0f}",
        f"{found['settled'] / 2**20:.1f} MiB",
        f"{found['growth'] / 2**20:.1f} MiB",
        f"{found['peak'] / 2**20:.1f} MiB",
        "yes" if found["growth"] < GROWTH and found["peak"] < PEAK and not found["lost"] else "**no**",
    ]
    head = ["", "images", "repositories lost", "time", "images a second", f"memory after {SETTLED_AFTER:,}"]
    return "A million images, no limit.\n\n" + table(
        [*head, "growth from there", "peak", "under 5 and 60 MiB"], [line]
    )


def main() -> None:
    """Prepare, measure, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=[*LIMITS, "million"])
    options = parser.parse_args()
    chosen = options.only or [*LIMITS, "million"]
    for peer in (AIOBOTOCORE, OURS):
        prepare(peer)
    found = {name: all_limited(limit) for name, limit in LIMITS.items() if name in chosen}
    parts = [limit_table(LIMITS[name], lines) for name, lines in found.items()]
    if "million" in chosen:
        parts.append(million_table())
    parts += [machine() + ".", "\n".join(f"- {versions(peer)}" for peer in (AIOBOTOCORE, OURS))]
    text = "\n\n".join(parts)
    print(text)
    if not options.only:
        write_section("scan_rate_limit.py", text)
        write_between(ROOT / "README.md", *MARKS, short_table(found["steady"]))


if __name__ == "__main__":
    main()
