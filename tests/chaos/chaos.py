"""`make chaos`: everything goes wrong at random, and what was promised holds.

Calls end in success or a typed error, in bounded time; an error that says that nothing was done is right;
pagers and scans are whole; afterwards no task and no connection is left, and the next calls succeed.
"""

import argparse
import asyncio
import gc
import random
import time
from typing import Any

from tests.chaos.harness import Outcomes, Patience, run_workloads
from tests.chaos.misbehaviour import FAULTS, Chaos
from tests.chaos.registry import Registry
from tests.faults.server import FaultServer, describe, session_for
from tests.virtual_time import run

__all__ = ["rounds_of_chaos"]

WORKLOADS_IN_A_ROUND = 100


def rounds_of_chaos(number: int, seed: int) -> tuple[Outcomes, Chaos]:
    """Run so many workloads, in rounds with a server and a session of their own."""
    chance = random.Random(seed)
    outcomes = Outcomes()
    chaos = Chaos(Registry(), chance)
    for left in range(number, 0, -WORKLOADS_IN_A_ROUND):
        run(_round(chance, chaos, outcomes, min(left, WORKLOADS_IN_A_ROUND)))
    return outcomes, chaos


async def _round(chance: random.Random, chaos: Chaos, outcomes: Outcomes, number: int) -> None:
    share = chance.choice([0.02, 0.1, 0.4])
    chaos.faults = {name: share / len(FAULTS) for name in FAULTS}
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    async with FaultServer(chaos.serve) as server:
        async with session_for(
            server,
            timeout=30,
            pool_timeout=60,
            max_connections=chance.choice([1, 3, 10, 40]),
            retry_mode=chance.choice(["standard", "adaptive"]),
        ) as session:
            patience = Patience(cancelled_share=0.15)
            await run_workloads(
                session, chaos.registry, chance, number=number, patience=patience, outcomes=outcomes
            )
            chaos.stop()
            await describe(session.service())
        await server.wait_until_open(0)
    gc.collect()
    await asyncio.sleep(0)
    assert not told, f"nobody took note of {told}"


def main() -> None:
    """Run, and print what happened."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workloads", type=int, default=40_000)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**6)
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    started = time.perf_counter()
    outcomes, chaos = rounds_of_chaos(arguments.workloads, arguments.seed)
    print(f"\n{outcomes.total:,} workloads in {time.perf_counter() - started:.0f} s, by their outcome\n")
    print(outcomes.table())
    print(f"\n{chaos.counts.total():,} requests, by what the server did\n")
    for name, count in chaos.counts.most_common():
        print(f"{name:30} {count:>10,}")
    print("\nnothing untyped, unbounded, half done or left behind")


if __name__ == "__main__":
    main()
