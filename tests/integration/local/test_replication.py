"""Replication between registries of one server, backfills, and what else depends on state and clock."""

import json
from collections.abc import AsyncIterator

import pytest

from ecr_async import api as ecr
from ecr_async.local import LocalECR
from ecr_async.service import Service
from tests.integration.local.content import REGISTRY, create, index, manifest, push, put
from tests.integration.local.distribution.client import open_door

OTHER = "210987654321"
ID = ecr.ImageIdentifier(image_tag="v1")


@pytest.fixture
async def local() -> AsyncIterator[LocalECR]:
    async with LocalECR(keys={"AKIAOTHER": ("secret", OTHER)}) as local:
        yield local


async def replicate(service: Service, *destinations: tuple[str, str], prefix: str | None = None) -> None:
    filters = None if prefix is None else [ecr.RepositoryFilter(prefix, "PREFIX_MATCH")]
    rule = ecr.ReplicationRule([ecr.ReplicationDestination(*each) for each in destinations], filters)
    request = ecr.PutReplicationConfigurationRequest(ecr.ReplicationConfiguration([rule]))
    await ecr.put_replication_configuration(service, request)


async def statuses(service: Service) -> list[tuple[str | None, str | None, str | None]]:
    request = ecr.DescribeImageReplicationStatusRequest("team/app", ID)
    response = await ecr.describe_image_replication_status(service, request)
    return [(one.region, one.status, one.failure_code) for one in response.replication_statuses]


async def manifest_of(service: Service, tag: str = "v1") -> str | None:
    request = ecr.BatchGetImageRequest("team/app", [ecr.ImageIdentifier(image_tag=tag)])
    return (await ecr.batch_get_image(service, request)).images[0].image_manifest


async def test_a_push_appears_in_another_region(local: LocalECR) -> None:
    async with local.session() as session:
        here, there = session.service(), session.service("eu-west-1")
        await replicate(here, ("eu-west-1", REGISTRY))
        await create(here)
        await push(here, b"layer", "v1")
        assert await statuses(here) == [("eu-west-1", "IN_PROGRESS", None)]
        assert await statuses(here) == [("eu-west-1", "COMPLETE", None)]
        assert await manifest_of(there) == await manifest_of(here)
        assert await statuses(there) == []  # it is not replicated any further


async def test_an_index_takes_its_images_along_by_either_door(local: LocalECR) -> None:
    async with local.session() as session, open_door(local) as door:
        here, there = session.service(), session.service("eu-west-1")
        await create(here)
        await push(here, b"layer", "single")
        await replicate(here, ("eu-west-1", REGISTRY))
        text = index(manifest(b"layer"))
        assert (await door.put(text, "v1")).status == 201
        assert await manifest_of(there) == text


async def test_a_prefix_chooses_repositories(local: LocalECR) -> None:
    async with local.session() as session:
        here = session.service()
        await replicate(here, ("eu-west-1", REGISTRY), prefix="prod/")
        await create(here)
        await push(here, b"layer", "v1")
        assert await statuses(here) == []


async def test_another_account_must_allow_it(local: LocalECR) -> None:
    async with (
        local.session() as session,
        local.session(access_key_id="AKIAOTHER", secret_access_key="secret") as other,
    ):
        here, there = session.service(), other.service()
        await replicate(here, ("us-east-1", OTHER))
        await create(here)
        await push(here, b"layer", "v1")
        await statuses(here)
        assert await statuses(here) == [("us-east-1", "FAILED", "AccessDenied")]
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{REGISTRY}:root"},
            "Action": ["ecr:CreateRepository", "ecr:ReplicateImage"],
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        await ecr.put_registry_policy(there, ecr.PutRegistryPolicyRequest(policy))
        await put(here, manifest(b"layer"), "v2")
        await statuses(here)
        assert await statuses(here) == [("us-east-1", "COMPLETE", None)]
        assert await manifest_of(there, "v2") == manifest(b"layer")


