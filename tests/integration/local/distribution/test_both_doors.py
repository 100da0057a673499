"""What comes in by one door is there by the other, under the same rules."""

from datetime import UTC, datetime

import pytest

from ecr_async import api as ecr
from ecr_async.local import LocalECR
from ecr_async.service import Service
from tests.clocks import StoppedClock
from tests.integration.local.content import (
    MIB,
    begin_upload,
    create,
    digest_of,
    manifest,
    push,
    push_layer,
    put,
    send_part,
)
from tests.integration.local.distribution.client import Door, open_door

LAYER = b"a layer"
DIGEST = digest_of(manifest(LAYER))


async def push_by_door(door: Door, tag: str = "v1") -> None:
    for blob in (b"{}", LAYER):
        await door.push_blob(blob)
    assert (await door.put(manifest(LAYER), tag)).status == 201


async def detail(service: Service) -> ecr.ImageDetail:
    response = await ecr.describe_images(service, ecr.DescribeImagesRequest("team/app"))
    [image] = response.image_details
    return image


async def test_an_image_of_this_door_is_described_by_the_api(door: Door, service: Service) -> None:
    await push_by_door(door)
    image = await detail(service)
    assert (image.image_digest, image.image_tags) == (DIGEST, ("v1",))
    assert image.image_size_in_bytes == len(LAYER) + 2
    got = await ecr.batch_get_image(
        service, ecr.BatchGetImageRequest("team/app", [ecr.ImageIdentifier(image_tag="v1")])
    )
    assert got.images[0].image_manifest == manifest(LAYER)
    request = ecr.BatchCheckLayerAvailabilityRequest("team/app", [digest_of(LAYER)])
    [layer] = (await ecr.batch_check_layer_availability(service, request)).layers
    assert (layer.layer_availability, layer.layer_size) == ("AVAILABLE", len(LAYER))


async def test_an_image_of_the_api_is_pulled_by_this_door(door: Door, service: Service) -> None:
    await push(service, LAYER, "v1")
    pulled = await door.send("GET", "/v2/team/app/manifests/v1")
    assert pulled.body.decode() == manifest(LAYER)
    blob = await door.send("GET", f"/v2/team/app/blobs/{digest_of(LAYER)}")
    assert blob.body == LAYER


async def test_layers_of_either_door_make_one_image(door: Door, service: Service) -> None:
    await push_layer(service, b"{}")
    await door.push_blob(LAYER)
    assert await put(service, manifest(LAYER), "v1") == DIGEST
    with pytest.raises(ecr.LayerAlreadyExistsException):
        await push_layer(service, LAYER)


async def test_an_upload_of_the_api_is_seen_by_this_door(door: Door, service: Service) -> None:
    upload_id = await begin_upload(service)
    await send_part(service, upload_id, 0, bytes(5 * MIB))
    location = f"/v2/team/app/blobs/uploads/{upload_id}"
    assert (await door.send("GET", location)).headers["Range"] == f"0-{5 * MIB - 1}"
    content = bytes(5 * MIB) + b"the rest"
    done = await door.send("PUT", f"{location}?digest={digest_of(content)}", b"the rest")
    assert done.status == 201


async def test_an_immutable_tag_stays_where_it_is(door: Door, service: Service) -> None:
    await push_by_door(door)
    await ecr.put_image_tag_mutability(
        service,
        ecr.PutImageTagMutabilityRequest(
            "team/app",
            "IMMUTABLE_WITH_EXCLUSION",
            image_tag_mutability_exclusion_filters=[
                ecr.ImageTagMutabilityExclusionFilter("WILDCARD", "dev-*")
            ],
        ),
    )
    assert (await door.put(manifest(LAYER), "v1")).status == 201, "the same again changes nothing"
    await door.push_blob(b"another")
    rejected = await door.put(manifest(b"another"), "v1")
    assert (rejected.status, rejected.code) == (400, "TAG_INVALID")
    assert "cannot be overwritten because the tag is immutable" in rejected.json["errors"][0]["message"]
    for layer in (LAYER, b"another"):
        assert (await door.put(manifest(layer), "dev-1")).status == 201


# ---------------------------------------------------------------------------- pull times


@pytest.mark.parametrize("reference", ["v1", DIGEST])
async def test_a_pull_is_recorded_and_a_look_is_not(
    door: Door, service: Service, clock: StoppedClock, reference: str
) -> None:
    await push_by_door(door)
    await door.send("HEAD", f"/v2/team/app/manifests/{reference}")
    await door.send("GET", f"/v2/team/app/blobs/{digest_of(LAYER)}")
    await door.send("GET", "/v2/team/app/tags/list")
    assert (await detail(service)).last_recorded_pull_time is None
    clock.now += 3600
    await door.send("GET", f"/v2/team/app/manifests/{reference}")
    assert (await detail(service)).last_recorded_pull_time == datetime.fromtimestamp(clock.now, UTC)


async def pull_by_api(service: Service) -> None:
    await ecr.batch_get_image(service, ecr.BatchGetImageRequest("team/app", [ecr.ImageIdentifier(DIGEST)]))


@pytest.mark.parametrize("excluded", [True, False])
async def test_pulls_of_excluded_principals_are_not_recorded(excluded: bool) -> None:
    scanner = "arn:aws:iam::123456789012:role/scanner"
    keys = {"AKIASCANNER": ("secret", "123456789012", scanner)}
    credentials = {"access_key_id": "AKIASCANNER", "secret_access_key": "secret"}
    async with (
        LocalECR(keys=keys) as local,
        local.session() as owner,
        local.session(**credentials) as session,
    ):
        service = owner.service()
        await create(service)
        await push(service, LAYER, "v1")
        principal = scanner if excluded else "arn:aws:iam::123456789012:role/another"
        await ecr.register_pull_time_update_exclusion(
            service, ecr.RegisterPullTimeUpdateExclusionRequest(principal)
        )
        async with open_door(local, **credentials) as door:
            assert (await door.send("GET", "/v2/team/app/manifests/v1")).status == 200
        await pull_by_api(session.service())
        assert ((await detail(service)).last_recorded_pull_time is None) == excluded
