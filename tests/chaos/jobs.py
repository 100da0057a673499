"""What the processes do that `make chaos` kills. Each job can be done again, and goes on where it was."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import attrs

import ecr_async as ecr

__all__ = ["FAILED", "JOBS", "Job", "do"]


@attrs.frozen
class Job:
    """One job: at which server, in which folder of its own, with which repository of its own.

    `timeout` is how many seconds an attempt may take.
    """

    kind: str
    url: str
    folder: Path
    repository: str
    timeout: float

    def session(self, region: str = "us-east-1") -> ecr.Session:
        """Return a session of the server's own account."""
        return ecr.Session(
            timeout=self.timeout,
            endpoint_url=self.url,
            access_key_id="AKIALOCALECR00000000",
            secret_access_key="local-ecr-secret-key",
            trust_env=False,
            region=region,
        )


async def push(job: Job) -> None:
    """Push a layout."""
    async with job.session() as session:
        await ecr.push_image(session.service(), job.folder / "in", job.repository, tags=["v1"])


async def pull(job: Job) -> None:
    """Pull into a layout."""
    async with job.session() as session:
        await ecr.pull_image(session.service(), job.repository, "v1", job.folder / "out")


async def sync(job: Job) -> None:
    """Bring a repository's images to another region."""
    async with job.session() as here, job.session(region="eu-west-1") as there:
        syncing = ecr.sync_images(
            here.service(),
            there.service(),
            [job.repository],
            checkpoint=job.folder / "sync.checkpoint",
            create_repositories="like_source",
        )
        async for _ in syncing:
            pass


async def scan(job: Job) -> None:
    """Scan all images into a file."""
    async with job.session() as session:
        scan = ecr.scan_images(
            session.service(), page_size=10, concurrency=4, checkpoint=job.folder / "scan.checkpoint"
        )
        await ecr.write_jsonl(scan, job.folder / "images.jsonl")


JOBS: Mapping[str, Callable[[Job], Awaitable[None]]] = {
    "push": push,
    "pull": pull,
    "sync": sync,
    "scan": scan,
}

for name in ("push_image", "pull_image", "sync_images", "scan_images", "write_jsonl"):
    getattr(ecr, name)  # loaded once, before processes are made of this one


FAILED = 3
"""The exit status of a process whose job ended with an error of the library's."""


def do(job: Job) -> None:
    """Do a job to its end, in a process that may be killed at any moment."""
    os.environ["XDG_STATE_HOME"] = str(job.folder / "state")
    try:
        asyncio.run(JOBS[job.kind](job))  # type: ignore[arg-type]
    except ecr.ECRError:
        sys.exit(FAILED)
