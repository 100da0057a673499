"""aiobotocore, as its documentation shows it, with a connection pool as large as the calls in flight."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session

from clients.shape import PAGE, REGION, OnImages, scan_pages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence


class Aiobotocore:
    """The adapter."""

    def __init__(self, client: Any) -> None:
        self.client = client

    async def describe_images(self, repository: str, size: int) -> Sequence[Any]:
        """One page of images."""
        page = await self.client.describe_images(repositoryName=repository, maxResults=size)
        return page["imageDetails"]

    async def repositories(self) -> list[str]:
        """The names of all repositories."""
        pages = self.client.get_paginator("describe_repositories").paginate(
            PaginationConfig={"PageSize": PAGE}
        )
        return [each["repositoryName"] async for page in pages for each in page["repositories"]]

    async def image_pages(self, repository: str) -> AsyncIterator[Sequence[Any]]:
        """All images of a repository, a page at a time."""
        pages = self.client.get_paginator("describe_images").paginate(
            repositoryName=repository, PaginationConfig={"PageSize": PAGE}
        )
        async for page in pages:
            yield page["imageDetails"]

    async def scan(self, concurrency: int, on_images: OnImages) -> int:
        """Every image of every repository."""
        return await scan_pages(self.repositories(), self.image_pages, concurrency, on_images)

    def digest_and_push_time(self, image: Any) -> tuple[str, float]:
        """Two fields of an image."""
        return image["imageDigest"], image["imagePushedAt"].timestamp()


@asynccontextmanager
async def connect(endpoint: str, connections: int, retries: str | None = None) -> AsyncIterator[Aiobotocore]:
    """Open the adapter."""
    config = AioConfig(max_pool_connections=connections, retries={"mode": retries} if retries else None)
    async with get_session().create_client(
        "ecr", region_name=REGION, endpoint_url=endpoint, config=config
    ) as client:
        yield Aiobotocore(client)
