"""capo-ecr, as its documentation shows it, with a connection pool as large as the calls in flight."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from capo_ecr import AsyncECRClient
from zapros import AsyncStdNetworkHandler

from clients.shape import PAGE, REGION, OnImages, scan_pages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence


class Capo:
    """The adapter."""

    def __init__(self, client: AsyncECRClient) -> None:
        self.client = client

    async def describe_images(self, repository: str, size: int) -> Sequence[Any]:
        """One page of images."""
        page = await self.client.describe_images(repository, max_results=size)
        return page["image_details"]

    async def repositories(self) -> list[str]:
        """The names of all repositories."""
        return [
            each["repository_name"] async for each in self.client.iter_describe_repositories(max_results=PAGE)
        ]

    async def image_pages(self, repository: str) -> AsyncIterator[Sequence[Any]]:
        """All images of a repository, a page at a time; the library's own iterator gives them one by one."""
        token = None
        while True:
            page = await self.client.describe_images(repository, max_results=PAGE, next_token=token)
            yield page["image_details"]
            token = page.get("next_token")
            if token is None:
                return

    async def scan(self, concurrency: int, on_images: OnImages) -> int:
        """Every image of every repository."""
        return await scan_pages(self.repositories(), self.image_pages, concurrency, on_images)

    def digest_and_push_time(self, image: Any) -> tuple[str, float]:
        """Two fields of an image."""
        return image["image_digest"], image["image_pushed_at"].timestamp()


@asynccontextmanager
async def connect(endpoint: str, connections: int, retries: str | None = None) -> AsyncIterator[Capo]:
    """Open the adapter."""
    assert retries is None, "the defaults must do"
    handler = AsyncStdNetworkHandler(http1={"max_connections_per_host": connections})
    async with AsyncECRClient(handler, endpoint=endpoint, region=REGION) as client:
        yield Capo(client)
