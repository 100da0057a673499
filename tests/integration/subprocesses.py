"""Commands run as users run them: as processes of their own, against an embedded ECR."""

import asyncio
import os
import pty
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import attrs

from ecr_async.local import LocalECR

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "ecr_async")


@attrs.frozen
class Finished:
    status: int
    out: str
    err: str


def environment(local: LocalECR | None = None, **variables: str) -> dict[str, str]:
    """Return the environment for a process: nothing of AWS but what leads to `local`."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    plain |= {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "PYTHONPATH": str(ROOT),
        "PYTHONIOENCODING": "utf-8",
        "PYTHONUNBUFFERED": "1",
        "COLUMNS": "200",
        "TERM": "xterm",
    }
    if local is not None:
        plain |= {
            "AWS_ENDPOINT_URL_ECR": local.endpoint_url,
            "AWS_REGION": local.region,
            "AWS_ACCESS_KEY_ID": local.access_key_id,
            "AWS_SECRET_ACCESS_KEY": local.secret_access_key,
        }
    return plain | variables


async def run(*command: str | Path, env: Mapping[str, str], text: str = "") -> Finished:
    """Run to the end, with `text` on standard input."""
    async with started(*command, env=env) as process:
        out, err = await process.communicate(text.encode())
    return Finished(process.returncode or 0, out.decode(), err.decode())


async def run_on_terminal(*command: str | Path, env: Mapping[str, str]) -> Finished:
    """Run to the end on a terminal, which shows standard output and standard error together."""
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(*command, env=env, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = asyncio.create_task(asyncio.to_thread(_read_all, ours))
    status = await process.wait()
    return Finished(status, await shown, "")


@asynccontextmanager
async def started(
    *command: str | Path, env: Mapping[str, str]
) -> AsyncGenerator[asyncio.subprocess.Process, None]:
    """Run for as long as the block lasts, at most."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, env=env, stdin=pipe, stdout=pipe, stderr=pipe)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), 5)
            except TimeoutError:
                process.kill()
        await process.wait()


def _read_all(descriptor: int) -> str:
    pieces = []
    with os.fdopen(descriptor, "rb", buffering=0) as terminal:
        try:
            while piece := terminal.read(65536):
                pieces.append(piece)
        except OSError:
            pass  # how Linux says that the other side is gone
    return b"".join(pieces).decode()
