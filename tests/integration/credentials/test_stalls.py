"""No kind of credentials holds up the event loop, neither while they are resolved nor while they are renewed.

botocore's work is done in a thread, but a thread holds up the loop too, for as long as one of its calls
keeps the interpreter's lock. So each resolution is watched in a process that has just started, with all
its imports to come, and served from this one.
"""

import asyncio
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cattrs
import pytest
from botocore.credentials import ContainerProvider

from tests.integration.credentials import test_chain as chain
from tests.integration.credentials import watched
from tests.integration.credentials.conftest import Write
from tests.integration.credentials.servers import (
    ContainerEndpoint,
    InstanceMetadata,
    Serve,
    SignIn,
    SSOPortal,
    rfc3339,
)

pytestmark = pytest.mark.alone

LIMIT = 0.020
"""Seconds that the loop may be held up."""

MOST_RUNS = 5

KEYS = "aws_access_key_id = FILEKEY\naws_secret_access_key = s\n"


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]), prepend=os.pathsep)


async def watch(**session: str) -> watched.Report:
    """Resolve and renew the credentials of a session with these arguments, in a new process."""
    arguments = json.dumps({"region": "eu-west-1", **session})
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", watched.__name__, arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return cattrs.structure(json.loads(output), watched.Report)


async def assert_loop_stays_free(*found_by: str, **session: str) -> watched.Report:
    """Assert that these providers of botocore's were walked to, twice, and that nothing stalled meanwhile.

    The processor time of the loop's own thread must be under the limit in every run, as other programs
    hardly add to it. They do delay what is timed by the clock, now and then; a stall of our own making
    is there in each run. So of that the best of a few runs counts, and the first good one ends them.
    """
    stalls: list[float] = []
    while True:
        report = await watch(**session)
        assert report.found_by == [*found_by, *found_by]
        assert max(report.resolving.cpu, report.renewing.cpu) < LIMIT
        stalls.append(max(report.resolving.wall, report.renewing.wall))
        if stalls[-1] < LIMIT:
            return report
        assert len(stalls) < MOST_RUNS, f"the loop was held up for {stalls} seconds"


async def test_explicit_keys() -> None:
    report = await assert_loop_stays_free(access_key_id="KEY", secret_access_key="s")
    assert report.access_key == "KEY"


@pytest.mark.parametrize("expires", [False, True])
async def test_environment(expires: bool, monkeypatch: pytest.MonkeyPatch, expiration: datetime) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ENVKEY")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    if expires:
        monkeypatch.setenv("AWS_CREDENTIAL_EXPIRATION", rfc3339(expiration))
    report = await assert_loop_stays_free(*["env"] * expires)
    assert report.access_key == "ENVKEY"


async def test_shared_credentials_file(write_credentials: Write) -> None:
    write_credentials(f"[default]\n{KEYS}")
    await assert_loop_stays_free("shared-credentials-file")


async def test_profile(write_config: Write) -> None:
    write_config(f"[profile prod]\n{KEYS}")
    await assert_loop_stays_free("config-file", profile="prod")


