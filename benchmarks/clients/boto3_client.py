"""boto3 in threads: what an asyncio program does when it has nothing else. A thread for each
call in flight.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from clients.shape import PAGE, REGION, OnImages, scan_pages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence


class Boto3:
    """The adapter."""

    def __init__(self, client: Any, threads: ThreadPoolExecutor) -> None:
        self.client = client
        self.threads = threads

    async def in_thread(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Await a blocking function."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, function, *arguments)

    async def describe_images(self, repository: str, size: int) -> Sequence[Any]:
        """One page of images."""
        page = await self.in_thread(
            lambda: self.client.describe_images(repositoryName=repository, maxResults=size)
        )
        return page["imageDetails"]

    async def repositories(self) -> list[str]:
        """The names of all repositories."""
        pages = self.client.get_paginator("describe_repositories").paginate(
            PaginationConfig={"PageSize": PAGE}
        )
        return await self.in_thread(lambda: list(pages.search("repositories[].repositoryName")))

    async def image_pages(self, repository: str) -> AsyncIterator[Sequence[Any]]:
        """All images of a repository, a page at a time."""
        pages = iter(
            self.client.get_paginator("describe_images").paginate(
                repositoryName=repository, PaginationConfig={"PageSize": PAGE}
            )
        )
        while page := await self.in_thread(next, pages, None):
            yield page["imageDetails"]

    async def scan(self, concurrency: int, on_images: OnImages) -> int:
        """Every image of every repository."""
        return await scan_pages(self.repositories(), self.image_pages, concurrency, on_images)

    def digest_and_push_time(self, image: Any) -> tuple[str, float]:
        """Two fields of an image."""
        return image["imageDigest"], image["imagePushedAt"].timestamp()


@asynccontextmanager
async def connect(endpoint: str, connections: int, retries: str | None = None) -> AsyncIterator[Boto3]:
    """Open the adapter."""
    config = Config(max_pool_connections=connections, retries={"mode": retries} if retries else None)
    client = boto3.client("ecr", region_name=REGION, endpoint_url=endpoint, config=config)
    with ThreadPoolExecutor(connections) as threads:
        yield Boto3(client, threads)
