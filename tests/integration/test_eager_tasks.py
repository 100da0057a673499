"""Event loops that begin a task at once, before `create_task` returns, as some programs set them up."""

import asyncio
import sys
from collections.abc import AsyncIterator

import pytest

import ecr_async as ecr
from ecr_async.local import LocalECR
from tests.integration.local.content import manifest

pytestmark = pytest.mark.skipif(sys.version_info < (3, 12), reason="tasks are eager from Python 3.12 on")

IMAGES = 25


@pytest.fixture
async def service() -> AsyncIterator[ecr.Service]:
    if sys.version_info >= (3, 12):
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    async with LocalECR(verify_layers=False) as local, local.session() as session:
        await local.fill([ecr.CreateRepositoryRequest("team/app")])
        await local.fill(
            ecr.PutImageRequest("team/app", manifest(str(number).encode())) for number in range(IMAGES)
        )
        yield session.service()


async def test_pages(service: ecr.Service) -> None:
    request = ecr.DescribeImagesRequest("team/app", max_results=10)
    assert len([image async for image in ecr.paginate_describe_images(service, request)]) == IMAGES


async def test_scans(service: ecr.Service) -> None:
    scan = ecr.scan_images(service, page_size=10)
    assert len([image async for image in scan.images()]) == IMAGES
    findings = ecr.scan_findings(service, ecr.scan_images(service), start=True, wait=30)
    assert {type(result) async for result in findings} == {ecr.ImageFindings}


async def test_calls_at_once(service: ecr.Service) -> None:
    calls = [ecr.describe_repositories(service, ecr.DescribeRepositoriesRequest()) for _ in range(IMAGES)]
    assert len(await asyncio.gather(*calls)) == IMAGES
