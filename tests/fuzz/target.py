"""A target: what is fed with mutated inputs, and what may come of each."""

import hashlib
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from types import FrameType, TracebackType
from typing import NoReturn

import attrs

from tests.fuzz.mutation import mutate

__all__ = ["BrokenPromiseError", "Target", "TooLong", "found_earlier", "run"]

FOUND = Path(__file__).parent / "found"
"""Inputs that broke a promise once: `<target>-<digest>`."""

SHOWN = 400
"""Bytes of such an input that are printed."""


class BrokenPromiseError(Exception):
    """An input had an outcome that it may not have; `kept` is where it lies."""

    def __init__(self, target: str, seed: str, kept: Path, tried: bytes) -> None:
        super().__init__(f"{target}, seed {seed}, kept as {kept}: {tried[:SHOWN]!r}")
        self.kept = kept


@attrs.frozen
class Target:
    """What is fed with inputs.

    `try_input` returns the name of an outcome that is allowed, and raises for any other. `seeds` are right
    inputs, out of which wrong ones are made; they are tried as they are first. `words` are what such an input
    may be made of, beside what breaks any text. Of the time for all targets, this one gets `share` parts.
    """

    name: str
    seeds: Sequence[bytes]
    try_input: Callable[[bytes], str]
    words: Sequence[bytes] = ()
    share: int = 1

    @property
    def kind(self) -> str:
        """The first part of the name: targets of one kind make one line of the table."""
        return self.name.partition(" ")[0]


def run(
    target: Target,
    *,
    seed: str,
    inputs: int | None = None,
    seconds: float | None = None,
    most_seconds: float | None = None,
) -> Counter[str]:
    """Feed a target with that many inputs, or for so long; return how often each outcome came.

    The same seed gives the same inputs. Raises `BrokenPromiseError` for the first that broke a promise; with
    `most_seconds` also for one that took longer than that, which only a main thread can tell.
    """
    outcomes: Counter[str] = Counter()
    end = None if seconds is None else time.monotonic() + seconds
    watch = nullcontext() if most_seconds is None else TooLong(most_seconds)
    for number, tried in enumerate(_inputs(target, random.Random(f"{seed} {target.name}"))):
        if number == inputs or (end is not None and time.monotonic() > end):
            break
        try:
            with watch:
                outcomes[target.try_input(tried)] += 1
        except Exception as error:
            kept = FOUND / f"{target.name.replace(' ', '-')}-{hashlib.sha256(tried).hexdigest()[:16]}"
            FOUND.mkdir(exist_ok=True)
            kept.write_bytes(tried)
            raise BrokenPromiseError(target.name, seed, kept, tried) from error
    return outcomes


def found_earlier(target: Target) -> list[bytes]:
    """Return the inputs that broke a promise of this target once."""
    return [path.read_bytes() for path in sorted(FOUND.glob(f"{target.name.replace(' ', '-')}-*"))]


class TooLong:
    """A block that may last so many seconds; after them an `AssertionError` is raised in it."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __enter__(self) -> None:
        signal.signal(signal.SIGALRM, self._stop)
        signal.setitimer(signal.ITIMER_REAL, self._seconds)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)

    def _stop(self, number: int, frame: FrameType | None) -> NoReturn:
        raise AssertionError(f"it takes longer than {self._seconds} seconds")


def _inputs(target: Target, chance: random.Random) -> Iterator[bytes]:
    yield from target.seeds
    while True:
        yield mutate(chance.choice(target.seeds), chance, target.words)
