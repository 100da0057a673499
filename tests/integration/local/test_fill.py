"""LocalECR.fill: a registry with much in it, in no time."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

import ecr_async as ecr
from ecr_async.local import LocalECR
from tests.integration.local.content import manifest


async def test_requests_are_carried_out_in_order_each_at_its_own_time() -> None:
    now = [0.0]

    def requests() -> Iterator[Any]:
        yield ecr.CreateRepositoryRequest("team/app")
        for second in (1.0, 2.0, 3.0):
            now[0] = second
            yield ecr.PutImageRequest("team/app", manifest(str(second).encode()), image_tag="main")

    async with LocalECR(verify_layers=False, clock=lambda: now[0]) as local, local.session() as session:
        await local.fill(requests())
        response = await ecr.describe_images(session.service(), ecr.DescribeImagesRequest("team/app"))

    assert [(image.image_pushed_at, image.image_tags) for image in response.image_details] == [
        (datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), ()),
        (datetime(1970, 1, 1, 0, 0, 2, tzinfo=UTC), ()),
        (datetime(1970, 1, 1, 0, 0, 3, tzinfo=UTC), ("main",)),
    ]


@pytest.mark.parametrize(
    ("rejected", "error", "left"),
    [
        (ecr.CreateRepositoryRequest("team/app"), ecr.RepositoryAlreadyExistsException, ["team/app"]),
        (ecr.CreateRepositoryRequest("x"), ecr.ValidationError, []),
    ],
)
async def test_a_rejection_keeps_what_came_before_and_a_mistake_undoes_it(
    rejected: Any, error: type[Exception], left: list[str]
) -> None:
    requests = [ecr.CreateRepositoryRequest("team/app"), rejected, ecr.CreateRepositoryRequest("team/never")]
    async with LocalECR() as local, local.session() as session:
        with pytest.raises(error):
            await local.fill(requests)
        response = await ecr.describe_repositories(session.service(), ecr.DescribeRepositoriesRequest())

    assert [repository.repository_name for repository in response.repositories] == left
