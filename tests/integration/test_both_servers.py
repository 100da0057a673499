"""The operations that moto's server has, against it and against the embedded ECR, held to the same
assertions.

Two servers by different hands that agree are better evidence of what ECR does than one alone. Of the 22
operations that tests/integration/local/test_boto3.py drives, moto has all but GetDownloadUrlForLayer,
StartLifecyclePolicyPreview and GetLifecyclePolicyPreview. Where moto deviates from ECR, a comment says so,
and the assertion is what both share.
"""

import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import aiohttp
import pytest

import ecr_async as ecr
from ecr_async import ImageIdentifier as Id
from ecr_async.local import LocalECR
from ecr_async.oci.media_types import OCI_MANIFEST
from ecr_async.service import Service
from tests.integration.local.content import (
    REGISTRY,
    UNKNOWN_DIGEST,
    begin_upload,
    create,
    digest_of,
    manifest,
    push_layer,
    send_part,
)


@pytest.fixture(params=["embedded", "moto"])
async def service(request: pytest.FixtureRequest, local: LocalECR, moto: str) -> AsyncIterator[Service]:
    """A service of either server, empty; each is the account 123456789012."""
    options = {}
    if request.param == "moto":
        async with aiohttp.ClientSession() as http, http.post(f"{moto}/moto-api/reset") as response:
            response.raise_for_status()
        options = {"endpoint_url": moto}
    async with local.session(**options) as session:
        yield session.service()


@pytest.fixture
async def repository(service: Service) -> str:
    """A repository, empty."""
    return await create(service)


async def push(service: Service, content: bytes, *tags: str) -> str:
    """Push an image of one layer, with tags, and return its digest.

    The digest is sent along: without it, moto makes up one that is not the manifest's.
    """
    for blob in (b"{}", content):
        with suppress(ecr.LayerAlreadyExistsException):
            await push_layer(service, blob)
    text = manifest(content)
    digest = digest_of(text)
    for tag in tags or (None,):
        await ecr.put_image(
            service, ecr.PutImageRequest("team/app", text, image_tag=tag, image_digest=digest)
        )
    return digest


async def listed(service: Service, status: ecr.TagStatus = "ANY") -> set[tuple[str | None, str | None]]:
    """Every digest and tag that ListImages gives."""
    request = ecr.ListImagesRequest("team/app", filter=ecr.ListImagesFilter(tag_status=status))
    images = ecr.paginate_list_images(service, request)
    return {(image.image_digest, image.image_tag) async for image in images}


# ---------------------------------------------------------------------------- repositories


async def test_a_repository_is_described_as_it_was_created(service: Service) -> None:
    created = await ecr.create_repository(
        service,
        ecr.CreateRepositoryRequest(
            "team/app",
            tags=[ecr.Tag("owner", "team")],
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration=ecr.ImageScanningConfiguration(scan_on_push=True),
        ),
    )
    repository = created.repository
    assert repository is not None
    assert repository.repository_arn == f"arn:aws:ecr:us-east-1:{REGISTRY}:repository/team/app"
    assert repository.registry_id == REGISTRY
    assert repository.repository_uri is not None
    assert repository.repository_uri.endswith("/team/app")
    assert repository.image_tag_mutability == "IMMUTABLE"
    assert repository.image_scanning_configuration == ecr.ImageScanningConfiguration(True)
    assert repository.encryption_configuration == ecr.EncryptionConfiguration("AES256")
    assert repository.created_at is not None
    described = await ecr.describe_repositories(
        service, ecr.DescribeRepositoriesRequest(repository_names=["team/app"])
    )
    assert described.repositories == (repository,)


async def test_a_name_is_taken_once(service: Service, repository: str) -> None:
    with pytest.raises(ecr.RepositoryAlreadyExistsException, match="'team/app' already exists") as raised:
        await create(service)
    assert (raised.value.operation, raised.value.status) == ("CreateRepository", 400)
    assert raised.value.request_id


async def test_a_pager_finds_every_repository(service: Service) -> None:
    # moto knows neither maxResults nor nextToken: all that it has is its first page.
    names = [await create(service, f"app-{number:02}") for number in range(12)]
    pager = ecr.paginate_describe_repositories(service, ecr.DescribeRepositoriesRequest(max_results=5))
    assert [one.repository_name async for one in pager] == names


