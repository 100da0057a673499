"""Runs workloads in virtual time, from several tasks at once, and reports what came of them."""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Collection

import attrs

import ecr_async as ecr
from tests.chaos.registry import Registry
from tests.chaos.workloads import WORKLOADS

__all__ = ["Outcomes", "Patience", "run_workloads"]


@attrs.frozen
class Patience:
    """How often a workload is cancelled at a random moment, and how long one may take at the most.

    `longest` is in seconds of virtual time.
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
    registry: Registry,
    chance: random.Random,
    *,
    number: int,
    workers: int = 20,
    patience: Patience = Patience(),
    outcomes: Outcomes | None = None,
    among: Collection[str] = tuple(WORKLOADS),
) -> Outcomes:
    """Run so many workloads, each worker with a service of its own, and so with a retry quota of its own.

    Fails where one ends in anything but success, a typed error or its cancellation.
    """
    outcomes = outcomes or Outcomes()
    names = chance.choices(list(among), [WORKLOADS[name][1] for name in among], k=number)
    left = iter(names)

    async def worker() -> None:
        service = session.service()
        for name in left:
            outcomes.counts[name][await run_one(service, name)] += 1

    async def run_one(service: ecr.Service, name: str) -> str:
        workload, _ = WORKLOADS[name]
        loop = asyncio.get_running_loop()
        task = loop.create_task(workload(service, registry))
        if chance.random() < patience.cancelled_share:
            cancelling = loop.call_later(chance.expovariate(1 / 5), task.cancel)
            await asyncio.wait([task])
            cancelling.cancel()
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
