"""Quotas of an account that few ever meet, made small."""

from collections.abc import Iterator

import pytest

from ecr_async import api as ecr
from ecr_async.local import LocalECR
from ecr_async.local.rules import quotas
from ecr_async.service import Service
from tests.integration.local.content import begin_upload, create, manifest, push, put, send_part


@pytest.fixture(autouse=True)
def small_quotas() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quotas, "MAX_PARTS", 2)
        patch.setattr(quotas, "MAX_TAGS", 2)
        patch.setattr(quotas, "MAX_REPOSITORIES", 2)
        yield


async def test_repositories_of_a_region(service: Service, local: LocalECR) -> None:
    await create(service, "one")
    await create(service, "two")
    with pytest.raises(ecr.LimitExceededException, match="at most 2 repositories"):
        await create(service, "three")
    async with local.session(region="eu-west-1") as session:
        await create(session.service(), "three")


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
