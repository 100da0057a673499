"""What the bytes cost: a bare aiohttp POST with constant headers, and orjson.loads of the response. Nothing
is signed.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson

from clients.shape import PAGE, OnImages, scan_pages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence


def headers(operation: str) -> dict[str, str]:
    """The headers of every call of one operation."""
    return {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": f"AmazonEC2ContainerRegistry_V20150921.{operation}",
    }


DESCRIBE_IMAGES = headers("DescribeImages")
DESCRIBE_REPOSITORIES = headers("DescribeRepositories")


class Floor:
    """The adapter; it has no retries, so it is no peer where the server throttles."""

    def __init__(self, session: aiohttp.ClientSession, endpoint: str) -> None:
        self.session = session
        self.endpoint = endpoint

    async def post(self, constant_headers: dict[str, str], request: dict[str, Any]) -> dict[str, Any]:
        """One call."""
        async with self.session.post(
            self.endpoint, headers=constant_headers, data=orjson.dumps(request)
        ) as response:
            body = await response.read()
            response.raise_for_status()
        return orjson.loads(body)

    async def describe_images(self, repository: str, size: int) -> Sequence[Any]:
        """One page of images."""
        page = await self.post(DESCRIBE_IMAGES, {"repositoryName": repository, "maxResults": size})
        return page["imageDetails"]

    async def repositories(self) -> list[str]:
        """The names of all repositories."""
        pages = self.pages(DESCRIBE_REPOSITORIES, {"maxResults": PAGE})
        return [each["repositoryName"] async for page in pages for each in page["repositories"]]

    async def image_pages(self, repository: str) -> AsyncIterator[Sequence[Any]]:
        """All images of a repository, a page at a time."""
        async for page in self.pages(DESCRIBE_IMAGES, {"repositoryName": repository, "maxResults": PAGE}):
            yield page["imageDetails"]

    async def pages(
        self, constant_headers: dict[str, str], request: dict[str, Any]
    ) -> AsyncIterator[dict[str, Any]]:
        """All pages of one request."""
        while True:
            page = await self.post(constant_headers, request)
            yield page
            if "nextToken" not in page:
                return
            request = {**request, "nextToken": page["nextToken"]}

    async def scan(self, concurrency: int, on_images: OnImages) -> int:
        """Every image of every repository."""
        return await scan_pages(self.repositories(), self.image_pages, concurrency, on_images)

    def digest_and_push_time(self, image: Any) -> tuple[str, float]:
        """Two fields of an image."""
        return image["imageDigest"], image["imagePushedAt"]


@asynccontextmanager
async def connect(endpoint: str, connections: int, retries: str | None = None) -> AsyncIterator[Floor]:
    """Open the adapter."""
    assert retries is None, "the floor does not retry"
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=connections)) as session:
        yield Floor(session, endpoint)
