"""What is measured, the same for every client. Each workload gets an open client and gives back plain
numbers.
"""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import sys
import time
from statistics import median
from typing import TYPE_CHECKING, Any, Self

from clients.shape import PAGE, Client

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from contextlib import AbstractAsyncContextManager

Numbers = dict[str, float]

FIRST_REPOSITORY = "team/service-0000000"
TICK = 0.001
"""Seconds between two looks at the event loop."""
WARM_UP_ROUNDS = 2
"""Calls on every connection before the clock starts."""


class WrongAnswerError(Exception):
    """The client's result is not what the server sent: its speed would mean nothing."""


async def check(client: Client, size: int) -> None:
    """Compare one page with what the server is known to send."""
    images = await client.describe_images(FIRST_REPOSITORY, size)
    if len(images) != size:
        raise WrongAnswerError(f"{len(images)} images in a page of {size}")
    for index in (0, size - 1):
        digest, pushed_at = client.digest_and_push_time(images[index])
        if not digest.endswith("0000000") or abs(pushed_at - (1_700_000_000 + index * 61 + 0.123)) > 0.001:
            raise WrongAnswerError(f"image {index} is {digest} pushed at {pushed_at}")


async def begin(client: Client, size: int) -> None:
    """Make a first call, and leave what has been imported by then out of collections, as the guide of
    ecr-async advises a program that scans: for every client alike, since it helps each of them.
    """
    await check(client, size)
    gc.freeze()


async def warm_up(client: Client, *, size: int, in_flight: int) -> Numbers:
    """Open the connections, and import what is imported on first use: neither is part of a call's cost."""
    await begin(client, size)
    for _ in range(WARM_UP_ROUNDS):
        await asyncio.gather(*(client.describe_images(FIRST_REPOSITORY, size) for _ in range(in_flight)))
    return {}


async def pages(client: Client, *, size: int, in_flight: int, seconds: float) -> Numbers:
    """Call after call for a page of ``size`` images, for ``seconds`` of CPU time, but at least ``in_flight``
    calls.
    """
    calls = 0
    cpu, wall = time.process_time(), time.perf_counter()

    async def work() -> None:
        nonlocal calls
        while calls < in_flight or time.process_time() - cpu < seconds:
            calls += 1
            await client.describe_images(FIRST_REPOSITORY, size)

    await asyncio.gather(*(work() for _ in range(in_flight)))
    return {
        "cpu": (time.process_time() - cpu) / calls,
        "wall": (time.perf_counter() - wall) / calls,
        "peak": peak_memory(),
    }


async def scan(
    client: Client, *, concurrency: int, repositories: int, images: int, keep: bool = False
) -> Numbers:
    """Every image of ``repositories`` × ``images``, counted and dropped, or kept to the end."""
    await begin(client, 1)
    kept: list[Any] = []
    seen = 0
    before = resident_memory()

    def count(page: Sequence[Any]) -> None:
        nonlocal seen
        seen += len(page)
        if keep:
            kept.extend(page)

    cpu, wall = time.process_time(), time.perf_counter()
    lost = await client.scan(concurrency, count)
    numbers = {
        "cpu": time.process_time() - cpu,
        "wall": time.perf_counter() - wall,
        "resident": resident_memory(),
        "growth": resident_memory() - before,
        "peak": peak_memory(),
    }
    if lost or seen != repositories * images:
        raise WrongAnswerError(f"{seen} images instead of {repositories * images}, {lost} repositories lost")
    return numbers


async def another_client(
    client: Client, *, connect: Callable[[], AbstractAsyncContextManager[Client]], times: int
) -> Numbers:
    """Another client and one call of it, in a process that is warm; the median of several."""
    found: list[float] = []
    for _ in range(times):
        begun = time.perf_counter()
        async with connect() as other:
            await other.describe_images(FIRST_REPOSITORY, 1)
            found.append(time.perf_counter() - begun)
    return {"wall": median(found)}


