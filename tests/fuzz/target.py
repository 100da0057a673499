"""A target: what is fed with mutated inputs, and what may come of each."""

import hashlib
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs

from tests.fuzz.mutation import mutate

__all__ = ["BrokenPromiseError", "Target", "found_earlier", "run"]

FOUND = Path(__file__).parent / "found"
"""Inputs that broke a promise once: `<target>-<digest>`."""


class BrokenPromiseError(Exception):
    """An input had an outcome that it may not have; `kept` is where it lies."""

    def __init__(self, target: str, kept: Path) -> None:
        super().__init__(f"{target}: {kept}")
        self.target = target
        self.kept = kept


@attrs.frozen
class Target:
    """What is fed with inputs.

    `try_input` returns the name of an outcome that is allowed, and raises for any other. `seeds` are right
    inputs, out of which wrong ones are made; they are tried as they are first.
    """

    name: str
    seeds: list[bytes]
    try_input: Callable[[bytes], str]


def run(
    target: Target, *, seed: int, inputs: int | None = None, seconds: float | None = None
) -> Counter[str]:
    """Feed a target with that many inputs, or for so long; return how often each outcome came.

    The same seed gives the same inputs. Raises `BrokenPromiseError` for the first that broke a promise.
    """
    outcomes: Counter[str] = Counter()
    end = None if seconds is None else time.monotonic() + seconds
    for number, tried in enumerate(_inputs(target, random.Random(seed))):
        if number == inputs or (end is not None and time.monotonic() > end):
            break
        try:
            outcomes[target.try_input(tried)] += 1
        except Exception as error:
            kept = FOUND / f"{target.name}-{hashlib.sha256(tried).hexdigest()[:16]}"
            FOUND.mkdir(exist_ok=True)
            kept.write_bytes(tried)
            raise BrokenPromiseError(target.name, kept) from error
    return outcomes


def found_earlier(target: Target) -> list[bytes]:
    """Return the inputs that broke a promise of this target once."""
    return [path.read_bytes() for path in sorted(FOUND.glob(f"{target.name}-*"))]


def _inputs(target: Target, chance: random.Random) -> Iterator[bytes]:
    yield from target.seeds
    while True:
        yield mutate(chance.choice(target.seeds), chance)