async def test_a_repository_that_is_deleted_is_gone(service: Service, repository: str) -> None:
    deleted = await ecr.delete_repository(service, ecr.DeleteRepositoryRequest(repository))
    assert deleted.repository is not None
    assert deleted.repository.repository_name == repository
    everything = await ecr.describe_repositories(service, ecr.DescribeRepositoriesRequest())
    assert everything.repositories == ()


async def test_a_repository_with_images_is_deleted_by_force_only(service: Service, repository: str) -> None:
    await push(service, b"one", "v1")
    with pytest.raises(ecr.RepositoryNotEmptyException, match="still contains images"):
        await ecr.delete_repository(service, ecr.DeleteRepositoryRequest(repository))
    await ecr.delete_repository(service, ecr.DeleteRepositoryRequest(repository, force=True))
    await create(service)
    assert await listed(service) == set()


POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "pull",
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::210987654321:root"},
                "Action": ["ecr:BatchGetImage"],
            }
        ],
    }
)
LIFECYCLE_POLICY = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 1,
                "description": "Keep the last ten images that are tagged as releases.",
                "selection": {
                    "tagStatus": "tagged",
                    "tagPrefixList": ["v"],
                    "countType": "imageCountMoreThan",
                    "countNumber": 10,
                },
                "action": {"type": "expire"},
            }
        ]
    }
)
NO_JSON = "This is a text that is long enough for a lifecycle policy, but isn't JSON: " + 30 * "."

UPLOAD_ID = "00000000-0000-4000-8000-000000000000"
"""Of an upload that nobody began."""

Call = Callable[[Service, str], Awaitable[Any]]


# moto responds to a PutImage without repository with an internal error; nothing is shared there to assert.
@pytest.mark.parametrize(
    "call",
    [
        lambda service, name: ecr.describe_repositories(
            service, ecr.DescribeRepositoriesRequest(repository_names=[name])
        ),
        lambda service, name: ecr.delete_repository(service, ecr.DeleteRepositoryRequest(name)),
        lambda service, name: ecr.list_images(service, ecr.ListImagesRequest(name)),
        lambda service, name: ecr.describe_images(service, ecr.DescribeImagesRequest(name)),
        lambda service, name: ecr.batch_get_image(
            service, ecr.BatchGetImageRequest(name, [Id(UNKNOWN_DIGEST)])
        ),
        lambda service, name: ecr.batch_delete_image(
            service, ecr.BatchDeleteImageRequest(name, [Id(UNKNOWN_DIGEST)])
        ),
        lambda service, name: ecr.batch_check_layer_availability(
            service, ecr.BatchCheckLayerAvailabilityRequest(name, [UNKNOWN_DIGEST])
        ),
        lambda service, name: ecr.initiate_layer_upload(service, ecr.InitiateLayerUploadRequest(name)),
        lambda service, name: ecr.upload_layer_part(
            service, ecr.UploadLayerPartRequest(name, UPLOAD_ID, 0, 4, b"layer")
        ),
        lambda service, name: ecr.complete_layer_upload(
            service, ecr.CompleteLayerUploadRequest(name, UPLOAD_ID, [UNKNOWN_DIGEST])
        ),
        lambda service, name: ecr.set_repository_policy(
            service, ecr.SetRepositoryPolicyRequest(name, POLICY)
        ),
        lambda service, name: ecr.get_repository_policy(service, ecr.GetRepositoryPolicyRequest(name)),
        lambda service, name: ecr.delete_repository_policy(service, ecr.DeleteRepositoryPolicyRequest(name)),
        lambda service, name: ecr.put_lifecycle_policy(
            service, ecr.PutLifecyclePolicyRequest(name, LIFECYCLE_POLICY)
        ),
        lambda service, name: ecr.get_lifecycle_policy(service, ecr.GetLifecyclePolicyRequest(name)),
        lambda service, name: ecr.delete_lifecycle_policy(service, ecr.DeleteLifecyclePolicyRequest(name)),
    ],
)
async def test_without_a_repository_every_operation_says_so(service: Service, call: Call) -> None:
    with pytest.raises(ecr.RepositoryNotFoundException) as raised:
        await call(service, "none/such")
    assert raised.value.message == (
        f"The repository with name 'none/such' does not exist in the registry with id '{REGISTRY}'"
    )


