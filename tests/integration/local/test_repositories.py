"""Repositories: created once, described in pages, deleted with care."""

import re
from typing import Any

import attrs
import pytest

from ecr_async import api as ecr
from ecr_async.service import Service
from tests.integration.local.content import REGISTRY, UNKNOWN_DIGEST, create, digest_of, push, push_layer


async def test_a_new_repository_is_described_as_it_was_requested(service: Service) -> None:
    created = await ecr.create_repository(
        service,
        ecr.CreateRepositoryRequest(
            "team/app",
            tags=[ecr.Tag("owner", "team")],
            image_tag_mutability="IMMUTABLE_WITH_EXCLUSION",
            image_tag_mutability_exclusion_filters=[
                ecr.ImageTagMutabilityExclusionFilter("WILDCARD", "latest*")
            ],
            image_scanning_configuration=ecr.ImageScanningConfiguration(scan_on_push=True),
            encryption_configuration=ecr.EncryptionConfiguration("KMS"),
        ),
    )
    repository = created.repository
    assert repository is not None
    assert repository.repository_arn == f"arn:aws:ecr:us-east-1:{REGISTRY}:repository/team/app"
    assert repository.registry_id == REGISTRY
    assert repository.repository_uri is not None
    assert repository.repository_uri.endswith("/team/app")
    assert repository.image_tag_mutability == "IMMUTABLE_WITH_EXCLUSION"
    assert [one.filter for one in repository.image_tag_mutability_exclusion_filters] == ["latest*"]
    assert repository.image_scanning_configuration == ecr.ImageScanningConfiguration(True)
    assert repository.encryption_configuration is not None
    key = repository.encryption_configuration.kms_key
    assert key is not None
    assert re.fullmatch(rf"arn:aws:kms:us-east-1:{REGISTRY}:key/[0-9a-f-]{{36}}", key)
    described = await ecr.describe_repositories(
        service, ecr.DescribeRepositoriesRequest(repository_names=["team/app"])
    )
    assert described.repositories == (repository,)


async def test_a_plain_repository_has_the_defaults(service: Service) -> None:
    created = await ecr.create_repository(service, ecr.CreateRepositoryRequest("plain"))
    assert created.repository is not None
    assert created.repository.image_tag_mutability == "MUTABLE"
    assert created.repository.image_scanning_configuration == ecr.ImageScanningConfiguration(False)
    assert created.repository.encryption_configuration == ecr.EncryptionConfiguration("AES256")


