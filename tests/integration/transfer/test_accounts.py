"""Registries of other accounts: by their ID and a repository policy, or by a role that is assumed there."""

import base64
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

import ecr_async as ecr
from ecr_async.local import LocalECR
from tests.integration.credentials.servers import RejectingSTS
from tests.integration.local.content import create
from tests.integration.subprocesses import COMMAND, environment, run
from tests.integration.transfer.layouts import artifact, files_of, image, index, noise, write_layout

OWNER, GUEST = "111111111111", "222222222222"
AMD = image(noise(3000, 1), noise(2000, 2))
BOTH = index({"linux/amd64": AMD, "linux/arm64": image(noise(3000, 1), architecture="arm64")})
KEYS = {"ROLEKEY": ("s", OWNER), "GUESTKEY": ("guest-secret", GUEST)}
EVERYTHING = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{GUEST}:root"}, "Action": "ecr:*"}
        ],
    }
)


@pytest.fixture
async def accounts() -> AsyncIterator[LocalECR]:
    """An ECR with two accounts; the guest may do everything in the owner's repository `team/app`."""
    async with LocalECR(keys=KEYS) as local:
        async with local.session(access_key_id="ROLEKEY", secret_access_key="s") as session:
            service = session.service()
            await create(service)
            await ecr.set_repository_policy(service, ecr.SetRepositoryPolicyRequest("team/app", EVERYTHING))
        yield local


@pytest.fixture
async def guest(accounts: LocalECR) -> AsyncIterator[ecr.Service]:
    async with accounts.session(access_key_id="GUESTKEY", secret_access_key="guest-secret") as session:
        yield session.service()


async def test_an_image_in_another_account_s_registry(guest: ecr.Service, tmp_path: Path) -> None:
    """Pushed, pulled, tagged and copied home, with its signature."""
    signature = artifact(BOTH)
    source = write_layout(tmp_path / "in", [("v1", BOTH), (None, signature)])
    with pytest.raises(ecr.RepositoryNotFoundException):
        await ecr.push_image(guest, source, "team/app", reference="v1")
    pushed = await ecr.push_image(guest, source, "team/app", tags=["v1"], reference="v1", registry_id=OWNER)
    assert set(pushed.manifests) == {
        *(each for each in BOTH.all if each in pushed.manifests),
        signature.digest,
    }
    again = await ecr.push_image(guest, source, "team/app", tags=["v1"], reference="v1", registry_id=OWNER)
    assert (again.digest, again.blobs_moved) == (BOTH.digest, 0)
    tagged = await ecr.copy_image(
        guest, "team/app", "v1", guest, "team/app", tags=["v2"], source_registry_id=OWNER, registry_id=OWNER
    )
    assert (tagged.tags, tagged.bytes_moved) == (("v2",), 0)
    await ecr.pull_image(
        guest, "team/app", "v2", tmp_path / "out", tags=["v1"], registry_id=OWNER, include_referrers=True
    )
    blobs = {name for name in files_of(source) if name.startswith("blobs/")}
    assert {name for name in files_of(tmp_path / "out") if name.startswith("blobs/")} == blobs
    await create(guest, "team/app")
    home = await ecr.copy_image(
        guest, "team/app", "v1", guest, "team/app", source_registry_id=OWNER, include_referrers=True
    )
    assert (home.bytes_moved, set(home.manifests)) == (home.bytes, set(pushed.manifests))
    pages = ecr.paginate_list_images(guest, ecr.ListImagesRequest("team/app"))
    assert {each.image_tag async for each in pages} == {"v1", None}


async def test_a_push_to_another_account_is_continued(
    accounts: LocalECR, guest: ecr.Service, tmp_path: Path
) -> None:
    """Unfinished uploads of two registries don't get mixed up."""
    source = write_layout(tmp_path / "in", [("v1", AMD)])
    await create(guest, "team/app")
    for registry_id in (OWNER, None, OWNER):
        pushed = await ecr.push_image(guest, source, "team/app", tags=["v1"], registry_id=registry_id)
        assert pushed.digest == AMD.digest