# ---------------------------------------------------------------------------- layers


async def test_parts_become_a_layer(service: Service, repository: str) -> None:
    content = bytes(5 * 1024 * 1024) + b"the rest"
    digest = digest_of(content)
    upload_id = await begin_upload(service)
    assert await send_part(service, upload_id, 0, content[:-8]) == len(content) - 9
    assert await send_part(service, upload_id, len(content) - 8, content[-8:]) == len(content) - 1
    done = await ecr.complete_layer_upload(
        service, ecr.CompleteLayerUploadRequest(repository, upload_id, [digest])
    )
    assert done == ecr.CompleteLayerUploadResponse(REGISTRY, repository, upload_id, digest)
    response = await ecr.batch_check_layer_availability(
        service, ecr.BatchCheckLayerAvailabilityRequest(repository, [digest])
    )
    [layer] = response.layers
    assert (layer.layer_digest, layer.layer_availability) == (digest, "AVAILABLE")
    assert layer.layer_size == len(content)
    assert response.failures == ()


async def test_a_part_must_follow_what_is_there(service: Service, repository: str) -> None:
    upload_id = await begin_upload(service)
    await send_part(service, upload_id, 0, b"0123456789")
    with pytest.raises(ecr.InvalidLayerPartException) as raised:
        await send_part(service, upload_id, 11, b"a gap before it")
    assert raised.value.details["lastValidByteReceived"] == 9
    assert await send_part(service, upload_id, 10, b"more") == 13


async def test_an_upload_ends_with_its_completion(service: Service, repository: str) -> None:
    upload_id = await begin_upload(service)
    await send_part(service, upload_id, 0, b"layer")
    complete = ecr.CompleteLayerUploadRequest(repository, upload_id, [digest_of(b"layer")])
    await ecr.complete_layer_upload(service, complete)
    with pytest.raises(ecr.UploadNotFoundException, match=upload_id):
        await send_part(service, upload_id, 5, b"more")
    with pytest.raises(ecr.UploadNotFoundException, match=upload_id):
        await ecr.complete_layer_upload(service, complete)


async def test_a_layer_that_is_not_there_is_not_available(service: Service, repository: str) -> None:
    request = ecr.BatchCheckLayerAvailabilityRequest(repository, [UNKNOWN_DIGEST, "no digest"])
    response = await ecr.batch_check_layer_availability(service, request)
    # ECR lists it as UNAVAILABLE; moto reports a failure.
    assert [layer for layer in response.layers if layer.layer_availability == "AVAILABLE"] == []
    failures = {failure.layer_digest: failure.failure_code for failure in response.failures}
    assert failures["no digest"] == "InvalidLayerDigest"


# ---------------------------------------------------------------------------- images


async def test_an_image_is_put_listed_described_and_handed_out(service: Service, repository: str) -> None:
    await push_layer(service, b"{}")
    await push_layer(service, b"one")
    text = manifest(b"one")
    digest = digest_of(text)
    put = await ecr.put_image(
        service, ecr.PutImageRequest(repository, text, image_tag="v1", image_digest=digest)
    )
    assert put.image is not None
    assert (put.image.registry_id, put.image.repository_name) == (REGISTRY, repository)
    assert (put.image.image_id, put.image.image_manifest) == (Id(digest, "v1"), text)

    assert await listed(service) == {(digest, "v1")}

    described = await ecr.describe_images(service, ecr.DescribeImagesRequest(repository))
    [image] = described.image_details
    assert (image.registry_id, image.repository_name) == (REGISTRY, repository)
    assert (image.image_digest, image.image_tags) == (digest, ("v1",))
    assert image.image_manifest_media_type == OCI_MANIFEST
    assert image.image_pushed_at is not None
    assert image.image_pushed_at.tzinfo is not None
    # ECR counts the layers, moto takes the config's size.
    assert image.image_size_in_bytes

    for image_id in (Id(digest), Id(image_tag="v1"), Id(digest, "v1")):
        got = await ecr.batch_get_image(service, ecr.BatchGetImageRequest(repository, [image_id]))
        [image_got] = got.images
        assert (image_got.image_manifest, image_got.image_manifest_media_type) == (text, OCI_MANIFEST)
        # moto names the image's last tag, whatever the request named.
        assert image_got.image_id is not None
        assert image_got.image_id.image_digest == digest


