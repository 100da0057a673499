"""The library under aioresponses, with which many programs that use aiohttp mock their exchanges.

It stands in for aiohttp's session, so this is a promise about how we use aiohttp: through `ClientSession`
alone.
"""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from aioresponses import CallbackResult, aioresponses
from yarl import URL

import ecr_async as ecr

ENDPOINT = "https://api.ecr.eu-west-1.amazonaws.com"


@pytest.fixture
def mocked() -> Iterator[Any]:
    """No request leaves this process, and one that is not expected fails."""
    with aioresponses() as mocked:
        yield mocked


@pytest.fixture
async def service(mocked: Any) -> AsyncIterator[ecr.Service]:
    """A service of a region's real endpoint; connections to it are mocked."""
    async with ecr.Session(
        region="eu-west-1", access_key_id="AKIDEXAMPLE", secret_access_key="secret"
    ) as session:
        yield session.service()


def requests(mocked: Any) -> list[Any]:
    """Return the requests that were made, in order."""
    return list(mocked.requests.get(("POST", URL(ENDPOINT)), []))


async def test_a_call(mocked: Any, service: ecr.Service) -> None:
    mocked.post(ENDPOINT, payload={"repositories": [{"repositoryName": "team/app"}]})
    response = await ecr.describe_repositories(service, ecr.DescribeRepositoriesRequest())
    assert [repository.repository_name for repository in response.repositories] == ["team/app"]
    [request] = requests(mocked)
    assert request.kwargs["headers"]["X-Amz-Target"].endswith(".DescribeRepositories")


async def test_an_error_of_the_service(mocked: Any, service: ecr.Service) -> None:
    mocked.post(
        ENDPOINT,
        status=400,
        payload={"__type": "RepositoryNotFoundException", "message": "No team/app."},
        headers={"x-amzn-requestid": "7f3c"},
    )
    with pytest.raises(ecr.RepositoryNotFoundException, match=r"No team/app\.") as caught:
        await ecr.list_images(service, ecr.ListImagesRequest("team/app"))
    assert (caught.value.status, caught.value.request_id, caught.value.attempts) == (400, "7f3c", 1)


async def test_a_connection_that_fails_is_tried_again(mocked: Any, service: ecr.Service) -> None:
    mocked.post(ENDPOINT, exception=ConnectionResetError("reset"))
    mocked.post(ENDPOINT, status=503, body="<html>")
    mocked.post(ENDPOINT, payload={"repositories": []})
    await ecr.describe_repositories(service, ecr.DescribeRepositoriesRequest())
    assert len(requests(mocked)) == 3


async def test_three_pages(mocked: Any, service: ecr.Service) -> None:
    for number, token in ((1, "2"), (2, "3"), (3, None)):
        page: dict[str, Any] = {"imageIds": [{"imageTag": f"v{number}"}]}
        mocked.post(ENDPOINT, payload=page | ({"nextToken": token} if token else {}))
    pager = ecr.paginate_list_images(service, ecr.ListImagesRequest("team/app"))
    assert [image.image_tag async for image in pager] == ["v1", "v2", "v3"]
    assert len(requests(mocked)) == 3


async def test_a_scan(mocked: Any, service: ecr.Service) -> None:
    def respond(_: URL, headers: dict[str, str], **__: Any) -> CallbackResult:
        operation = headers["X-Amz-Target"].partition(".")[2]
        payloads: dict[str, Any] = {
            "DescribeRepositories": {"repositories": [{"repositoryName": "team/app"}]},
            "DescribeImages": {
                "imageDetails": [{"imageDigest": f"sha256:{'0' * 64}", "imageSizeInBytes": 7}]
            },
        }
        return CallbackResult(payload=payloads[operation])

    mocked.post(ENDPOINT, callback=respond, repeat=True)
    scan = ecr.scan_images(service)
    assert [image.image_size_in_bytes async for image in scan.images()] == [7]
    assert scan.summary.complete