async def test_a_name_is_taken_once(service: Service) -> None:
    await create(service)
    with pytest.raises(ecr.RepositoryAlreadyExistsException, match="'team/app' already exists"):
        await create(service)


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"tags": [ecr.Tag("aws:mine", "x")]}, ecr.InvalidTagParameterException),
        ({"tags": [ecr.Tag("key", "v" * 257)]}, ecr.InvalidTagParameterException),
        ({"tags": [ecr.Tag("key", "1"), ecr.Tag("key", "2")]}, ecr.InvalidTagParameterException),
        ({"tags": [ecr.Tag(f"key{n}", "x") for n in range(51)]}, ecr.TooManyTagsException),
        ({"image_tag_mutability": "MUTABLE_WITH_EXCLUSION"}, ecr.InvalidParameterException),
        ({"image_tag_mutability": "SOMETIMES"}, ecr.InvalidParameterException),
        ({"registry_id": "210987654321"}, ecr.InvalidParameterException),
        (
            {"encryption_configuration": ecr.EncryptionConfiguration("AES256", "some-key")},
            ecr.InvalidParameterException,
        ),
        (
            {
                "encryption_configuration": ecr.EncryptionConfiguration(
                    "KMS", "arn:aws:kms:eu-west-1:111111111111:key/x"
                )
            },
            ecr.KmsException,
        ),
    ],
)
async def test_settings_that_ecr_rejects(
    service: Service, settings: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        await create(service, **settings)
    everything = await ecr.describe_repositories(service, ecr.DescribeRepositoriesRequest())
    assert everything.repositories == ()


@pytest.mark.parametrize("named", ["alias/team", "arn:aws:kms:us-east-1:123456789012:alias/team"])
async def test_an_alias_stands_for_its_key(service: Service, named: str) -> None:
    keys: list[str | None] = []
    for name in ("one", "two"):
        configuration = ecr.EncryptionConfiguration("KMS", named)
        request = ecr.CreateRepositoryRequest(name, encryption_configuration=configuration)
        repository = (await ecr.create_repository(service, request)).repository
        assert repository is not None
        assert repository.encryption_configuration is not None
        keys.append(repository.encryption_configuration.kms_key)
    assert keys[0] == keys[1]
    assert str(keys[0]).startswith(f"arn:aws:kms:us-east-1:{REGISTRY}:key/")


async def test_a_bare_key_id_is_completed(service: Service) -> None:
    key_id = "1234abcd-12ab-34cd-56ef-1234567890ab"
    configuration = ecr.EncryptionConfiguration("KMS", key_id)
    request = ecr.CreateRepositoryRequest("app", encryption_configuration=configuration)
    repository = (await ecr.create_repository(service, request)).repository
    assert repository is not None
    assert repository.encryption_configuration == ecr.EncryptionConfiguration(
        "KMS", f"arn:aws:kms:us-east-1:{REGISTRY}:key/{key_id}"
    )


async def test_a_kms_error_says_what_kms_said(service: Service) -> None:
    key = ecr.EncryptionConfiguration("KMS", "arn:aws:kms:eu-west-1:111111111111:key/x")
    with pytest.raises(ecr.KmsException) as raised:
        await create(service, encryption_configuration=key)
    assert raised.value.details == {"kmsError": "NotFoundException"}


async def test_pages_cover_everything_once_and_in_order(service: Service) -> None:
    names = [await create(service, f"app-{number:02}") for number in range(25)]
    pager = ecr.paginate_describe_repositories(service, ecr.DescribeRepositoriesRequest(max_results=10))
    pages = [page async for page in pager.pages()]
    assert [len(page.repositories) for page in pages] == [10, 10, 5]
    assert [repository.repository_name for page in pages for repository in page.repositories] == names


async def test_a_page_that_is_exactly_full_is_the_last(service: Service) -> None:
    for number in range(3):
        await create(service, f"app-{number}")
    page = await ecr.describe_repositories(service, ecr.DescribeRepositoriesRequest(max_results=3))
    assert (len(page.repositories), page.next_token) == (3, None)


async def test_a_page_has_a_hundred_items_by_default(service: Service) -> None:
    for number in range(101):
        await create(service, f"app-{number}")
    page = await ecr.describe_repositories(service, ecr.DescribeRepositoriesRequest())
    assert len(page.repositories) == 100
    assert page.next_token


async def test_a_token_is_good_for_its_own_question_only(service: Service) -> None:
    for number in range(3):
        await create(service, f"app-{number}")
    request = ecr.DescribeRepositoriesRequest(max_results=1)
    token = (await ecr.describe_repositories(service, request)).next_token
    rest = await ecr.describe_repositories(service, attrs.evolve(request, next_token=token, max_results=2))
    assert [one.repository_name for one in rest.repositories] == ["app-1", "app-2"]
    with pytest.raises(ecr.InvalidParameterException, match="nextToken"):
        await ecr.list_images(service, ecr.ListImagesRequest("app-0", next_token=token))
    with pytest.raises(ecr.InvalidParameterException, match="nextToken"):
        await ecr.describe_repositories(service, ecr.DescribeRepositoriesRequest(next_token="made up"))


async def test_repositories_that_are_not_there(service: Service) -> None:
    await create(service)
    request = ecr.DescribeRepositoriesRequest(repository_names=["team/app", "nobody/nothing"])
    expected = (
        f"The repository with name 'nobody/nothing' does not exist in the registry with id '{REGISTRY}'"
    )
    with pytest.raises(ecr.RepositoryNotFoundException) as raised:
        await ecr.describe_repositories(service, request)
    assert raised.value.message == expected
    with pytest.raises(ecr.RepositoryNotFoundException):
        await ecr.delete_repository(service, ecr.DeleteRepositoryRequest("nobody/nothing"))
    with pytest.raises(ecr.RepositoryNotFoundException):
        await ecr.put_image_tag_mutability(service, ecr.PutImageTagMutabilityRequest("nothing", "MUTABLE"))


async def test_a_repository_with_images_is_deleted_by_force_only(service: Service) -> None:
    await create(service)
    await push(service, b"layer", "v1")
    with pytest.raises(ecr.RepositoryNotEmptyException, match="still contains images"):
        await ecr.delete_repository(service, ecr.DeleteRepositoryRequest("team/app"))
    deleted = await ecr.delete_repository(service, ecr.DeleteRepositoryRequest("team/app", force=True))
    assert deleted.repository is not None
    assert deleted.repository.repository_name == "team/app"
    await create(service)
    images = await ecr.list_images(service, ecr.ListImagesRequest("team/app"))
    assert images.image_ids == ()


async def test_a_deleted_repository_leaves_the_layers_of_others(service: Service) -> None:
    await create(service, "one")
    await create(service, "two")
    for name in ("one", "two"):
        await push_layer(service, b"shared", name)
    await ecr.delete_repository(service, ecr.DeleteRepositoryRequest("one"))
    await push(service, b"shared", name="two")
    layers = await ecr.batch_check_layer_availability(
        service, ecr.BatchCheckLayerAvailabilityRequest("two", [digest_of(b"shared"), UNKNOWN_DIGEST])
    )
    assert [layer.layer_availability for layer in layers.layers] == ["AVAILABLE", "UNAVAILABLE"]


async def test_mutability_can_be_changed(service: Service) -> None:
    await create(service)
    filters = [ecr.ImageTagMutabilityExclusionFilter("WILDCARD", "dev-*")]
    changed = await ecr.put_image_tag_mutability(
        service, ecr.PutImageTagMutabilityRequest("team/app", "IMMUTABLE_WITH_EXCLUSION", None, filters)
    )
    assert changed.image_tag_mutability == "IMMUTABLE_WITH_EXCLUSION"
    assert changed.image_tag_mutability_exclusion_filters == tuple(filters)
    with pytest.raises(ecr.InvalidParameterException):
        await ecr.put_image_tag_mutability(
            service, ecr.PutImageTagMutabilityRequest("team/app", "MUTABLE", None, filters)
        )