async def lag(client: Client, *, concurrency: int) -> Numbers:
    """The longest time for which a scan keeps the event loop from running anything else.

    ``wall`` is what other tasks feel. ``cpu`` counts only the loop thread's own CPU time in the worst tick,
    so it is blind to whatever else the machine does, and to threads that hold the interpreter lock. A first
    scan is not
    counted: it imports what is imported on first use, and opens the connections.
    """
    await begin(client, PAGE)
    await client.scan(concurrency, lambda _: None)
    loop = asyncio.get_running_loop()
    longest_wall = longest_cpu = 0.0
    last_wall, last_cpu = time.perf_counter(), time.thread_time()

    def tick() -> None:
        nonlocal longest_wall, longest_cpu, last_wall, last_cpu, handle
        now_wall, now_cpu = time.perf_counter(), time.thread_time()
        longest_wall = max(longest_wall, now_wall - last_wall - TICK)
        longest_cpu = max(longest_cpu, now_cpu - last_cpu)
        last_wall, last_cpu = now_wall, now_cpu
        handle = loop.call_later(TICK, tick)

    handle = loop.call_later(TICK, tick)
    await client.scan(concurrency, lambda _: None)
    tick()
    handle.cancel()
    return {"wall": longest_wall, "cpu": longest_cpu}


async def lossy_scan(client: Client, *, concurrency: int, repositories: int) -> Numbers:
    """A scan that may lose repositories to the server's limit."""
    seen = 0

    def count(page: Sequence[Any]) -> None:
        nonlocal seen
        seen += len(page)

    wall = time.perf_counter()
    try:
        lost = await client.scan(concurrency, count)
    except Exception as error:
        print(f"the scan itself failed: {error!r}", file=sys.stderr)
        lost = repositories
    return {"wall": time.perf_counter() - wall, "lost": lost, "images": seen}


async def flat_memory(client: Client, *, concurrency: int, settle: int, every: int) -> Numbers:
    """How resident memory moves after the first ``settle`` images, looked at once in ``every`` images."""
    await begin(client, 1)
    seen = 0
    settled = highest = 0
    next_look = settle

    def count(page: Sequence[Any]) -> None:
        nonlocal seen, settled, highest, next_look
        seen += len(page)
        if seen < next_look:
            return
        next_look += every
        now = resident_memory()
        settled = settled or now
        highest = max(highest, now)

    wall, cpu = time.perf_counter(), time.process_time()
    lost = await client.scan(concurrency, count)
    return {
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "images": seen,
        "lost": lost,
        "settled": settled,
        "growth": highest - settled,
        "peak": peak_memory(),
    }


async def many_services(client: Any, *, services: int, repositories: int) -> Numbers:
    """A scan of many services of one session; only ecr-async has it.

    A first scan of one service is not counted: it imports what is imported on first use.
    """
    await begin(client, 1)
    await client.scan_services(client.services(1), lambda _: None)
    seen = 0
    first = 0.0
    given = client.services(services)
    with Blocks() as blocks:
        wall, cpu = time.perf_counter(), time.process_time()

        def count(page: Sequence[Any]) -> None:
            nonlocal seen, first
            first = first or time.perf_counter() - wall
            seen += 1

        summary = await client.scan_services(given, count)
        numbers = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    if seen != services * repositories:
        raise WrongAnswerError(f"{seen} repositories instead of {services * repositories}")
    return {**numbers, "first": first, "calls": summary.calls, "block": blocks.longest, "peak": peak_memory()}


class Blocks:
    """Measures the longest time for which the event loop runs nothing else, in seconds of its thread's CPU
    time.
    """

    def __init__(self) -> None:
        self.longest = 0.0

    def __enter__(self) -> Self:
        self._last = time.thread_time()
        self._tick()
        return self

    def __exit__(self, *_: object) -> None:
        self._handle.cancel()

    def _tick(self) -> None:
        now = time.thread_time()
        self.longest = max(self.longest, now - self._last)
        self._last = now
        self._handle = asyncio.get_running_loop().call_later(TICK, self._tick)


def resident_memory() -> int:
    """Bytes of memory that the process holds now (Linux; elsewhere the peak stands in)."""
    try:
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except FileNotFoundError:
        return peak_memory()


def peak_memory() -> int:
    """The most bytes of memory that the process has held.

    ``getrusage`` starts from the parent's peak, which a process inherits over fork and exec; the kernel's own
    high-water mark doesn't.
    """
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
    except FileNotFoundError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


WORKLOADS: dict[str, Callable[..., Awaitable[Numbers]]] = {
    each.__name__: each
    for each in (warm_up, pages, scan, another_client, lag, lossy_scan, flat_memory, many_services)
}
