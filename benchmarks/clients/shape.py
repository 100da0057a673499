"""What every adapter offers to the workloads, and the scan as one writes it where the library has none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Protocol

REGION = "eu-west-1"
PAGE = 1000
"""Images requested in one page of a scan, the most that ECR gives."""

OnImages = Callable[[Sequence[Any]], None]


class Client(Protocol):
    """An open client. Each adapter module has ``connect(endpoint, connections, retries) ->
    AsyncContextManager[Client]``.

    ``connections`` bounds the connection pool; ``retries`` is a botocore retry mode, or None for the
    defaults.
    """

    async def describe_images(self, repository: str, size: int) -> Sequence[Any]:
        """One page of at most ``size`` images."""
        ...

    async def scan(self, concurrency: int, on_images: OnImages) -> int:
        """Hand every image of every repository to ``on_images``; give back how many repositories failed."""
        ...

    def digest_and_push_time(self, image: Any) -> tuple[str, float]:
        """Two fields of an image, to check that a response is right; the time in epoch seconds."""
        ...


async def scan_pages(
    repositories: Awaitable[Sequence[str]],
    pages: Callable[[str], AsyncIterator[Sequence[Any]]],
    concurrency: int,
    on_images: OnImages,
) -> int:
    """Scan ``concurrency`` repositories at a time; a repository whose call fails counts as lost."""
    names = iter(await repositories)
    lost = 0

    async def work() -> None:
        nonlocal lost
        for name in names:
            try:
                async for page in pages(name):
                    on_images(page)
            except Exception:
                lost += 1

    await asyncio.gather(*(work() for _ in range(concurrency)))
    return lost
