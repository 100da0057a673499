"""`make soak`: a million calls of one session, and nothing grows.

Credentials are renewed all the time, limits come and go, and the server hangs up now and then. The memory,
files, tasks and connections of the process are looked at in between.
"""

import argparse
import asyncio
import gc
import os
import random
import resource
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs

import ecr_async as ecr
from tests.chaos.harness import run_workloads
from tests.chaos.misbehaviour import Chaos
from tests.chaos.registry import Registry
from tests.chaos.workloads import WORKLOADS
from tests.faults.server import FaultServer, session_for
from tests.virtual_time import run

__all__ = ["Sample", "soak"]

SAMPLES = 10
WARM_UP = 3
"""Samples before which memory may still grow: what is made on first use has been made then."""

ALLOWED_GROWTH = 4 * 2**20
MILD = {"hangs up afterwards": 0.01, "throttles": 0.01, "is slow": 0.01}
LIFETIME = timedelta(minutes=1)
READING = {name: WORKLOADS[name] for name in ("call", "page through", "wait")}


@attrs.frozen
class Sample:
    """What the process holds after so many requests; `files` are those beside the connections' two ends."""

    requests: int
    memory: int
    objects: int
    files: int
    tasks: int
    renewals: int


def soak(requests: int, show: Callable[[Sample], None]) -> list[Sample]:
    """Make at least so many requests. Fails where something grows."""
    samples = run(_soak(requests, show))
    settled = samples[WARM_UP - 1 :]
    for each in settled:
        assert each.memory - settled[0].memory < ALLOWED_GROWTH, f"memory grows: {each}"
        assert each.objects < settled[0].objects * 1.05 + 1000, f"objects are left: {each}"
        assert each.files == settled[0].files, f"files are left open: {each}"
        assert each.tasks == settled[0].tasks, f"tasks are left: {each}"
    assert samples[-1].renewals > SAMPLES / 2, "credentials are renewed again and again"
    return samples


async def _soak(requests: int, show: Callable[[Sample], None]) -> list[Sample]:
    registry = Registry()
    chaos = Chaos(registry, random.Random(0), faults=MILD)
    samples: list[Sample] = []
    credentials = Rotating()
    async with (
        FaultServer(chaos.serve, remembers=False) as server,
        session_for(server, credentials=credentials, clock=virtual_now) as session,
    ):
        while len(samples) < SAMPLES:
            chaos.faults = MILD if len(samples) % 2 else {**MILD, "throttles": 0.1}
            while chaos.counts.total() < requests * (len(samples) + 1) / SAMPLES:
                await run_workloads(session, registry, chaos.chance, READING, number=200)
            await asyncio.sleep(60)  # in which closed connections are gone, and credentials grow old
            samples.append(sample(chaos, credentials, server.open_connections))
            show(samples[-1])
    return samples


def virtual_now() -> float:
    return 1.7e9 + asyncio.get_running_loop().time()


class Rotating:
    """A provider whose credentials last a minute."""

    def __init__(self) -> None:
        self.renewals = 0

    def __call__(self) -> Awaitable[ecr.Credentials]:
        return self._renewed()

    async def _renewed(self) -> ecr.Credentials:
        self.renewals += 1
        await asyncio.sleep(1)
        expires_at = datetime.fromtimestamp(virtual_now(), UTC) + LIFETIME
        return ecr.Credentials(f"AKIA{self.renewals:016}", "secret", "token", expires_at)


def sample(chaos: Chaos, credentials: Rotating, connections: int) -> Sample:
    gc.collect()
    descriptors = Path("/proc/self/fd")
    return Sample(
        requests=chaos.counts.total(),
        memory=resident(),
        objects=len(gc.get_objects()),
        files=len(list(descriptors.iterdir())) - 2 * connections if descriptors.is_dir() else 0,
        tasks=len([task for task in asyncio.all_tasks() if "_serve" not in repr(task.get_coro())]),
        renewals=credentials.renewals,
    )


def resident() -> int:
    """Return the bytes of memory that the process has in use, or at most had, where that isn't known."""
    statistics = Path("/proc/self/statm")
    if statistics.exists():
        return int(statistics.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main() -> None:
    """Run, and print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000)
    arguments = parser.parse_args()
    print(f"{'requests':>12} {'memory':>12} {'objects':>10} {'files':>6} {'tasks':>6} {'renewals':>9}")

    def show(sample: Sample) -> None:
        print(
            f"{sample.requests:>12,} {sample.memory / 2**20:>8.1f} MiB {sample.objects:>10,} {sample.files:>6} "
            f"{sample.tasks:>6} {sample.renewals:>9,}",
            flush=True,
        )

    soak(arguments.requests, show)
    print("nothing grows")


if __name__ == "__main__":
    main()
