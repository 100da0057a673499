"""Quotas of an account that few ever meet, made small."""

from collections.abc import Iterator

import pytest

from ecr_async import api as ecr
from ecr_async.local import LocalECR
from ecr_async.local.rules import quotas
from ecr_async.service import Service
from tests.integration.local.content import (
    begin_upload,
    create,
    manifest,
    push,
    push_layer,
    put,
    send_part,
)
from tests.integration.local.distribution.client import open_door


@pytest.fixture(autouse=True)
def small_quotas() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quotas, "MAX_PARTS", 2)
        patch.setattr(quotas, "MAX_TAGS", 2)
        patch.setattr(quotas, "MAX_IMAGES", 2)
        patch.setattr(quotas, "MAX_REPOSITORIES", 2)
        yield


async def test_repositories_of_a_region(service: Service, local: LocalECR) -> None:
    await create(service, "one")
    await create(service, "two")
    with pytest.raises(ecr.LimitExceededException, match="at most 2 repositories"):
        await create(service, "three")
    async with local.session(region="eu-west-1") as session:
        await create(session.service(), "three")


async def test_images_of_a_repository(service: Service, local: LocalECR) -> None:
    await create(service)
    for content in (b"one", b"two"):
        digest = await push(service, content, content.decode())
    await push_layer(service, b"three")
    full = (
        "The repository with name 'team/app' in registry with id '123456789012' already has the maximum "
        "allowed number of images which is '2'"
    )
    with pytest.raises(ecr.LimitExceededException, match=full):
        await put(service, manifest(b"three"), "v3")
    async with open_door(local) as door:
        rejected = await door.put(manifest(b"three"), "v3")
        assert (rejected.status, rejected.code) == (403, "DENIED")
        assert rejected.json["errors"][0]["message"] == full
    await put(service, manifest(b"two"), "again")  # one that is there may get another tag
    doomed = [ecr.ImageIdentifier(digest)]
    await ecr.batch_delete_image(service, ecr.BatchDeleteImageRequest("team/app", doomed))
    await put(service, manifest(b"three"), "v3")
    await create(service, "team/other")
    await push(service, b"three", "v3", name="team/other")


async def test_tags_of_an_image(service: Service) -> None:
    await create(service)
    await push(service, b"layer", "v1", "v2")
    with pytest.raises(
        ecr.LimitExceededException, match="exceeds the maximum allowed number of tags per image which is '2'"
    ):
        await put(service, manifest(b"layer"), "v3")


async def test_parts_of_a_layer(service: Service) -> None:
    await create(service)
    upload_id = await begin_upload(service)
    for first in range(2):
        await send_part(service, upload_id, first, b"x")
    with pytest.raises(ecr.LimitExceededException, match="at most 2 parts"):
        await send_part(service, upload_id, 2, b"x")
