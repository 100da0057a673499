"""Runs workloads in virtual time, from several tasks at once, and reports what came of them."""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeAlias, TypeVar

import attrs

import ecr_async as ecr

__all__ = ["Outcomes", "Patience", "Workload", "run_workloads"]

T = TypeVar("T")

Workload: TypeAlias = Callable[[ecr.Service, T], Coroutine[Any, Any, None]]
"""What a program does with a service; the second argument is what it does it to."""

LONGEST_TURNS = 2000
"""Turns of the event loop after which something is cancelled at the latest, where turns are counted."""


@attrs.frozen
class Patience:
    """How often a workload is cancelled at a random moment, and how long one may take at the most.

    `longest` is in seconds of virtual time. The moment is one of that time, at which most wait for something,
    or else one of so many turns of the event loop later, in which they work.
    """

    cancelled_share: float = 0.0
    longest: float = 3600.0


@attrs.define
class Outcomes:
    """How often each workload ended how."""

    counts: defaultdict[str, Counter[str]] = attrs.field(factory=lambda: defaultdict(Counter))

    @property
    def total(self) -> int:
        """How many ran."""
        return sum(each.total() for each in self.counts.values())

    def table(self) -> str:
        """Return the counts as a table."""
        kinds = sorted({kind for each in self.counts.values() for kind in each})
        width = max(map(len, kinds), default=0)
        names = list(self.counts)
        lines = [f"{'':{width}}  " + "  ".join(f"{name:>15}" for name in names)]
        lines += [
            f"{kind:{width}}  " + "  ".join(f"{self.counts[name][kind]:>15,}" for name in names)
            for kind in kinds
        ]
        return "\n".join(lines)


async def run_workloads(
    session: ecr.Session,
    world: T,
    chance: random.Random,
    workloads: Mapping[str, tuple[Workload[T], int]],
    *,
    number: int,
    workers: int = 20,
    patience: Patience = Patience(),
    outcomes: Outcomes | None = None,
) -> Outcomes:
    """Run so many workloads, each worker with a service of its own, and so with a retry quota of its own.

    Each of `workloads` has a weight. Fails where one ends in anything but success, a typed error or its
    cancellation.
    """
    outcomes = outcomes or Outcomes()
    names = chance.choices(list(workloads), [weight for _, weight in workloads.values()], k=number)
    left = iter(names)

    async def worker() -> None:
        service = session.service()
        for name in left:
            outcomes.counts[name][await run_one(service, name)] += 1

    async def run_one(service: ecr.Service, name: str) -> str:
        workload, _ = workloads[name]
        loop = asyncio.get_running_loop()
        task = loop.create_task(workload(service, world))
        if chance.random() < patience.cancelled_share:
            cancelling = loop.create_task(cancel(task, chance))
            await asyncio.wait([task])
            cancelling.cancel()
            await asyncio.wait([cancelling])
        else:
            await asyncio.wait([task], timeout=patience.longest)
        assert task.done(), f"{name} takes more than {patience.longest} seconds"
        if task.cancelled():
            return "cancelled"
        error = task.exception()
        if error is None:
            return "succeeded"
        if not isinstance(error, ecr.ECRError):
            raise error
        return type(error).__name__

    async with asyncio.TaskGroup() as group:
        for _ in range(workers):
            group.create_task(worker())
    return outcomes


async def cancel(task: asyncio.Task[None], chance: random.Random) -> None:
    """Cancel a task at a random moment."""
    if chance.random() < 0.5:
        await asyncio.sleep(chance.expovariate(1 / 5))
    else:
        for _ in range(int(LONGEST_TURNS ** chance.random())):
            await asyncio.sleep(0)
    task.cancel()
