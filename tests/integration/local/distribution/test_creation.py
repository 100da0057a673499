"""Repositories made by a push, where a creation template says so."""

import json
from typing import Any

import pytest

from ecr_async import api as ecr
from ecr_async.local import LocalECR
from ecr_async.service import Service
from tests.integration.local.content import begin_upload, digest_of, manifest, push
from tests.integration.local.distribution.client import Door, open_door

POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": "210987654321"}, "Action": "ecr:BatchGetImage"}
        ],
    }
)
LIFECYCLE = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 1,
                "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 3},
                "action": {"type": "expire"},
            }
        ]
    }
)


async def template(service: Service, prefix: str, *occasions: str, **settings: Any) -> None:
    await ecr.create_repository_creation_template(
        service,
        ecr.CreateRepositoryCreationTemplateRequest(prefix, occasions or ("CREATE_ON_PUSH",), **settings),
    )


async def described(service: Service, name: str) -> ecr.Repository:
    response = await ecr.describe_repositories(
        service, ecr.DescribeRepositoriesRequest(repository_names=[name])
    )
    return response.repositories[0]


async def test_a_push_creates_the_repository_as_the_template_says(door: Door, service: Service) -> None:
    await template(
        service,
        "made",
        image_tag_mutability="IMMUTABLE_WITH_EXCLUSION",
        image_tag_mutability_exclusion_filters=[ecr.ImageTagMutabilityExclusionFilter("WILDCARD", "dev-*")],
        encryption_configuration=ecr.EncryptionConfigurationForRepositoryCreationTemplate("KMS"),
        resource_tags=[ecr.Tag("team", "made")],
        repository_policy=POLICY,
        lifecycle_policy=LIFECYCLE,
        custom_role_arn="arn:aws:iam::123456789012:role/maker",
    )
    for blob in (b"{}", b"a layer"):
        await door.push_blob(blob, "made/app")
    assert (await door.put(manifest(b"a layer"), "v1", "made/app")).status == 201
    repository = await described(service, "made/app")
    assert repository.image_tag_mutability == "IMMUTABLE_WITH_EXCLUSION"
    assert [one.filter for one in repository.image_tag_mutability_exclusion_filters] == ["dev-*"]
    assert repository.encryption_configuration is not None
    assert repository.encryption_configuration.encryption_type == "KMS"
    assert repository.repository_arn is not None
    tags = await ecr.list_tags_for_resource(
        service, ecr.ListTagsForResourceRequest(repository.repository_arn)
    )
    assert tags.tags == (ecr.Tag("team", "made"),)
    policy = await ecr.get_repository_policy(service, ecr.GetRepositoryPolicyRequest("made/app"))
    assert json.loads(policy.policy_text or "") == json.loads(POLICY)
    lifecycle = await ecr.get_lifecycle_policy(service, ecr.GetLifecyclePolicyRequest("made/app"))
    assert json.loads(lifecycle.lifecycle_policy_text or "") == json.loads(LIFECYCLE)


async def test_a_push_by_the_api_does_so_too(service: Service) -> None:
    await template(service, "ROOT", image_tag_mutability="IMMUTABLE")
    await begin_upload(service, "anything")
    assert (await described(service, "anything")).image_tag_mutability == "IMMUTABLE"
    assert await push(service, b"a layer", "v1", name="some/thing") == digest_of(manifest(b"a layer"))


async def test_the_longest_prefix_wins(service: Service) -> None:
    await template(service, "ROOT", image_tag_mutability="IMMUTABLE")
    await template(service, "team", image_tag_mutability="MUTABLE")
    await template(service, "team/red/", image_tag_mutability="IMMUTABLE")
    await template(service, "team/blue", "REPLICATION", image_tag_mutability="IMMUTABLE")
    for name, mutability in {
        "team/red/app": "IMMUTABLE",
        "team/reddish": "MUTABLE",
        "team/blue/app": "MUTABLE",
        "team": "IMMUTABLE",
        "teams/app": "IMMUTABLE",
    }.items():
        await begin_upload(service, name)
        assert (await described(service, name)).image_tag_mutability == mutability


@pytest.mark.parametrize("occasion", ["REPLICATION", "PULL_THROUGH_CACHE"])
async def test_templates_for_other_occasions_create_nothing(
    door: Door, service: Service, occasion: str
) -> None:
    await template(service, "ROOT", occasion)
    response = await door.send("POST", "/v2/made/app/blobs/uploads/")
    assert (response.status, response.code) == (404, "NAME_UNKNOWN")


async def test_reading_creates_nothing(door: Door, service: Service) -> None:
    await template(service, "ROOT")
    for path in ("tags/list", "manifests/v1", f"blobs/{digest_of(b'')}"):
        assert (await door.send("GET", f"/v2/made/app/{path}")).status == 404
    with pytest.raises(ecr.RepositoryNotFoundException):
        await described(service, "made/app")


@pytest.mark.parametrize("name", ["Made/App", "made//app", "made/-app", "m", "made/" + "a" * 256])
async def test_names_that_no_repository_can_have(door: Door, service: Service, name: str) -> None:
    await template(service, "ROOT")
    response = await door.send("POST", f"/v2/{name}/blobs/uploads/")
    assert (response.status, response.code) == (400, "NAME_INVALID")


async def test_another_account_creates_nothing() -> None:
    keys = {"AKIAOTHER": ("other", "210987654321")}
    async with (
        LocalECR(keys=keys) as local,
        local.session() as session,
        open_door(local, access_key_id="AKIAOTHER", secret_access_key="other") as door,
    ):
        await template(session.service(), "ROOT")
        response = await door.send("POST", "/v2/made/app/blobs/uploads/")
        assert (response.status, response.code) == (403, "DENIED")


@pytest.mark.parametrize("settings", [{"repository_policy": "{}"}, {"lifecycle_policy": "{}"}])
async def test_a_template_with_an_invalid_policy_is_rejected(
    service: Service, settings: dict[str, str]
) -> None:
    with pytest.raises(ecr.InvalidParameterException):
        await template(service, "made", **settings)
