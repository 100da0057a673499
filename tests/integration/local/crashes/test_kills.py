"""The server killed with SIGKILL at random moments, while writers use both doors.

`KILLS=200` in the environment kills it 200 times, which is what `make kill-local` does.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random

import aiohttp
from yarl import URL

from ecr_async import api as ecr
from ecr_async.local.embedded import ACCESS_KEY, SECRET_KEY
from ecr_async.session import Session
from tests.integration.local.crashes.workload import Writer, verify_files
from tests.integration.local.distribution.client import Door

KILLS = int(os.environ.get("KILLS", "8"))
WRITERS = 3


@asynccontextmanager
async def serving(
    folder: Path, last: signal.Signals
) -> AsyncIterator[tuple[URL, asyncio.subprocess.Process]]:
    """Run a server in a process of its own, which ends with the signal."""
    command = [sys.executable, "-m", "tests.integration.local.crashes.server", str(folder)]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield URL((await process.stdout.readline()).decode().strip()), process
    finally:
        if process.returncode is None:
            process.send_signal(last)
        await process.wait()


@asynccontextmanager
async def clients(url: URL, writers: list[Writer], random: Random) -> AsyncIterator[list[Writer]]:
    """Give writers their clients; they go on from what they know."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(
            Session(
                endpoint_url=str(url),
                region="us-east-1",
                access_key_id=ACCESS_KEY,
                secret_access_key=SECRET_KEY,
                max_attempts=1,
            )
        )
        client = await stack.enter_async_context(aiohttp.ClientSession(skip_auto_headers=["Content-Type"]))
        service = session.service()
        response = await ecr.get_authorization_token(service, ecr.GetAuthorizationTokenRequest())
        headers = {"Authorization": f"Basic {response.authorization_data[0].authorization_token}"}
        door = Door(client, url, headers)
        yield [
            Writer(f"team/app-{number}", service, door, random, known.facts)
            if (known := writers[number] if writers else None)
            else Writer(f"team/app-{number}", service, door, random)
            for number in range(WRITERS)
        ]


async def test_what_was_acknowledged_survives_any_kill(tmp_path: Path) -> None:
    random = Random(os.environ.get("KILLS_SEED", "1"))
    writers: list[Writer] = []
    acknowledged = 0
    for _ in range(KILLS):
        async with (
            serving(tmp_path, signal.SIGKILL) as (url, process),
            clients(url, writers, random) as writers,
        ):
            await asyncio.gather(*(writer.verify() for writer in writers))
            running = [asyncio.create_task(writer.run()) for writer in writers]
            # The one thing that has to happen at a moment that nobody has chosen.
            await asyncio.wait(running, timeout=random.random() * 0.4)
            process.kill()
            await asyncio.gather(*running)
            acknowledged += sum(writer.acknowledged for writer in writers)
    async with serving(tmp_path, signal.SIGTERM) as (url, _), clients(url, writers, random) as writers:
        await asyncio.gather(*(writer.verify() for writer in writers))
    verify_files(tmp_path)
    assert acknowledged > KILLS  # the writers have written