@pytest.mark.usefixtures("sts")
class TestAssumedRole:
    async def test_with_a_source_profile(self, write_config: Write) -> None:
        write_config(
            f"[profile puller]\nrole_arn = {chain.ROLE}\nsource_profile = source\n[profile source]\n{KEYS}"
        )
        await assert_loop_stays_free("assume-role", profile="puller")

    async def test_with_the_environments_credentials_as_source(
        self, write_config: Write, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.configure(write_config, "Environment")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ENVKEY")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
        await assert_loop_stays_free("assume-role", profile="puller")

    async def test_with_the_containers_credentials_as_source(
        self, serve: Serve, write_config: Write, monkeypatch: pytest.MonkeyPatch, expiration: datetime
    ) -> None:
        self.configure(write_config, "EcsContainer")
        await ContainerEndpoint(expiration).start(serve, monkeypatch)
        await assert_loop_stays_free("assume-role", profile="puller")

    async def test_with_the_instances_credentials_as_source(
        self, serve: Serve, write_config: Write, monkeypatch: pytest.MonkeyPatch, expiration: datetime
    ) -> None:
        self.configure(write_config, "Ec2InstanceMetadata")
        await InstanceMetadata(expiration).start(serve, monkeypatch)
        await assert_loop_stays_free("assume-role", profile="puller")

    async def test_with_a_web_identity_as_on_eks(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "token").write_text("web-identity")
        monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
        monkeypatch.setenv("AWS_ROLE_ARN", chain.ROLE)
        await assert_loop_stays_free("assume-role-with-web-identity")

    @staticmethod
    def configure(write_config: Write, source: str) -> None:
        write_config(f"[profile puller]\nrole_arn = {chain.ROLE}\ncredential_source = {source}\n")


async def test_process(write_config: Write, tmp_path: Path, expiration: datetime) -> None:
    response = {
        "Version": 1,
        "AccessKeyId": "PROCESSKEY",
        "SecretAccessKey": "s",
        "Expiration": rfc3339(expiration),
    }
    chain.TestProcess.configure(write_config, tmp_path, f"print({json.dumps(response)!r})")
    await assert_loop_stays_free("custom-process")


class TestContainer:
    async def test_as_on_ecs(
        self, serve: Serve, monkeypatch: pytest.MonkeyPatch, expiration: datetime
    ) -> None:
        await ContainerEndpoint(expiration).start(serve, monkeypatch)
        monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Bearer ecs")
        await assert_loop_stays_free("container-role")

    @pytest.mark.skipif(
        not hasattr(ContainerProvider, "ENV_VAR_AUTH_TOKEN_FILE"),
        reason="botocore is older than Pod Identity",
    )
    async def test_with_pod_identity_as_on_eks(
        self, serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, expiration: datetime
    ) -> None:
        await ContainerEndpoint(expiration).start(serve, monkeypatch)
        (tmp_path / "pod-token").write_text("token")
        monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(tmp_path / "pod-token"))
        await assert_loop_stays_free("container-role")


async def test_instance_metadata(serve: Serve, monkeypatch: pytest.MonkeyPatch, expiration: datetime) -> None:
    await InstanceMetadata(expiration).start(serve, monkeypatch)
    await assert_loop_stays_free("iam-role")


class TestSSO:
    async def test_with_a_session_of_its_own(
        self,
        home: Path,
        serve: Serve,
        write_config: Write,
        monkeypatch: pytest.MonkeyPatch,
        expiration: datetime,
    ) -> None:
        await SSOPortal(expiration).start(serve, monkeypatch)
        write_config(chain.TestSSO.CONFIG)
        chain.TestSSO.log_in(home, expiration)
        await assert_loop_stays_free("sso", profile="prod")

    async def test_with_the_start_url_in_the_profile_as_it_used_to_be(
        self,
        home: Path,
        serve: Serve,
        write_config: Write,
        monkeypatch: pytest.MonkeyPatch,
        expiration: datetime,
    ) -> None:
        await SSOPortal(expiration).start(serve, monkeypatch)
        start_url = "https://corp.awsapps.com/start"
        write_config(
            f"[profile prod]\nsso_start_url = {start_url}\nsso_region = eu-west-1\n"
            "sso_account_id = 123456789012\nsso_role_name = Puller\n"
        )
        chain.TestSSO.log_in(home, expiration, start_url)
        await assert_loop_stays_free("sso", profile="prod")


async def test_login(home: Path, serve: Serve, write_config: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("awscrt.crypto")
    await SignIn().start(serve, monkeypatch)
    write_config(f"[default]\nlogin_session = {chain.TestLogin.SESSION}\n")
    chain.TestLogin.log_in(home, datetime.now(UTC) - timedelta(minutes=1))
    await assert_loop_stays_free("login")
