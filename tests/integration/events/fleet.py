"""Worker processes, what they print, and an embedded ECR that sends them events."""

import asyncio
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Self

import attrs

import ecr_async as ecr
from ecr_async.events import Counters
from tests.integration.events.conftest import SQS
from tests.integration.local.content import manifest
from tests.integration.subprocesses import COMMAND, environment, started

SCRIPT = Path(__file__).parent / "worker_process.py"
PUSHERS = 8

PYTHON = os.environ.get("ECR_ASYNC_WORKER_PYTHON", sys.executable)
CLIENT = os.environ.get("ECR_ASYNC_WORKER_CLIENT", "boto3")
"""Which client the workers use, and the interpreter that has it."""

AWS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}


@attrs.define(eq=False)
class Process:
    """A worker process."""

    process: asyncio.subprocess.Process
    begun: Counter[str] = attrs.field(factory=Counter[str])
    done: Counter[str] = attrs.field(factory=Counter[str])
    counters: Counters | None = None


class Fleet:
    """Worker processes on one queue. `changed` is notified of every line that one of them prints."""

    def __init__(self) -> None:
        self.processes: list[Process] = []
        self.changed = asyncio.Condition()
        self._stack = AsyncExitStack()
        self._readers: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()
        await asyncio.gather(*self._readers)

    async def start(self, queue: SQS, *, visibility_timeout: int, seconds: float) -> Process:
        """Start a worker whose handlers take so many seconds."""
        arguments = (CLIENT, queue.url, queue.endpoint_url, str(visibility_timeout), str(seconds))
        command = started(PYTHON, SCRIPT, *arguments, env=environment(None, **AWS))
        process = Process(await self._stack.enter_async_context(command))
        self.processes.append(process)
        self._readers.append(asyncio.create_task(self._read(process)))
        return process

    async def until(self, condition: Any, seconds: float = 300) -> None:
        """Wait until something is true of what the processes printed."""
        async with asyncio.timeout(seconds), self.changed:
            await self.changed.wait_for(condition)

    @property
    def done(self) -> Counter[str]:
        """How often each push was finished."""
        return sum((process.done for process in self.processes), Counter[str]())

    async def _read(self, process: Process) -> None:
        assert process.process.stdout is not None
        async for line in process.process.stdout:
            match json.loads(line):
                case {"begun": str(tag)}:
                    process.begun[tag] += 1
                case {"done": str(tag)}:
                    process.done[tag] += 1
                case {"counters": dict(counters)}:
                    process.counters = Counters(**counters)
            async with self.changed:
                self.changed.notify_all()


@asynccontextmanager
async def sending_server(
    destination: str, *options: str, create: bool = True, end: signal.Signals = signal.SIGTERM
) -> AsyncGenerator[ecr.Service]:
    """Run `ecr-async serve --events`, and give the service that it is, with a repository `team/app`."""
    options = ("--no-verify-layers", "--no-verify-signatures", "--events", destination, *options)
    async with started(*COMMAND, "serve", *options, env=environment(None, **AWS)) as server:
        assert server.stdout is not None
        url = (await server.stdout.readline()).decode().strip()
        session = ecr.Session(
            region="us-east-1", endpoint_url=url, access_key_id="test", secret_access_key="test"
        )
        async with session:
            service = session.service()
            if create:
                await ecr.create_repository(service, ecr.CreateRepositoryRequest("team/app"))
            yield service
        server.send_signal(end)
        await server.wait()


async def push_images(service: ecr.Service, count: int) -> set[str]:
    """Push images over HTTP, and return their tags."""
    tags = [f"v{number}" for number in range(count)]

    async def push(tags: list[str]) -> None:
        for tag in tags:
            text = manifest(tag.encode())
            await ecr.put_image(service, ecr.PutImageRequest("team/app", text, image_tag=tag))

    await asyncio.gather(*(push(tags[start::PUSHERS]) for start in range(PUSHERS)))
    return set(tags)
