"""put_image: what must be there before, what moves, and what is rejected."""

import json

import pytest

from ecr_async import api as ecr
from ecr_async.local import LocalECR
from ecr_async.oci.media_types import DOCKER_MANIFEST, OCI_CONFIG, OCI_INDEX, OCI_MANIFEST
from ecr_async.service import Service
from tests.integration.local.content import (
    UNKNOWN_DIGEST,
    create,
    digest_of,
    index,
    manifest,
    push_layer,
    put,
)


@pytest.fixture
async def repository(service: Service) -> str:
    name = await create(service)
    for blob in (b"{}", b"one", b"two"):
        await push_layer(service, blob)
    return name


async def described(service: Service, digest: str) -> ecr.ImageDetail:
    request = ecr.DescribeImagesRequest("team/app", image_ids=[ecr.ImageIdentifier(digest)])
    return (await ecr.describe_images(service, request)).image_details[0]


async def test_an_image_is_its_manifest(service: Service, repository: str) -> None:
    text = manifest(b"one", b"two")
    response = await ecr.put_image(service, ecr.PutImageRequest(repository, text, image_tag="v1"))
    assert response.image == ecr.Image(
        "123456789012", repository, ecr.ImageIdentifier(digest_of(text), "v1"), text, OCI_MANIFEST
    )
    detail = await described(service, digest_of(text))
    assert detail.image_tags == ("v1",)
    assert detail.image_size_in_bytes == len(b"{}") + len(b"one") + len(b"two")
    assert detail.artifact_media_type == OCI_CONFIG
    assert detail.image_manifest_media_type == OCI_MANIFEST
    assert detail.image_status == "ACTIVE"
    assert detail.last_recorded_pull_time is None


async def test_an_image_needs_no_tag(service: Service, repository: str) -> None:
    digest = await put(service, manifest(b"one"))
    assert (await described(service, digest)).image_tags == ()


async def test_a_tag_moves(service: Service, repository: str) -> None:
    first = await put(service, manifest(b"one"), "latest")
    second = await put(service, manifest(b"two"), "latest")
    assert (await described(service, first)).image_tags == ()
    assert (await described(service, second)).image_tags == ("latest",)


async def test_an_image_can_have_many_tags(service: Service, repository: str) -> None:
    digest = await put(service, manifest(b"one"), "v1")
    before = (await described(service, digest)).image_pushed_at
    await put(service, manifest(b"one"), "v1.0")
    detail = await described(service, digest)
    assert (detail.image_tags, detail.image_pushed_at) == (("v1", "v1.0"), before)


@pytest.mark.parametrize("tag", ["v1", None])
async def test_what_is_there_already_is_not_put_again(
    service: Service, repository: str, tag: str | None
) -> None:
    await put(service, manifest(b"one"), tag)
    with pytest.raises(ecr.ImageAlreadyExistsException, match="already exists in the repository"):
        await put(service, manifest(b"one"), tag)


async def test_an_immutable_tag_stays(service: Service, repository: str) -> None:
    first = await put(service, manifest(b"one"), "v1")
    await ecr.put_image_tag_mutability(service, ecr.PutImageTagMutabilityRequest(repository, "IMMUTABLE"))
    with pytest.raises(ecr.ImageTagAlreadyExistsException, match="'v1' already exists"):
        await put(service, manifest(b"two"), "v1")
    with pytest.raises(ecr.ImageAlreadyExistsException):
        await put(service, manifest(b"one"), "v1")
    await put(service, manifest(b"two"), "v2")
    assert (await described(service, first)).image_tags == ("v1",)


@pytest.mark.parametrize(
    ("mutability", "movable", "fixed"),
    [
        ("IMMUTABLE_WITH_EXCLUSION", "dev-7", "v1"),
        ("MUTABLE_WITH_EXCLUSION", "v1", "dev-7"),
    ],
)
async def test_exclusions_turn_the_rule_around(
    service: Service, repository: str, mutability: str, movable: str, fixed: str
) -> None:
    filters = [ecr.ImageTagMutabilityExclusionFilter("WILDCARD", "dev-*")]
    await ecr.put_image_tag_mutability(
        service, ecr.PutImageTagMutabilityRequest(repository, mutability, None, filters)
    )
    for tag in (movable, fixed):
        await put(service, manifest(b"one"), tag)
    await put(service, manifest(b"two"), movable)
    with pytest.raises(ecr.ImageTagAlreadyExistsException):
        await put(service, manifest(b"two"), fixed)


async def test_the_digest_can_be_announced(service: Service, repository: str) -> None:
    text = manifest(b"one")
    with pytest.raises(ecr.ImageDigestDoesNotMatchException):
        await ecr.put_image(service, ecr.PutImageRequest(repository, text, image_digest=UNKNOWN_DIGEST))
    await ecr.put_image(service, ecr.PutImageRequest(repository, text, image_digest=digest_of(text)))


