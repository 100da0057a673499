"""ecr-async, as its documentation shows it."""

from __future__ import annotations

import gc
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import ecr_async as ecr
from clients.shape import REGION, OnImages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence


class Ours:
    """The adapter."""

    def __init__(self, session: ecr.Session) -> None:
        self.session = session
        self.service = session.service(REGION)

    async def describe_images(self, repository: str, size: int) -> Sequence[Any]:
        """One page of images."""
        request = ecr.DescribeImagesRequest(repository_name=repository, max_results=size)
        return (await ecr.describe_images(self.service, request)).image_details

    async def scan(self, concurrency: int, on_images: OnImages) -> int:
        """Every image of every repository."""
        lost = 0
        async for result in ecr.scan_images([self.service], concurrency=concurrency):
            if isinstance(result, ecr.ScannedPage):
                on_images(result.images)
            else:
                lost += 1
        return lost

    def services(self, count: int) -> list[ecr.Service]:
        """So many services of one session. The program leaves them out of collections, as the
        guide says.
        """
        services = [self.session.service(f"eu-west-{number}") for number in range(count)]
        gc.collect()
        gc.freeze()
        return services

    async def scan_services(self, services: list[ecr.Service], on_images: OnImages) -> ecr.ScanSummary:
        """Every image of these services."""
        scan = ecr.scan_images(services)
        async for result in scan:
            assert isinstance(result, ecr.ScannedPage), result
            on_images(result.images)
        return scan.summary

    def digest_and_push_time(self, image: Any) -> tuple[str, float]:
        """Two fields of an image."""
        return image.image_digest, image.image_pushed_at.timestamp()


@asynccontextmanager
async def connect(endpoint: str, connections: int, retries: str | None = None) -> AsyncIterator[Ours]:
    """Open the adapter."""
    assert retries is None, "the defaults must do"
    async with ecr.Session(region=REGION, endpoint_url=endpoint, max_connections=connections) as session:
        yield Ours(session)
