"""Repository policies: checked when they are set, and what they let other accounts do."""

import json
from collections.abc import AsyncIterator

import pytest

from ecr_async import api as ecr
from ecr_async.local import LocalECR
from ecr_async.service import Service
from tests.integration.local.content import REGISTRY, create

OTHER = "210987654321"
ALLOW_OTHER = {
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{OTHER}:root"},
    "Action": "ecr:Describe*",
}
LOCK_OUT = {"Effect": "Deny", "Principal": "*", "Action": ["ecr:*"]}


def policy(*statements: object, version: str = "2012-10-17") -> str:
    return json.dumps({"Version": version, "Statement": statements})


async def set_policy(
    service: Service, text: str, force: bool | None = None
) -> ecr.SetRepositoryPolicyResponse:
    return await ecr.set_repository_policy(
        service, ecr.SetRepositoryPolicyRequest("team/app", text, force=force)
    )


async def test_a_policy_is_set_read_and_deleted(service: Service) -> None:
    await create(service)
    text = policy(ALLOW_OTHER)
    expected = REGISTRY, "team/app", json.dumps(json.loads(text), indent=2, separators=(",", " : "))
    responses = (
        await set_policy(service, text),
        await ecr.get_repository_policy(service, ecr.GetRepositoryPolicyRequest("team/app")),
        await ecr.delete_repository_policy(service, ecr.DeleteRepositoryPolicyRequest("team/app")),
    )
    assert [(one.registry_id, one.repository_name, one.policy_text) for one in responses] == [expected] * 3
    with pytest.raises(ecr.RepositoryPolicyNotFoundException):
        await ecr.get_repository_policy(service, ecr.GetRepositoryPolicyRequest("team/app"))
    with pytest.raises(ecr.RepositoryPolicyNotFoundException):
        await ecr.delete_repository_policy(service, ecr.DeleteRepositoryPolicyRequest("team/app"))


@pytest.mark.parametrize(
    "text",
    [
        "no JSON",
        "[]",
        policy(),
        policy(ALLOW_OTHER, version="2020-01-01"),
        policy("text"),
        policy({**ALLOW_OTHER, "Effect": "Perhaps"}),
        policy({"Effect": "Allow", "Action": "ecr:*"}),
        policy({**ALLOW_OTHER, "NotPrincipal": "*"}),
        policy({"Effect": "Allow", "Principal": "*"}),
        policy({**ALLOW_OTHER, "Action": "s3:GetObject"}),
    ],
)
async def test_invalid_policies(service: Service, text: str) -> None:
    await create(service)
    with pytest.raises(ecr.InvalidParameterException, match="'Invalid repository policy provided'"):
        await set_policy(service, text)


async def test_a_policy_that_locks_its_owner_out_is_set_by_force_only(service: Service) -> None:
    await create(service)
    with pytest.raises(ecr.InvalidParameterException, match="force"):
        await set_policy(service, policy(LOCK_OUT))
    await set_policy(service, policy(LOCK_OUT), force=True)


async def test_no_repository_no_policy(service: Service) -> None:
    for call in (
        set_policy(service, policy(ALLOW_OTHER)),
        ecr.get_repository_policy(service, ecr.GetRepositoryPolicyRequest("none/such")),
        ecr.delete_repository_policy(service, ecr.DeleteRepositoryPolicyRequest("none/such")),
    ):
        with pytest.raises(ecr.RepositoryNotFoundException):
            await call


@pytest.fixture
async def neighbours() -> AsyncIterator[tuple[Service, Service]]:
    """Services of two accounts on one server."""
    keys = {"AKIAOTHERACCOUNT0000": ("another secret", OTHER)}
    async with (
        LocalECR(keys=keys) as local,
        local.session() as mine,
        local.session(access_key_id="AKIAOTHERACCOUNT0000", secret_access_key="another secret") as theirs,
    ):
        yield mine.service(), theirs.service()


async def test_accounts_are_strangers(neighbours: tuple[Service, Service]) -> None:
    mine, theirs = neighbours
    await create(mine)
    everything = ecr.DescribeRepositoriesRequest()
    assert (await ecr.describe_repositories(theirs, everything)).repositories == ()
    request = ecr.DescribeRepositoriesRequest(REGISTRY, ["team/app"])
    with pytest.raises(ecr.RepositoryNotFoundException, match=f"registry with id '{REGISTRY}'"):
        await ecr.describe_repositories(theirs, request)


async def test_regions_are_strangers() -> None:
    async with LocalECR() as local, local.session() as session:
        await create(session.service())
        elsewhere = session.service("eu-west-1")
        response = await ecr.describe_repositories(elsewhere, ecr.DescribeRepositoriesRequest())
    assert response.repositories == ()


async def test_a_policy_lets_another_account_in(neighbours: tuple[Service, Service]) -> None:
    mine, theirs = neighbours
    await create(mine)
    await set_policy(mine, policy(ALLOW_OTHER))
    request = ecr.DescribeImagesRequest("team/app", REGISTRY)
    assert (await ecr.describe_images(theirs, request)).image_details == ()
    with pytest.raises(ecr.RepositoryNotFoundException):
        await ecr.list_images(theirs, ecr.ListImagesRequest("team/app", REGISTRY))
    await set_policy(mine, policy(ALLOW_OTHER, {**ALLOW_OTHER, "Effect": "Deny"}))
    with pytest.raises(ecr.RepositoryNotFoundException):
        await ecr.describe_images(theirs, request)