async def test_layers_and_configuration_must_be_there(service: Service, repository: str) -> None:
    with pytest.raises(ecr.LayersNotFoundException, match=digest_of(b"absent")):
        await put(service, manifest(b"one", b"absent"))
    with pytest.raises(ecr.LayersNotFoundException, match=digest_of(b"other")):
        await put(service, manifest(b"one", config=b"other"))


async def test_the_layers_of_another_repository_do_not_count(service: Service, repository: str) -> None:
    await create(service, "other")
    with pytest.raises(ecr.LayersNotFoundException):
        await put(service, manifest(b"one"), name="other")


async def test_layers_can_be_taken_on_trust() -> None:
    async with LocalECR(verify_layers=False) as local, local.session() as session:
        service = session.service()
        await create(service)
        digest = await put(service, manifest(b"never uploaded"), "v1")
        assert (await described(service, digest)).image_size_in_bytes == len(b"{}") + len(b"never uploaded")


async def test_an_index_refers_to_images_that_are_there(service: Service, repository: str) -> None:
    small, large = manifest(b"one"), manifest(b"one", b"two")
    await put(service, small)
    with pytest.raises(ecr.ReferencedImagesNotFoundException, match=digest_of(large)):
        await put(service, index(small, large), "multi")
    await put(service, large)
    digest = await put(service, index(small, large), "multi")
    detail = await described(service, digest)
    assert detail.image_manifest_media_type == OCI_INDEX
    assert detail.artifact_media_type is None
    assert detail.image_size_in_bytes == (await described(service, digest_of(large))).image_size_in_bytes


async def test_a_subject_is_known_but_need_not_be_there(service: Service, repository: str) -> None:
    signature = manifest(b"one", subject={"digest": UNKNOWN_DIGEST, "mediaType": OCI_MANIFEST, "size": 1})
    digest = await put(service, signature)
    assert (await described(service, digest)).subject_manifest_digest == UNKNOWN_DIGEST


async def test_the_media_type_comes_from_the_request_or_the_manifest(
    service: Service, repository: str
) -> None:
    text = manifest(b"one", mediaType=None)
    with pytest.raises(ecr.InvalidParameterException, match="Invalid JSON syntax"):
        await put(service, text)
    request = ecr.PutImageRequest(repository, text, image_manifest_media_type=DOCKER_MANIFEST)
    response = await ecr.put_image(service, request)
    assert response.image is not None
    assert response.image.image_manifest_media_type == DOCKER_MANIFEST
    contradiction = ecr.PutImageRequest(
        repository, manifest(b"two"), image_manifest_media_type=DOCKER_MANIFEST
    )
    with pytest.raises(ecr.InvalidParameterException, match="media type"):
        await ecr.put_image(service, contradiction)


@pytest.mark.parametrize(
    "text",
    [
        "no JSON",
        "[]",
        '{"schemaVersion": 1}',
        manifest(config=b"{}", layers=["not a descriptor"]),
        manifest(config=b"{}", layers=[{"digest": 5}]),
        manifest(config=b"{}", layers=[{"digest": UNKNOWN_DIGEST, "size": "large"}]),
        manifest(config=b"{}", layers=[{"digest": UNKNOWN_DIGEST, "size": -1}]),
        manifest(config=b"{}", layers=[{"digest": UNKNOWN_DIGEST, "size": 2**63}]),
        manifest(mediaType=[OCI_MANIFEST]),
        manifest(artifactType={"is": "no text"}),
        json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": OCI_MANIFEST,
                "config": {"digest": UNKNOWN_DIGEST, "mediaType": 5},
            }
        ),
    ],
)
async def test_invalid_manifests(service: Service, repository: str, text: str) -> None:
    with pytest.raises(ecr.InvalidParameterException, match="ImageManifest"):
        await put(service, text)


@pytest.mark.parametrize("tag", ["-leading", "with space", "colon:colon"])
async def test_invalid_tags(service: Service, repository: str, tag: str) -> None:
    with pytest.raises(ecr.InvalidParameterException, match="imageTag"):
        await put(service, manifest(b"one"), tag)


async def test_a_rejected_image_leaves_nothing(service: Service, repository: str) -> None:
    with pytest.raises(ecr.LayersNotFoundException):
        await put(service, manifest(b"absent"), "v1")
    images = await ecr.describe_images(service, ecr.DescribeImagesRequest(repository))
    assert images.image_details == ()


async def test_nowhere_to_push_to(service: Service) -> None:
    with pytest.raises(ecr.RepositoryNotFoundException):
        await put(service, manifest(b"one"))


async def test_a_layer_that_lives_elsewhere_is_not_required(service: Service, repository: str) -> None:
    foreign = {"digest": UNKNOWN_DIGEST, "size": 5, "urls": ["https://example.com/layer"]}
    digest = await put(service, manifest(layers=[foreign]))
    assert (await described(service, digest)).image_size_in_bytes == 7