async def test_registries_of_other_accounts_are_synchronised(
    accounts: LocalECR, guest: ecr.Service, tmp_path: Path
) -> None:
    """From the owner's registry home, and back into it, with what is to be removed there."""
    alone = image(noise(500, 4))
    source = write_layout(tmp_path / "in", [("v1", alone), ("v2", BOTH)])
    for tag in ("v1", "v2"):
        await ecr.push_image(guest, source, "team/app", tags=[tag], reference=tag, registry_id=OWNER)
    home = ecr.sync_images(
        guest, guest, ["team/app"], source_registry_id=OWNER, create_repositories="like_source"
    )
    results = [each async for each in home]
    assert home.summary.complete, results
    assert (home.summary.copied, home.summary.created) == (2, 1)
    policy = await ecr.get_repository_policy(guest, ecr.GetRepositoryPolicyRequest("team/app"))
    assert json.loads(policy.policy_text or "") == json.loads(EVERYTHING)
    await ecr.delete_images(guest, "team/app", [ecr.ImageIdentifier(image_tag="v1")], dry_run=False)
    await ecr.copy_image(guest, "team/app", "v2", guest, "team/app", tags=["v3"])
    back = ecr.sync_images(guest, guest, ["team/app"], registry_id=OWNER, prune=True)
    results = [each async for each in back]
    assert back.summary.complete, results
    assert (back.summary.copied, back.summary.pruned) == (1, 1)
    pages = ecr.paginate_list_images(guest, ecr.ListImagesRequest("team/app", OWNER))
    assert {each.image_tag async for each in pages} == {"v2", "v3", None}


async def test_registry_ids_of_a_sync_are_checked_first(guest: ecr.Service) -> None:
    for name in ("source_registry_id", "registry_id"):
        with pytest.raises(ecr.ValidationError, match=f"{name}: must be an AWS account ID of 12 digits"):
            ecr.sync_images(guest, guest, **{name: "1"})  # type: ignore[arg-type]


async def test_the_login_for_another_account(accounts: LocalECR, guest: ecr.Service) -> None:
    own = await ecr.registry_credentials(guest)
    other = await ecr.registry_credentials(guest, OWNER)
    assert await ecr.registry_credentials(guest, OWNER) is other
    assert await ecr.registry_credentials(guest) is own
    for wrong in ("1", 111111111111, ""):
        with pytest.raises(ecr.ValidationError, match="registry_id"):
            await ecr.registry_credentials(guest, wrong)  # type: ignore[arg-type]


async def test_the_login_names_the_registry_that_it_is_for(tmp_path: Path) -> None:
    async with LocalECR(keys=KEYS, uri_style="host") as local:
        env = environment(local, AWS_ACCESS_KEY_ID="GUESTKEY", AWS_SECRET_ACCESS_KEY="guest-secret")
        hosts: list[str] = []
        for options in ([], ["--registry-id", OWNER]):
            finished = await run(*COMMAND, "login", "--output", "json", *options, env=env)
            assert (finished.status, finished.err) == (0, "")
            hosts.append(json.loads(finished.out)["endpoint"].partition("//")[2])
    assert [host.partition(".")[0] for host in hosts] == [GUEST, OWNER]


async def test_the_credential_helper_assumes_the_role_of_its_mapping(
    accounts: LocalECR, tmp_path: Path
) -> None:
    """The login is the role's: it opens the owner's repositories at the registry's own door."""
    mapping = tmp_path / "registries.toml"
    mapping.write_text(
        f"""
        [[registry]]
        match = "{OWNER}.dkr.ecr.*.amazonaws.com"
        role_arn = "arn:aws:iam::{OWNER}:role/pusher"
        access_key_id = "GUESTKEY"
        secret_access_key = "guest-secret"
        """
    )
    host = f"{OWNER}.dkr.ecr.us-east-1.amazonaws.com"
    sts = RejectingSTS("AccessDenied", lambda request: "no", rejected=":role/other")
    helper = "from ecr_async.transfer.login.credential_helper.protocol import main; main()"
    async with sts.serving() as url:
        env = environment(
            ECR_ASYNC_REGISTRIES=str(mapping),
            XDG_CACHE_HOME=str(tmp_path / "cache"),
            AWS_ENDPOINT_URL_STS=url,
            AWS_ENDPOINT_URL_ECR=str(accounts.url),
        )
        found = await run(sys.executable, "-c", helper, "get", env=env, text=host)
        assert (found.status, found.err) == (0, ""), found.out
        again = await run(sys.executable, "-c", helper, "get", env=env, text=host)
        assert again.out == found.out
        assert len(sts.authorizations) == 1
        mapping.write_text(mapping.read_text().replace("role/pusher", "role/other"))
        rejected = await run(sys.executable, "-c", helper, "get", env=env, text=host)
    assert rejected.status == 1
    assert "AccessDenied" in rejected.out
    assert "guest-secret" not in rejected.out + rejected.err
    login = json.loads(found.out)
    basic = base64.b64encode(f"{login['Username']}:{login['Secret']}".encode()).decode()
    async with (
        aiohttp.ClientSession() as client,
        client.get(
            f"{accounts.endpoint_url}/v2/team/app/tags/list",
            headers={"Host": host, "Authorization": f"Basic {basic}"},
        ) as response,
    ):
        assert response.status == 200
