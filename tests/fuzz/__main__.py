"""`make fuzz`: every target for a while, on all cores, and a table of what came of it.

Inputs are made and tried in batches, so that slow targets keep no core from work. A batch has a seed of its
own: `--seed 7 --only response` tries again what it tried.
"""

import argparse
import os
import random
import resource
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import attrs

from tests.fuzz.target import BrokenPromiseError, Target, run
from tests.fuzz.targets import TARGETS

MOST_SECONDS = 20.0
"""How long one input may take, on a machine that has other things to do."""

MOST_MEMORY = 3 * 2**30
"""Bytes of address space that a process may take."""

ROUNDS = 8
"""Batches of each target."""


@attrs.frozen
class Batch:
    """What came of some inputs of a target; `broken` says which of them broke a promise."""

    target: Target
    outcomes: Counter[str]
    seconds: float
    broken: str = ""


def fuzz(number: int, seed: str, seconds: float) -> tuple[Counter[str], float, str]:
    """Run one batch of a target; return its outcomes, the time it took and the report of what went wrong."""
    started = time.process_time()
    outcomes: Counter[str] = Counter()
    report = ""
    try:
        outcomes = run(TARGETS[number], seed=seed, seconds=seconds, most_seconds=MOST_SECONDS)
    except BrokenPromiseError as broken:
        report = "".join(traceback.format_exception(broken))
    return outcomes, time.process_time() - started, report


def batches(seed: int, seconds: float, processes: int, only: str) -> Iterator[Batch]:
    """Run all batches, and yield each as it is done, in the targets' order."""
    chosen = [number for number, target in enumerate(TARGETS) if target.name.startswith(only)] * ROUNDS
    shares = sum(TARGETS[number].share for number in chosen)
    seeds = [f"{seed}.{place * ROUNDS // len(chosen)}" for place in range(len(chosen))]
    lengths = [seconds * processes * TARGETS[number].share / shares for number in chosen]
    with ProcessPoolExecutor(processes, initializer=bound_memory) as pool:
        for number, result in zip(chosen, pool.map(fuzz, chosen, seeds, lengths), strict=True):
            yield Batch(TARGETS[number], *result)


def bound_memory() -> None:
    """Have an input that takes too much memory end in a `MemoryError`."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))


def row(name: str, done: list[Batch]) -> str:
    """Return a line of the table."""
    outcomes = sum((batch.outcomes for batch in done), Counter[str]())
    broken = sum(bool(batch.broken) for batch in done)
    shown = ", ".join(f"{count:,} {outcome}" for outcome, count in outcomes.most_common())
    rate = outcomes.total() / max(sum(batch.seconds for batch in done), 1e-9)
    return (
        f"| {name} | {outcomes.total():,} | {rate:,.0f} | {shown}{f', {broken} BROKEN' if broken else ''} |"
    )


def main() -> int:
    """Fuzz; the exit code is 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Feed mutated inputs.")
    parser.add_argument("--seconds", type=float, default=300, help="for all targets together")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--only", default="", help="targets whose names begin so")
    options = parser.parse_args()
    started = time.monotonic()
    done: list[Batch] = []
    for batch in batches(options.seed, options.seconds, options.processes, options.only):
        done.append(batch)
        if batch.broken:
            print(batch.broken, file=sys.stderr, flush=True)
    print(f"seed {options.seed}, {options.processes} processes, {time.monotonic() - started:.0f} seconds\n")
    print("| target | inputs | inputs/s of a core | outcomes |\n| --- | ---: | ---: | --- |")
    for kind in dict.fromkeys(batch.target.kind for batch in done):
        print(row(kind, [batch for batch in done if batch.target.kind == kind]))
    print(row("all", done))
    return 1 if any(batch.broken for batch in done) else 0


if __name__ == "__main__":
    sys.exit(main())