async def test_one_image_has_many_tags_and_a_tag_one_image(service: Service, repository: str) -> None:
    one = await push(service, b"one", "v1", "latest")
    two = await push(service, b"two", "latest")
    assert await listed(service) == {(one, "v1"), (two, "latest")}


async def test_an_image_is_put_once_under_a_tag(service: Service, repository: str) -> None:
    digest = await push(service, b"one", "v1")
    with pytest.raises(ecr.ImageAlreadyExistsException) as raised:
        await push(service, b"one", "v1")
    assert raised.value.message == (
        f"Image with digest '{digest}' and tag 'v1' already exists in the repository with name 'team/app' "
        f"in registry with id '{REGISTRY}'"
    )


async def test_an_immutable_tag_stays_where_it_is(service: Service) -> None:
    await create(service, image_tag_mutability="IMMUTABLE")
    digest = await push(service, b"one", "v1")
    # ECR says ImageTagAlreadyExistsException.
    with pytest.raises((ecr.ImageTagAlreadyExistsException, ecr.ImageAlreadyExistsException), match="'v1'"):
        await push(service, b"two", "v1")
    assert await listed(service) == {(digest, "v1")}


async def test_images_are_listed_by_whether_they_have_tags(service: Service, repository: str) -> None:
    tagged, untagged = await push(service, b"one", "v1", "v2"), await push(service, b"two")
    assert await listed(service, "TAGGED") == {(tagged, "v1"), (tagged, "v2")}
    assert await listed(service, "UNTAGGED") == {(untagged, None)}
    described = await ecr.describe_images(
        service, ecr.DescribeImagesRequest(repository, image_ids=[Id(untagged), Id(image_tag="v2")])
    )
    found = {image.image_digest: set(image.image_tags) for image in described.image_details}
    assert found == {tagged: {"v1", "v2"}, untagged: set()}


async def test_a_missing_image_is_named_in_the_error(service: Service, repository: str) -> None:
    request = ecr.DescribeImagesRequest(repository, image_ids=[Id(image_tag="absent")])
    with pytest.raises(ecr.ImageNotFoundException) as raised:
        await ecr.describe_images(service, request)
    assert raised.value.message == (
        "The image with imageId {imageDigest:'null', imageTag:'absent'} does not exist within the "
        f"repository with name 'team/app' in the registry with id '{REGISTRY}'"
    )


async def test_a_batch_gets_what_is_there_and_reports_what_is_not(service: Service, repository: str) -> None:
    digest = await push(service, b"one", "v1")
    response = await ecr.batch_get_image(
        service, ecr.BatchGetImageRequest(repository, [Id(image_tag="absent"), Id(digest)])
    )
    assert [image.image_manifest for image in response.images] == [manifest(b"one")]
    [failure] = response.failures
    assert (failure.image_id, failure.failure_code) == (Id(image_tag="absent"), "ImageNotFound")


async def test_a_tag_is_deleted_and_the_image_goes_with_its_last(service: Service, repository: str) -> None:
    digest = await push(service, b"one", "v1", "v2")
    for tag, rest in (("v1", {(digest, "v2")}), ("v2", set())):
        response = await ecr.batch_delete_image(
            service, ecr.BatchDeleteImageRequest(repository, [Id(image_tag=tag)])
        )
        assert (response.image_ids, response.failures) == ((Id(digest, tag),), ())
        assert await listed(service) == rest


async def test_an_image_is_deleted_with_all_its_tags(service: Service, repository: str) -> None:
    digest = await push(service, b"one", "v1", "v2")
    response = await ecr.batch_delete_image(service, ecr.BatchDeleteImageRequest(repository, [Id(digest)]))
    assert {image.image_tag for image in response.image_ids} == {"v1", "v2"}
    assert await listed(service) == set()


@pytest.mark.parametrize(
    ("image_id", "code"),
    [
        (Id(), "MissingDigestAndTag"),
        (Id("no:digest"), "InvalidImageDigest"),
        (Id(UNKNOWN_DIGEST), "ImageNotFound"),
        (Id(image_tag="absent"), "ImageNotFound"),
    ],
)
async def test_a_deletion_reports_what_it_could_not_delete(
    service: Service, repository: str, image_id: Id, code: str
) -> None:
    digest = await push(service, b"one", "v1")
    response = await ecr.batch_delete_image(
        service, ecr.BatchDeleteImageRequest(repository, [image_id, Id(digest)])
    )
    assert [(failure.image_id, failure.failure_code) for failure in response.failures] == [(image_id, code)]
    assert response.image_ids == (Id(digest, "v1"),)


