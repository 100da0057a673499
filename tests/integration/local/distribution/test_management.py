"""The specification's category Content Management: what is deleted is gone, as far as ECR deletes.

https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#content-management
"""

import pytest

from ecr_async import api as ecr
from ecr_async.service import Service
from tests.integration.local.content import UNKNOWN_DIGEST, index, manifest, push, put
from tests.integration.local.distribution.client import Door


async def status(door: Door, reference: str) -> int:
    return (await door.send("HEAD", f"/v2/team/app/manifests/{reference}")).status


async def delete(door: Door, reference: str) -> int:
    return (await door.send("DELETE", f"/v2/team/app/manifests/{reference}")).status


async def test_a_tag(door: Door, service: Service) -> None:
    digest = await push(service, b"a layer", "v1", "latest")
    assert await delete(door, "v1") == 202
    assert [await status(door, one) for one in ("v1", "latest", digest)] == [404, 200, 200]


async def test_the_last_tag_takes_the_image_along(door: Door, service: Service) -> None:
    digest = await push(service, b"a layer", "v1")
    assert await delete(door, "v1") == 202
    assert [await status(door, one) for one in ("v1", digest)] == [404, 404]


async def test_an_image_by_its_digest_with_all_its_tags(door: Door, service: Service) -> None:
    digest = await push(service, b"a layer", "v1", "latest")
    assert await delete(door, digest) == 202
    assert [await status(door, one) for one in ("v1", "latest", digest)] == [404, 404, 404]
    assert (await door.send("GET", "/v2/team/app/tags/list")).json["tags"] == []


@pytest.mark.parametrize("reference", ["v2", UNKNOWN_DIGEST])
async def test_what_is_not_there(door: Door, service: Service, reference: str) -> None:
    await push(service, b"a layer", "v1")
    response = await door.send("DELETE", f"/v2/team/app/manifests/{reference}")
    assert (response.status, response.code) == (404, "MANIFEST_UNKNOWN")


async def test_an_image_of_an_index_stays_until_the_index_is_gone(door: Door, service: Service) -> None:
    digest = await push(service, b"a layer")
    of_both = await put(service, index(manifest(b"a layer")), "v1")
    rejected = await door.send("DELETE", f"/v2/team/app/manifests/{digest}")
    assert (rejected.status, rejected.code) == (400, "DENIED")
    assert of_both in rejected.json["errors"][0]["message"]
    assert [await delete(door, of_both), await delete(door, digest)] == [202, 202]


async def test_a_repository_that_is_not_there(door: Door) -> None:
    response = await door.send("DELETE", "/v2/team/other/manifests/v1")
    assert (response.status, response.code) == (404, "NAME_UNKNOWN")


async def test_blobs_are_not_deleted_by_request(door: Door) -> None:
    digest = await door.push_blob(b"a layer")
    response = await door.send("DELETE", f"/v2/team/app/blobs/{digest}")
    assert (response.status, response.code) == (405, "UNSUPPORTED")
    assert (await door.send("HEAD", f"/v2/team/app/blobs/{digest}")).status == 200


async def test_what_is_deleted_here_is_gone_for_the_api(door: Door, service: Service) -> None:
    digest = await push(service, b"a layer", "v1")
    await delete(door, digest)
    found = await ecr.describe_images(service, ecr.DescribeImagesRequest("team/app"))
    assert found.image_details == ()
