"""The tags of repositories."""

import pytest

from ecr_async import api as ecr
from ecr_async.service import Service
from tests.integration.local.content import REGISTRY, create

ARN = f"arn:aws:ecr:us-east-1:{REGISTRY}:repository/team/app"


async def tags(service: Service) -> dict[str, str]:
    response = await ecr.list_tags_for_resource(service, ecr.ListTagsForResourceRequest(ARN))
    return {tag.key: tag.value for tag in response.tags}


async def test_tags_come_with_the_repository_and_can_be_changed(service: Service) -> None:
    await create(service, tags=[ecr.Tag("owner", "team"), ecr.Tag("stage", "test")])
    assert await tags(service) == {"owner": "team", "stage": "test"}
    await ecr.tag_resource(
        service, ecr.TagResourceRequest(ARN, [ecr.Tag("stage", "prod"), ecr.Tag("cost", "")])
    )
    assert await tags(service) == {"owner": "team", "stage": "prod", "cost": ""}
    await ecr.untag_resource(service, ecr.UntagResourceRequest(ARN, ["stage", "absent"]))
    assert await tags(service) == {"owner": "team", "cost": ""}


async def test_there_are_at_most_fifty(service: Service) -> None:
    await create(service, tags=[ecr.Tag(f"key{number}", "x") for number in range(50)])
    await ecr.tag_resource(service, ecr.TagResourceRequest(ARN, [ecr.Tag("key0", "y")]))
    with pytest.raises(ecr.TooManyTagsException):
        await ecr.tag_resource(service, ecr.TagResourceRequest(ARN, [ecr.Tag("key50", "x")]))


@pytest.mark.parametrize(
    ("arn", "error"),
    [
        (ARN, ecr.RepositoryNotFoundException),
        ("team/app", ecr.InvalidParameterException),
        (ARN.replace("us-east-1", "eu-west-1"), ecr.InvalidParameterException),
    ],
)
async def test_resources_that_have_no_tags(service: Service, arn: str, error: type[Exception]) -> None:
    for call in (
        ecr.list_tags_for_resource(service, ecr.ListTagsForResourceRequest(arn)),
        ecr.tag_resource(service, ecr.TagResourceRequest(arn, [ecr.Tag("key", "value")])),
        ecr.untag_resource(service, ecr.UntagResourceRequest(arn, ["key"])),
    ):
        with pytest.raises(error):
            await call


async def test_a_tag_that_aws_keeps_for_itself(service: Service) -> None:
    await create(service)
    with pytest.raises(ecr.InvalidTagParameterException):
        await ecr.tag_resource(service, ecr.TagResourceRequest(ARN, [ecr.Tag("aws:mine", "x")]))
