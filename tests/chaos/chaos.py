"""`make chaos`: everything goes wrong at random, and what was promised holds.

Calls end in success or a typed error, in bounded time; an error that says that nothing was done is right;
pagers and scans are whole, and so is every image that is under its name after a push, a pull, a copy or a
sync. Afterwards no task, connection or file is left, and the next calls succeed.
"""

import argparse
import asyncio
import gc
import os
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import ecr_async as ecr
from tests.chaos.harness import Outcomes, Patience, run_workloads
from tests.chaos.misbehaviour import FAULTS, Chaos
from tests.chaos.registry import Registry
from tests.chaos.transfers import TRANSFERS, registries
from tests.chaos.workloads import WORKLOADS
from tests.faults.server import FaultServer, describe, session_for
from tests.virtual_time import ThreadsLoop, run

__all__ = ["chaos_of_calls", "chaos_of_transfers"]

CALLS_IN_A_ROUND = 400
TRANSFERS_IN_A_ROUND = 100

SHARES = (0.02, 0.1, 0.4)
"""How many of the requests meet a fault; one of these in each round."""

PATIENCE = Patience(cancelled_share=0.15)


def chaos_of_calls(number: int, seed: int, *, in_a_round: int = CALLS_IN_A_ROUND) -> tuple[Outcomes, Chaos]:
    """Run so many workloads that make calls, in rounds with a server and a session of their own."""
    chance = random.Random(seed)
    outcomes = Outcomes()
    registry = Registry()
    chaos = Chaos(registry, chance)

    async def round_of(number: int) -> None:
        async with misbehaving(chaos, SHARES) as session:
            await run_workloads(
                session, registry, chance, WORKLOADS, number=number, patience=PATIENCE, outcomes=outcomes
            )
            chaos.stop()
            await describe(session.service())

    for left in range(number, 0, -in_a_round):
        run(round_of(min(left, in_a_round)))
    return outcomes, chaos


def chaos_of_transfers(number: int, seed: int, *, shares: Sequence[float] = SHARES) -> tuple[Outcomes, Chaos]:
    """Run so many workloads that move images. Those that were broken off are then brought to their end."""
    chance = random.Random(seed)
    outcomes = Outcomes()
    chaos = Chaos(Registry(), chance)

    async def round_of(number: int) -> None:
        async with registries() as world:
            chaos.backend = world
            async with misbehaving(chaos, shares, **world.identity) as session:
                await run_workloads(
                    session, world, chance, TRANSFERS, number=number, patience=PATIENCE, outcomes=outcomes
                )
                chaos.stop()
                for attempt in world.unfinished:
                    await attempt(session.service())

    for left in range(number, 0, -TRANSFERS_IN_A_ROUND):
        files = open_files()
        run(round_of(min(left, TRANSFERS_IN_A_ROUND)), ThreadsLoop)
        assert open_files() == files, "files are left open"
    return outcomes, chaos


@asynccontextmanager
async def misbehaving(chaos: Chaos, shares: Sequence[float], **options: Any) -> AsyncIterator[ecr.Session]:
    """Serve chaos, and yield a session for it. Fails where a task or a connection is left."""
    chance = chaos.chance
    share = chance.choice(shares)
    chaos.faults = {name: share / len(FAULTS) for name in FAULTS}
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    async with FaultServer(chaos.serve, remembers=False) as server:
        options |= {
            "timeout": 30,
            "pool_timeout": 60,
            "max_connections": chance.choice([1, 3, 10, 40]),
            "retry_mode": chance.choice(["standard", "adaptive"]),
        }
        async with session_for(server, **options) as session:
            yield session
        await server.wait_until_open(0)
    gc.collect()
    await asyncio.sleep(0)
    assert not told, f"nobody took note of {told}"


def open_files() -> int:
    """Return how many files and sockets the process has open, where that can be known."""
    descriptors = Path("/proc/self/fd")
    return len(os.listdir(descriptors)) if descriptors.is_dir() else 0


def show(what: str, outcomes: Outcomes, chaos: Chaos, seconds: float) -> None:
    """Print what happened."""
    print(f"\n{outcomes.total:,} {what} in {seconds:.0f} s, by their outcome\n")
    print(outcomes.table())
    print(f"\n{chaos.calls:,} calls and {chaos.counts.total():,} requests, by what the server did\n")
    for name, count in chaos.counts.most_common():
        print(f"{name:30} {count:>10,}")


def main() -> None:
    """Run, and print what happened."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos.chaos", description="Have everything go wrong."
    )
    parser.add_argument("--workloads", type=int, default=40_000)
    parser.add_argument("--transfers", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**6)
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    for what, number, chaos_of in (
        ("workloads", arguments.workloads, chaos_of_calls),
        ("transfers", arguments.transfers, chaos_of_transfers),
    ):
        started = time.perf_counter()
        show(what, *chaos_of(number, arguments.seed), time.perf_counter() - started)
    print("\nnothing untyped, unbounded, half done or left behind")


if __name__ == "__main__":
    main()