async def test_a_backfill_copies_what_is_there(local: LocalECR) -> None:
    async with local.session() as session:
        here, there = session.service(), session.service("eu-west-1")
        await create(here)
        await push(here, b"layer", "v1", "v2")
        await replicate(here, ("eu-west-1", REGISTRY))
        destination = ecr.ReplicationDestination("eu-west-1", REGISTRY)
        request = ecr.StartReplicationBackfillRequest(destination)
        started = await ecr.start_replication_backfill(here, request)
        assert started.status == "PREPARING"
        with pytest.raises(ecr.ReplicationBackfillInProgressException):
            await ecr.start_replication_backfill(here, request)
        describe = ecr.DescribeReplicationBackfillResultsRequest(started.replication_backfill_id or "")
        found = [await ecr.describe_replication_backfill_results(here, describe) for _ in range(3)]
        assert [one.status for one in found] == ["PREPARING", "IN_PROGRESS", "COMPLETE"]
        assert [one.image_id.image_tag for one in found[-1].results] == ["v1", "v2"]
        assert found[-1].progress == ecr.ReplicationBackfillProgress(2, 2, 0, ())
        assert await manifest_of(there) == await manifest_of(here)
        listed = await ecr.list_replication_backfills(here, ecr.ListReplicationBackfillsRequest())
        assert [one.status for one in listed.backfills] == ["COMPLETE"]
        stop = ecr.StopReplicationBackfillRequest(started.replication_backfill_id or "")
        with pytest.raises(ecr.ReplicationBackfillInvalidStatusException):
            await ecr.stop_replication_backfill(here, stop)
        again = await ecr.start_replication_backfill(here, request)
        stop = ecr.StopReplicationBackfillRequest(again.replication_backfill_id or "")
        assert (await ecr.stop_replication_backfill(here, stop)).status == "STOPPING"


async def test_signing_status_follows_the_rules_and_the_clock() -> None:
    now = [1_700_000_000.0]
    async with LocalECR(clock=lambda: now[0]) as local, local.session() as session:
        service = session.service()
        await create(service)
        await push(service, b"layer", "v1")
        request = ecr.DescribeImageSigningStatusRequest("team/app", ID)
        assert (await ecr.describe_image_signing_status(service, request)).signing_statuses == ()
        profile = f"arn:aws:signer:us-east-1:{REGISTRY}:/signing-profiles/release"
        configuration = ecr.SigningConfiguration([ecr.SigningRule(profile)])
        await ecr.put_signing_configuration(service, ecr.PutSigningConfigurationRequest(configuration))
        for expected in ("IN_PROGRESS", "COMPLETE"):
            [status] = (await ecr.describe_image_signing_status(service, request)).signing_statuses
            assert (status.signing_profile_arn, status.status) == (profile, expected)
            now[0] += 1


async def test_lifecycle_policies_run_on_request() -> None:
    now = [1_700_000_000.0]
    selection = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1}
    rule = {"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}
    async with LocalECR(clock=lambda: now[0]) as local, local.session() as session:
        service = session.service("eu-west-1")
        await create(service)
        for number in range(3):
            now[0] += 1
            await push(service, str(number).encode(), f"v{number}")
        put_policy = ecr.PutLifecyclePolicyRequest("team/app", json.dumps({"rules": [rule]}))
        await ecr.put_lifecycle_policy(service, put_policy)
        assert await local.run_lifecycle_policies() == 2
        listed = await ecr.list_images(service, ecr.ListImagesRequest("team/app"))
        assert [image.image_tag for image in listed.image_ids] == ["v2"]
        got = await ecr.get_lifecycle_policy(service, ecr.GetLifecyclePolicyRequest("team/app"))
        assert got.last_evaluated_at is not None
        assert got.last_evaluated_at.timestamp() == now[0]
        assert await local.run_lifecycle_policies() == 0
