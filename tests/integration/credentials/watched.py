"""Resolve and renew a session's credentials, and measure how long the event loop was held up meanwhile.

A program, so that imports are among what is watched and another program's heap isn't. Its argument is
a session's keyword arguments as JSON; it prints a `Report` as JSON.

Only awscrt, which botocore imports where it is installed, is imported ahead: its native library keeps
the interpreter's lock for some 40 ms of preparations, in whichever thread it is loaded.
"""

import asyncio
import json
import logging
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from importlib import import_module

import attrs

from ecr_async.session import Session

TICK = 0.001


@attrs.define
class Stall:
    """The most that came between two turns of a task that wants one each millisecond. In seconds.

    `wall` is time on the clock: an upper bound of what another task had to wait. `cpu` is what the loop's
    thread itself has worked, whatever other threads and programs did.
    """

    wall: float = 0.0
    cpu: float = 0.0


@attrs.define
class Report:
    """What was found: the access key, by which of botocore's providers each time, and both stalls."""

    access_key: str
    found_by: list[str]
    resolving: Stall
    renewing: Stall


@asynccontextmanager
async def watching() -> AsyncIterator[Stall]:
    """Watch the loop during the block, up to the first turn after it."""
    stall = Stall()
    left = asyncio.Event()
    ticking = asyncio.Event()

    async def tick() -> None:
        while not left.is_set():
            wall, cpu = time.perf_counter(), time.thread_time()
            ticking.set()
            await asyncio.sleep(TICK)
            stall.wall = max(stall.wall, time.perf_counter() - wall)
            stall.cpu = max(stall.cpu, time.thread_time() - cpu)

    ticker = asyncio.create_task(tick())
    await ticking.wait()
    yield stall
    left.set()
    await ticker


class FoundBy(logging.Handler):
    """Keeps the names of the providers that the session's log names."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.names: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        what, found, name = record.getMessage().partition(" found by ")
        if found and what == "AWS credentials":
            self.names.append(name)


async def resolve_and_renew(session: Session) -> Report:
    log = logging.getLogger("ecr_async")
    log.setLevel(logging.DEBUG)
    log.addHandler(found_by := FoundBy())
    async with AsyncExitStack() as stack:
        async with watching() as resolving:
            await stack.enter_async_context(session)
            resolved = await session.runtime.credentials.get()
        async with watching() as renewing:
            if resolved.expires_at is None:
                # Only when the service rejects them does a session look for others.
                await session.runtime.credentials.replace(resolved)
            else:
                session.runtime.clock.offset = resolved.expires_at.timestamp() - time.time() - 60
                await session.runtime.credentials.get()
    return Report(resolved.access_key_id, found_by.names, resolving, renewing)


if __name__ == "__main__":
    with suppress(ImportError):
        import_module("awscrt.crypto")
    report = asyncio.run(resolve_and_renew(Session(**json.loads(sys.argv[1]))))
    print(json.dumps(attrs.asdict(report)))
