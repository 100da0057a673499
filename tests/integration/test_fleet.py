"""Fleets and roles, against moto: an STS, and an ECR of many accounts."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import boto3
import pytest

import ecr_async as ecr
from tests.integration.credentials.servers import RejectingSTS

ACCOUNTS = ["111111111111", "222222222222", "333333333333"]
ROLE = "arn:aws:iam::111111111111:role/ecr-reader"
KEYS: dict[str, Any] = {"access_key_id": "AKIAEXAMPLE", "secret_access_key": "secret"}


@pytest.fixture
async def session(moto: str) -> AsyncIterator[ecr.Session]:
    async with aiohttp.ClientSession() as client, client.post(f"{moto}/moto-api/reset"):
        pass
    async with ecr.Session(
        **KEYS, region="eu-west-1", endpoint_url=moto, sts_endpoint_url=moto, trust_env=False
    ) as session:
        yield session


async def create(service: ecr.Service, name: str) -> str:
    response = await ecr.create_repository(service, ecr.CreateRepositoryRequest(name))
    assert response.repository is not None
    return response.repository.registry_id or ""


class TestAssumedRole:
    async def test_calls_are_made_in_the_roles_account(self, session: ecr.Session) -> None:
        child = session.assume_role(ROLE)
        assert child.account == "111111111111"
        assert await create(child.service(), "theirs") == "111111111111"
        assert await create(session.service(), "ours") != "111111111111"

    async def test_it_is_assumed_once_for_many_calls_and_services(self, session: ecr.Session) -> None:
        child = session.assume_role(ROLE)
        services = [child.service(region) for region in ("eu-west-1", "us-east-1")]
        await asyncio.gather(*(create(services[number % 2], f"r{number}") for number in range(20)))
        first = await child.get_credentials()
        assert first.session_token
        assert first.expires_at is not None
        assert await child.get_credentials() is first

    async def test_a_role_can_assume_another(self, session: ecr.Session) -> None:
        child = session.assume_role(ROLE).assume_role("arn:aws:iam::222222222222:role/team/inner")
        assert await create(child.service(), "inner") == "222222222222"

    async def test_its_credentials_are_replaced_when_the_service_rejects_them(
        self, session: ecr.Session
    ) -> None:
        child = session.assume_role(ROLE)
        first = await child.get_credentials()
        assert await child.runtime.credentials.replace(first)
        assert await child.get_credentials() != first

    async def test_closing_it_leaves_the_session_open(self, session: ecr.Session) -> None:
        async with session.assume_role(ROLE) as child:
            service = child.service()
            await create(service, "repo")
        with pytest.raises(ecr.SessionClosedError):
            await create(service, "again")
        await create(session.service(), "ours")

    async def test_closing_the_session_ends_it(self, session: ecr.Session) -> None:
        child = session.assume_role(ROLE)
        service = child.assume_role(ROLE).service()
        await session.aclose()
        for use in (child.service, child.get_credentials, lambda: create(service, "repo")):
            with pytest.raises(ecr.SessionClosedError):
                await use()  # type: ignore[misc]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"role_arn": "ecr-reader"}, "role_arn: must be of the form"),
            ({"role_arn": ROLE.replace(":role/", ":user/")}, "role_arn: must be of the form"),
            ({"role_arn": ROLE, "duration": 899}, "duration: must be a whole number of seconds from 900"),
            ({"role_arn": ROLE, "session_name": "a"}, "session_name: must be 2 to 64"),
            ({"role_arn": ROLE, "external_id": "x y"}, "external_id: must be 2 to 1,224"),
        ],
    )
    async def test_what_sts_would_reject_is_rejected_at_once(
        self, arguments: dict[str, Any], message: str, session: ecr.Session
    ) -> None:
        with pytest.raises(ecr.ValidationError, match=f"^{message}"):
            session.assume_role(**arguments)


class TestRequest:
    """What STS is sent, and what becomes of its rejection."""

    @pytest.fixture
    def sts(self) -> RejectingSTS:
        return RejectingSTS("AccessDenied", lambda request: "user ci may not assume role ecr-reader")

    async def test_external_id_session_name_and_duration_are_sent(self, sts: RejectingSTS) -> None:
        async with (
            sts.serving() as url,
            ecr.Session(**KEYS, sts_endpoint_url=url, trust_env=False) as session,
        ):
            child = session.assume_role(ROLE, external_id="corp:1", session_name="nightly", duration=900)
            with pytest.raises(ecr.CredentialsError):
                await child.get_credentials()
        (form,) = sts.forms
        assert form.items() >= {
            ("Action", "AssumeRole"),
            ("RoleArn", ROLE),
            ("ExternalId", "corp:1"),
            ("RoleSessionName", "nightly"),
            ("DurationSeconds", "900"),
        }

    async def test_a_rejection_names_the_role_and_what_to_do(self, sts: RejectingSTS) -> None:
        async with (
            sts.serving() as url,
            ecr.Session(**KEYS, sts_endpoint_url=url, trust_env=False) as session,
        ):
            with pytest.raises(ecr.CredentialsError) as caught:
                await session.assume_role(ROLE).get_credentials()
        assert str(caught.value) == (
            f"role {ROLE} could not be assumed: AssumeRole was rejected with AccessDenied: user ci may not "
            "assume role ecr-reader; check the role's trust policy, and that the caller may call sts:AssumeRole"
        )
        assert caught.value.__cause__ is None

    @pytest.mark.parametrize(
        ("arn", "region"), [(ROLE, "us-east-1"), (ROLE.replace("aws", "aws-cn", 1), r"cn-north(west)?-1")]
    )
    async def test_without_a_region_it_is_one_of_the_roles_partition(
        self, arn: str, region: str, sts: RejectingSTS
    ) -> None:
        async with (
            sts.serving() as url,
            ecr.Session(**KEYS, sts_endpoint_url=url, trust_env=False) as session,
        ):
            with pytest.raises(ecr.CredentialsError):
                await session.assume_role(arn).get_credentials()
        assert re.search(f"/{region}/sts/aws4_request", sts.authorizations[0])


class TestFleet:
    async def test_it_is_a_service_for_each_account_and_region(self, session: ecr.Session) -> None:
        fleet = ecr.Fleet(session, ACCOUNTS, "ecr-reader", ["eu-west-1", "us-east-1"])
        seen: set[tuple[str | None, str]] = set()
        async for member in fleet:
            assert isinstance(member, ecr.Service)
            assert await create(member, f"in-{member.region}") == member.account
            seen.add((member.account, member.region))
        assert seen == {(account, region) for account in ACCOUNTS for region in ("eu-west-1", "us-east-1")}

    async def test_one_account_that_cannot_be_entered_does_not_end_the_others(self) -> None:
        sts = RejectingSTS("AccessDenied", lambda request: "no", rejected=":222222222222:")
        async with (
            sts.serving() as url,
            ecr.Session(**KEYS, region="eu-west-1", sts_endpoint_url=url, trust_env=False) as session,
        ):
            members = [member async for member in ecr.Fleet(session, ACCOUNTS, "ecr-reader", "eu-west-1")]
        failed = [member for member in members if isinstance(member, ecr.FailedAccount)]
        assert [(each.account, each.role_arn) for each in failed] == [
            ("222222222222", "arn:aws:iam::222222222222:role/ecr-reader")
        ]
        assert "AccessDenied" in str(failed[0].error)
        assert len(members) == 3

    async def test_roles_are_assumed_once_for_all_iterations(self, session: ecr.Session) -> None:
        fleet = ecr.Fleet(session, ACCOUNTS, "ecr-reader", "eu-west-1")
        held = [[member async for member in fleet] for _ in range(2)]
        tokens = [
            [await member.runtime.credentials.get() for member in members if isinstance(member, ecr.Service)]
            for members in held
        ]
        assert {each.session_token for each in tokens[0]} == {each.session_token for each in tokens[1]}

    async def test_leaving_an_iteration_leaves_no_task(self, session: ecr.Session) -> None:
        fleet = ecr.Fleet(session, [f"{number:012}" for number in range(40)], "ecr-reader", "eu-west-1")
        members = aiter(fleet)
        await anext(members)
        await members.aclose()
        assert not [task for task in asyncio.all_tasks() if task.get_name() == "ecr_async fleet"]

    @pytest.mark.parametrize(
        ("region", "partition"),
        [("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")],
    )
    async def test_all_regions_are_botocores_of_the_sessions_partition(
        self, region: str, partition: str
    ) -> None:
        async with ecr.Session(**KEYS, region=region, trust_env=False) as session:
            fleet = ecr.Fleet(session, ACCOUNTS, "ecr-reader")
            regions = await fleet.regions()
            role = await fleet.session(ACCOUNTS[0])
        assert list(regions) == sorted(boto3.Session().get_available_regions("ecr", partition))
        assert role.role_arn == f"arn:{partition}:iam::{ACCOUNTS[0]}:role/ecr-reader"

    @pytest.mark.parametrize(
        ("accounts", "role", "regions", "path"),
        [
            ("111111111111", "r", "all", "accounts"),
            ([111111111111], "r", "all", r"accounts\[0\]"),
            (["111111111111", "22"], "r", "all", r"accounts\[1\]"),
            (
                ["\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661"],
                "r",
                "all",
                r"accounts\[0\]",
            ),
            (["111111111111"], "arn:aws:iam::1:role/r", "all", "role"),
            (["111111111111"], "", "all", "role"),
            (["111111111111"], "r", [], "regions"),
            (["111111111111"], "r", ["eu_west_1"], r"regions\[0\]"),
        ],
    )
    async def test_what_cannot_be_is_rejected(
        self, accounts: Any, role: str, regions: Any, path: str, session: ecr.Session
    ) -> None:
        with pytest.raises(ecr.ValidationError, match=f"^{path}: "):
            ecr.Fleet(session, accounts, role, regions)

    async def test_an_unknown_partition_is_named(self, session: ecr.Session) -> None:
        with pytest.raises(ecr.ConfigurationError, match="aws-mars"):
            await ecr.Fleet(session, ACCOUNTS, "r", partition="aws-mars").regions()


class TestBulkScan:
    async def test_a_fleet_is_scanned_like_services(self, session: ecr.Session) -> None:
        fleet = ecr.Fleet(session, ACCOUNTS, "ecr-reader", ["eu-west-1", "us-east-1"])
        async for member in fleet:
            assert isinstance(member, ecr.Service)
            await create(member, f"of-{member.account}")
        scan = ecr.scan_images(fleet)
        found = {(result.service.account, result.repository) async for result in scan}
        assert found == {(account, f"of-{account}") for account in ACCOUNTS}
        assert scan.summary.scanned == 6
        assert [result async for result in ecr.scan_findings(fleet, ecr.scan_images(fleet))] == []

    async def test_an_account_that_cannot_be_entered_is_a_failed_listing_for_each_region(self) -> None:
        sts = RejectingSTS("AccessDenied", lambda request: "no", rejected=":222222222222:")
        async with (
            sts.serving() as url,
            ecr.Session(**KEYS, region="eu-west-1", sts_endpoint_url=url, trust_env=False) as session,
        ):
            regions = ["eu-west-1", "us-east-1"]
            fleet = ecr.Fleet(session, ["222222222222"], "ecr-reader", regions)
            scan = ecr.scan_images(fleet)
            results = [result async for result in scan]
        assert {result.service.region for result in results} == set(regions)
        for result in results:
            assert isinstance(result, ecr.FailedListing)
            assert isinstance(result.error, ecr.CredentialsError)
        assert (scan.summary.failed_listings, scan.summary.complete) == (2, False)
