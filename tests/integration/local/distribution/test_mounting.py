"""Blobs that two repositories share, as far as the account's setting and ECR's conditions let them.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/blob-mounting.html
"""

import json

import pytest

from ecr_async import api as ecr
from ecr_async.local import LocalECR
from ecr_async.service import Service
from tests.integration.local.content import create, digest_of, manifest, push, push_layer, put
from tests.integration.local.distribution.client import Door, Response, open_door

DIGEST = digest_of(b"a layer")


@pytest.fixture
async def source(service: Service) -> str:
    """A repository with an image of a layer, in an account that lets layers be mounted."""
    await ecr.put_account_setting(service, ecr.PutAccountSettingRequest("BLOB_MOUNTING", "ENABLED"))
    await push(service, b"a layer", "v1", name=await create(service, "team/source"))
    return "team/source"


async def mount(door: Door, source: str | None, digest: str = DIGEST, name: str = "team/app") -> Response:
    origin = f"&from={source}" if source is not None else ""
    return await door.send("POST", f"/v2/{name}/blobs/uploads/?mount={digest}{origin}")


async def check_rejected(door: Door, response: Response) -> None:
    """Check that a client may go on by uploading, as the specification says."""
    assert (response.status, response.headers["Range"]) == (202, "0-0")
    done = await door.send("PUT", f"{response.location}?digest={DIGEST}", b"a layer")
    assert done.status == 201


@pytest.mark.parametrize("prefix", ["", "123456789012/us-east-1/"])
async def test_a_layer_is_mounted(door: Door, source: str, prefix: str) -> None:
    response = await mount(door, prefix + source)
    assert (response.status, response.headers["Docker-Content-Digest"]) == (201, DIGEST)
    assert response.location == f"/v2/team/app/blobs/{DIGEST}"
    assert (await door.send("GET", response.location)).body == b"a layer"


async def test_a_layer_that_no_image_has_is_not_mounted(door: Door, source: str, service: Service) -> None:
    digest = await push_layer(service, b"another layer", source)
    assert (await mount(door, source, digest)).status == 202
    await put(service, manifest(b"another layer"), "v2", source)
    assert (await mount(door, source, digest)).status == 201


async def test_a_mounted_layer_outlives_its_source(door: Door, source: str, service: Service) -> None:
    location = (await mount(door, source)).location
    await ecr.delete_repository(service, ecr.DeleteRepositoryRequest(source, force=True))
    assert (await door.send("GET", location)).body == b"a layer"


async def test_without_the_setting_it_is_uploaded(door: Door, source: str, service: Service) -> None:
    await ecr.put_account_setting(service, ecr.PutAccountSettingRequest("BLOB_MOUNTING", "DISABLED"))
    await check_rejected(door, await mount(door, source))


@pytest.mark.parametrize("source_name", [None, "team/absent", "123456789012/eu-west-1/team/source"])
async def test_sources_that_are_none(door: Door, source: str, source_name: str | None) -> None:
    await check_rejected(door, await mount(door, source_name))


async def test_a_layer_that_the_source_has_not(door: Door, source: str) -> None:
    response = await mount(door, source, digest_of(b"another"))
    assert response.status == 202


async def test_repositories_that_are_encrypted_otherwise_share_nothing(
    door: Door, source: str, service: Service
) -> None:
    kms = ecr.EncryptionConfiguration("KMS")
    await create(service, "team/secret", encryption_configuration=kms)
    assert (await mount(door, source, name="team/secret")).status == 202


async def test_the_target_must_be_there(door: Door, source: str) -> None:
    response = await mount(door, source, name="team/absent")
    assert (response.status, response.code) == (404, "NAME_UNKNOWN")


@pytest.mark.parametrize("allowed", [True, False])
async def test_another_account_must_be_allowed_to_read_the_source(allowed: bool) -> None:
    keys = {"AKIAOTHER": ("other", "210987654321")}

    def policy(*actions: str) -> str:
        statement = {"Effect": "Allow", "Principal": {"AWS": "210987654321"}, "Action": list(actions)}
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    async with (
        LocalECR(keys=keys) as local,
        local.session() as owner,
        open_door(local, access_key_id="AKIAOTHER", secret_access_key="other") as door,
    ):
        service = owner.service()
        await ecr.put_account_setting(service, ecr.PutAccountSettingRequest("BLOB_MOUNTING", "ENABLED"))
        await push(service, b"a layer", "v1", name=await create(service, "team/source"))
        await create(service)
        push_policy = policy("ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload")
        await ecr.set_repository_policy(service, ecr.SetRepositoryPolicyRequest("team/app", push_policy))
        if allowed:
            read_policy = policy("ecr:GetDownloadUrlForLayer")
            await ecr.set_repository_policy(
                service, ecr.SetRepositoryPolicyRequest("team/source", read_policy)
            )
        response = await mount(door, "team/source")
        assert response.status == (201 if allowed else 202)
