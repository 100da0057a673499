"""`python -m tests.fuzz`: every target for a while, on all cores, and a table of what came of it."""

import argparse
import os
import random
import sys
import time
import traceback
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from tests.fuzz.target import BrokenPromiseError, run
from tests.fuzz.targets import TARGETS


def fuzz(number: int, seed: int, seconds: float) -> tuple[Counter[str], str]:
    """Run one target; return its outcomes, and the report of what went wrong, if anything did."""
    try:
        return run(TARGETS[number], seed=seed, seconds=seconds), ""
    except BrokenPromiseError as broken:
        return Counter(), f"kept as {broken.kept}\n{''.join(traceback.format_exception(broken))}"


def main() -> int:
    """Fuzz; the exit code is 1 if a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=180, help="for all targets together")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--only", default="", help="targets whose names begin so")
    options = parser.parse_args()
    chosen = [number for number, target in enumerate(TARGETS) if target.name.startswith(options.only)]
    workers = os.cpu_count() or 1
    share = options.seconds * workers / len(chosen)
    started = time.monotonic()
    with ProcessPoolExecutor(workers) as pool:
        results = list(pool.map(fuzz, chosen, [options.seed] * len(chosen), [share] * len(chosen)))
    total: Counter[str] = Counter()
    print(f"| target | inputs | outcomes (seed {options.seed}) |\n| --- | ---: | --- |")
    for number, (outcomes, report) in zip(chosen, results, strict=True):
        total += outcomes
        shown = ", ".join(f"{count:,} {name}" for name, count in outcomes.most_common())
        print(f"| {TARGETS[number].name} | {outcomes.total():,} | {shown or 'BROKEN'} |")
        if report:
            print(report, file=sys.stderr)
    shown = ", ".join(f"{count:,} {name}" for name, count in total.most_common())
    print(f"| all, in {time.monotonic() - started:.0f} s | {total.total():,} | {shown} |")
    return 1 if any(report for _, report in results) else 0


if __name__ == "__main__":
    sys.exit(main())