# ---------------------------------------------------------------------------- policies


async def test_a_repository_policy_is_set_read_and_deleted(service: Service, repository: str) -> None:
    get = ecr.GetRepositoryPolicyRequest(repository)
    delete = ecr.DeleteRepositoryPolicyRequest(repository)
    responses = (
        await ecr.set_repository_policy(service, ecr.SetRepositoryPolicyRequest(repository, POLICY)),
        await ecr.get_repository_policy(service, get),
        await ecr.delete_repository_policy(service, delete),
    )
    assert [(one.registry_id, one.repository_name) for one in responses] == [(REGISTRY, repository)] * 3
    assert [json.loads(one.policy_text or "") for one in responses] == [json.loads(POLICY)] * 3
    with pytest.raises(ecr.RepositoryPolicyNotFoundException, match="Repository policy does not exist"):
        await ecr.get_repository_policy(service, get)
    with pytest.raises(ecr.RepositoryPolicyNotFoundException, match="Repository policy does not exist"):
        await ecr.delete_repository_policy(service, delete)


async def test_an_invalid_repository_policy_is_not_set(service: Service, repository: str) -> None:
    with pytest.raises(ecr.InvalidParameterException):
        await ecr.set_repository_policy(service, ecr.SetRepositoryPolicyRequest(repository, NO_JSON))
    with pytest.raises(ecr.RepositoryPolicyNotFoundException):
        await ecr.get_repository_policy(service, ecr.GetRepositoryPolicyRequest(repository))


async def test_a_lifecycle_policy_is_put_read_and_deleted(service: Service, repository: str) -> None:
    get = ecr.GetLifecyclePolicyRequest(repository)
    delete = ecr.DeleteLifecyclePolicyRequest(repository)
    put = ecr.PutLifecyclePolicyRequest(repository, LIFECYCLE_POLICY)
    responses = (
        await ecr.put_lifecycle_policy(service, put),
        await ecr.get_lifecycle_policy(service, get),
        await ecr.delete_lifecycle_policy(service, delete),
    )
    assert [(one.registry_id, one.repository_name) for one in responses] == [(REGISTRY, repository)] * 3
    assert [json.loads(one.lifecycle_policy_text or "") for one in responses] == [
        json.loads(LIFECYCLE_POLICY)
    ] * 3
    with pytest.raises(ecr.LifecyclePolicyNotFoundException, match="Lifecycle policy does not exist"):
        await ecr.get_lifecycle_policy(service, get)
    with pytest.raises(ecr.LifecyclePolicyNotFoundException, match="Lifecycle policy does not exist"):
        await ecr.delete_lifecycle_policy(service, delete)


@pytest.mark.parametrize("text", [NO_JSON, LIFECYCLE_POLICY.replace("imageCountMoreThan", "mood")])
async def test_an_invalid_lifecycle_policy_is_not_put(service: Service, repository: str, text: str) -> None:
    with pytest.raises(ecr.InvalidParameterException, match="Lifecycle policy validation failure"):
        await ecr.put_lifecycle_policy(service, ecr.PutLifecyclePolicyRequest(repository, text))
    with pytest.raises(ecr.LifecyclePolicyNotFoundException):
        await ecr.get_lifecycle_policy(service, ecr.GetLifecyclePolicyRequest(repository))


# ---------------------------------------------------------------------------- authorization


async def test_a_token_is_a_user_and_a_password_for_an_endpoint(service: Service) -> None:
    response = await ecr.get_authorization_token(service, ecr.GetAuthorizationTokenRequest())
    [data] = response.authorization_data
    assert data.authorization_token is not None
    user, _, password = base64.b64decode(data.authorization_token).decode().partition(":")
    assert user == "AWS"
    assert password
    assert data.proxy_endpoint is not None
    assert data.proxy_endpoint.startswith("http")
    # moto's tokens ended in 2015.
    assert data.expires_at is not None
