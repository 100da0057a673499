"""Each provider of botocore's chain, against real files, processes and local HTTP endpoints."""

import asyncio
import hashlib
import json
import shlex
import subprocess
import sys
import traceback
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import attrs
import boto3
import botocore.session
import pytest
from botocore.credentials import ContainerProvider
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ecr_async._auth.botocore_chain import botocore_chain
from ecr_async._auth.credentials import Credentials
from ecr_async.errors import CredentialsError
from tests.integration.credentials.conftest import Write
from tests.integration.credentials.servers import (
    ContainerEndpoint,
    InstanceMetadata,
    RejectingSTS,
    Serve,
    SignIn,
    SSOPortal,
    rfc3339,
)

ROLE = "arn:aws:iam::123456789012:role/puller"


def assert_expires(found: Credentials, expiration: datetime) -> None:
    """Never after the expiration given, and not so long before that it would matter."""
    assert found.expires_at is not None
    assert expiration - timedelta(minutes=1) < found.expires_at <= expiration


def who_holds(found: Credentials, sts: str) -> str:
    """The ARN that STS knows the credentials under."""
    client = boto3.client(
        "sts",
        endpoint_url=sts,
        region_name="us-east-1",
        aws_access_key_id=found.access_key_id,
        aws_secret_access_key=found.secret_access_key,
        aws_session_token=found.session_token,
    )
    arn: str = client.get_caller_identity()["Arn"]
    return arn


def assert_assumed(found: Credentials, sts: str) -> None:
    assert who_holds(found, sts).startswith("arn:aws:sts::123456789012:assumed-role/puller/")
    assert found.session_token
    assert_expires(found, datetime.now(UTC) + timedelta(hours=1))


class TestEnvironment:
    KEYS: ClassVar[dict[str, str]] = {"AWS_ACCESS_KEY_ID": "ENVKEY", "AWS_SECRET_ACCESS_KEY": "env-secret"}

    @pytest.mark.parametrize(
        "tokens",
        [
            {},
            {"AWS_SESSION_TOKEN": "new"},
            {"AWS_SECURITY_TOKEN": "old"},
            {"AWS_SESSION_TOKEN": "new", "AWS_SECURITY_TOKEN": "old"},
            {"AWS_SESSION_TOKEN": "new", "AWS_SECURITY_TOKEN": ""},
            {"AWS_SESSION_TOKEN": ""},
        ],
    )
    async def test_what_is_found_without_the_chain_is_what_the_chain_finds(
        self, tokens: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for variable, value in {**self.KEYS, **tokens}.items():
            monkeypatch.setenv(variable, value)
        reference = botocore.session.Session().get_credentials()
        found = await botocore_chain()()
        assert (found.access_key_id, found.secret_access_key) == (reference.access_key, reference.secret_key)
        assert found.session_token == reference.token
        assert found.expires_at is None

    async def test_credentials_in_the_environment_can_expire(
        self, monkeypatch: pytest.MonkeyPatch, expiration: datetime
    ) -> None:
        for variable, value in self.KEYS.items():
            monkeypatch.setenv(variable, value)
        monkeypatch.setenv("AWS_CREDENTIAL_EXPIRATION", rfc3339(expiration))
        found = await botocore_chain()()
        assert (found.access_key_id, found.secret_access_key) == ("ENVKEY", "env-secret")
        assert_expires(found, expiration)

    async def test_what_has_expired_is_an_error_that_names_the_time(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for variable, value in self.KEYS.items():
            monkeypatch.setenv(variable, value)
        monkeypatch.setenv("AWS_CREDENTIAL_EXPIRATION", "2024-05-17T12:00:00Z")
        with pytest.raises(CredentialsError, match="they expired at 2024-05-17 12:00 UTC"):
            await botocore_chain()()

    async def test_a_key_without_its_secret_is_an_error_that_names_the_variable(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ENVKEY")
        with pytest.raises(CredentialsError, match="missing: AWS_SECRET_ACCESS_KEY"):
            await botocore_chain()()

    @pytest.mark.parametrize(("argument", "expected"), [(None, "ENVKEY"), ("prod", "FILEKEY")])
    async def test_only_a_profile_given_as_an_argument_goes_before_it(
        self,
        argument: str | None,
        expected: str,
        write_credentials: Write,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        write_credentials("[prod]\naws_access_key_id = FILEKEY\naws_secret_access_key = s\n")
        monkeypatch.setenv("AWS_PROFILE", "prod")
        for variable, value in self.KEYS.items():
            monkeypatch.setenv(variable, value)
        assert (await botocore_chain(argument)()).access_key_id == expected


class TestSharedFiles:
    SECTION = "aws_access_key_id = FILEKEY\naws_secret_access_key = file-secret\naws_session_token = token\n"
    FOUND = Credentials("FILEKEY", "file-secret", "token")

    async def test_the_credentials_file(self, write_credentials: Write) -> None:
        write_credentials(f"[default]\n{self.SECTION}")
        assert await botocore_chain()() == self.FOUND

    async def test_the_config_file(self, write_config: Write) -> None:
        write_config(f"[profile prod]\n{self.SECTION}")
        assert await botocore_chain("prod")() == self.FOUND

    async def test_files_elsewhere(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        elsewhere = tmp_path / "elsewhere"
        elsewhere.write_text(f"[default]\n{self.SECTION}")
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(elsewhere))
        assert await botocore_chain()() == self.FOUND

    async def test_each_resolution_sees_the_file_as_it_is_by_then(self, write_credentials: Write) -> None:
        provider = botocore_chain()
        write_credentials("[default]\naws_access_key_id = OLDKEY\naws_secret_access_key = s\n")
        assert (await provider()).access_key_id == "OLDKEY"
        write_credentials(f"[default]\n{self.SECTION}")
        assert await provider() == self.FOUND


class TestAssumedRole:
    async def test_with_a_source_profile(self, sts: str, write_config: Write) -> None:
        write_config(
            f"[profile puller]\nrole_arn = {ROLE}\nsource_profile = source\n"
            "[profile source]\naws_access_key_id = SOURCEKEY\naws_secret_access_key = s\n"
        )
        assert_assumed(await botocore_chain("puller", "eu-west-1")(), sts)

    async def test_with_the_environments_credentials_as_source(
        self, sts: str, write_config: Write, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_config(f"[profile puller]\nrole_arn = {ROLE}\ncredential_source = Environment\n")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ENVKEY")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
        assert_assumed(await botocore_chain("puller", "eu-west-1")(), sts)

    async def test_with_the_containers_credentials_as_source(
        self,
        sts: str,
        serve: Serve,
        write_config: Write,
        monkeypatch: pytest.MonkeyPatch,
        expiration: datetime,
    ) -> None:
        write_config(f"[profile puller]\nrole_arn = {ROLE}\ncredential_source = EcsContainer\n")
        container = ContainerEndpoint(expiration)
        await container.start(serve, monkeypatch)
        assert_assumed(await botocore_chain("puller", "eu-west-1")(), sts)
        assert container.authorizations == [None]

    async def test_with_the_instances_credentials_as_source(
        self,
        sts: str,
        serve: Serve,
        write_config: Write,
        monkeypatch: pytest.MonkeyPatch,
        expiration: datetime,
    ) -> None:
        write_config(f"[profile puller]\nrole_arn = {ROLE}\ncredential_source = Ec2InstanceMetadata\n")
        await InstanceMetadata(expiration).start(serve, monkeypatch)
        assert_assumed(await botocore_chain("puller", "eu-west-1")(), sts)

    async def test_with_a_web_identity_as_on_eks(
        self, sts: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "token").write_text("web-identity")
        monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
        monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
        monkeypatch.setenv("AWS_ROLE_SESSION_NAME", "pod")
        found = await botocore_chain(None, "eu-west-1")()
        assert who_holds(found, sts).endswith(":assumed-role/puller/pod")

    async def test_sts_is_called_in_the_region_given_and_signed_for_it(
        self, serve: Serve, write_config: Write, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server = RejectingSTS("AccessDenied", lambda request: "user ci may not assume role puller")
        await server.start(serve, monkeypatch)
        write_config(
            f"[profile puller]\nrole_arn = {ROLE}\nsource_profile = puller\n"
            "aws_access_key_id = SOURCEKEY\naws_secret_access_key = s\n"
        )
        with pytest.raises(CredentialsError) as caught:
            await botocore_chain("puller", "eu-west-1")()
        assert str(caught.value) == (
            "the AWS credentials could not be resolved from the role of profile 'puller': AssumeRole was "
            "rejected with AccessDenied: user ci may not assume role puller; check the role's trust policy, "
            "and that the caller may call sts:AssumeRole"
        )
        (authorization,) = server.authorizations
        assert "Credential=SOURCEKEY/" in authorization
        assert "/eu-west-1/sts/" in authorization


class TestProcess:
    @staticmethod
    def configure(write_config: Write, tmp_path: Path, program: str) -> None:
        script = tmp_path / "process.py"
        script.write_text(program)
        write_config(f"[default]\ncredential_process = {sys.executable} {shlex.quote(str(script))}\n")

    async def test_its_output_is_the_credentials(
        self, write_config: Write, tmp_path: Path, expiration: datetime
    ) -> None:
        response = {
            "Version": 1,
            "AccessKeyId": "PROCESSKEY",
            "SecretAccessKey": "s",
            "SessionToken": "t",
            "Expiration": rfc3339(expiration),
        }
        self.configure(write_config, tmp_path, f"print({json.dumps(response)!r})")
        found = await botocore_chain()()
        assert attrs.evolve(found, expires_at=None) == Credentials("PROCESSKEY", "s", "t")
        assert_expires(found, expiration)

    @pytest.mark.parametrize(
        ("program", "reason"),
        [
            ("import sys; sys.exit('CANARY')", "failed; its output is withheld"),
            ("print('CANARY')", "printed something that is not a JSON object"),
            ("print('[\"CANARY\"]')", "printed something that is not a JSON object"),
            ('print(\'{"Version": "CANARY"}\')', "printed a Version other than 1"),
            (
                'print(\'{"Version": 1, "AccessKeyId": "K", "SessionToken": "CANARY"}\')',
                "printed no SecretAccessKey",
            ),
            (
                'print(\'{"Version": 1, "AccessKeyId": null, "SecretAccessKey": "CANARY"}\')',
                "access_key_id is missing",
            ),
            (
                'print(\'{"Version": 1, "AccessKeyId": "K", "SecretAccessKey": "CAN\\\\nARY"}\')',
                "secret_access_key holds a line end",
            ),
            (
                'print(\'{"Version": 1, "AccessKeyId": "K", "SecretAccessKey": "s", "Expiration": "CANARY"}\')',
                "printed an Expiration that is not a time",
            ),
            (
                'print(\'{"Version": 1, "AccessKeyId": "K", "SecretAccessKey": "S", "Expiration": "2099-01-01"}\')',
                "its Expiration has no time zone; in UTC it is written like 2026-01-01T00:00:00Z",
            ),
        ],
    )
    async def test_its_errors_are_described_without_repeating_its_output(
        self, program: str, reason: str, write_config: Write, tmp_path: Path
    ) -> None:
        self.configure(write_config, tmp_path, program)
        with pytest.raises(CredentialsError) as caught:
            await botocore_chain()()
        assert "the credential_process of profile 'default'" in str(caught.value)
        assert reason in str(caught.value)
        assert_holds_no_canary(caught.value)

    async def test_a_program_that_is_not_there_is_named(self, write_config: Write) -> None:
        write_config("[default]\ncredential_process = no-such-program --flag\n")
        with pytest.raises(CredentialsError, match="no-such-program"):
            await botocore_chain()()


class TestContainer:
    async def test_the_endpoint_is_called_with_the_token(
        self, serve: Serve, monkeypatch: pytest.MonkeyPatch, expiration: datetime
    ) -> None:
        container = ContainerEndpoint(expiration)
        await container.start(serve, monkeypatch)
        monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Bearer ecs")
        found = await botocore_chain()()
        assert attrs.evolve(found, expires_at=None) == Credentials("CONTAINERKEY", "s", "t")
        assert_expires(found, expiration)
        assert set(container.authorizations) == {"Bearer ecs"}

    @pytest.mark.skipif(
        not hasattr(ContainerProvider, "ENV_VAR_AUTH_TOKEN_FILE"),
        reason="botocore is older than Pod Identity",
    )
    async def test_pod_identitys_token_is_read_from_its_file_each_time(
        self, serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, expiration: datetime
    ) -> None:
        container = ContainerEndpoint(expiration)
        await container.start(serve, monkeypatch)
        token = tmp_path / "pod-token"
        monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(token))
        provider = botocore_chain()
        for word in ("first", "second"):
            token.write_text(word)
            assert (await provider()).access_key_id == "CONTAINERKEY"
        assert container.authorizations == ["first", "second"]


async def test_instance_metadata_is_read_by_its_second_version(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, expiration: datetime
) -> None:
    metadata = InstanceMetadata(expiration)
    await metadata.start(serve, monkeypatch)
    found = await botocore_chain()()
    assert attrs.evolve(found, expires_at=None) == Credentials("INSTANCEKEY", "s", "t")
    assert_expires(found, expiration)
    role = "/latest/meta-data/iam/security-credentials/"
    assert metadata.requests == [role, f"{role}instance-role"]


class TestSSO:
    """In a process of its own: botocore looks up the home directory of the token cache at import."""

    CONFIG = (
        "[profile prod]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = Puller\n"
        "[sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://corp.awsapps.com/start\n"
    )
    PROGRAM = """
import asyncio
from ecr_async._auth.botocore_chain import botocore_chain
found = asyncio.run(botocore_chain("prod", "eu-west-1")())
print(found.access_key_id, found.secret_access_key, found.session_token, found.expires_at.timestamp())
"""

    LATER = """
import asyncio
import ecr_async as ecr

async def main():
    async with ecr.Session(profile="prod", region="eu-west-1") as session:
        try:
            await session.get_credentials()
        except ecr.CredentialsError as error:
            print(error, flush=True)
        input()
        print((await session.get_credentials()).access_key_id)

asyncio.run(main())
"""

    async def resolve(self) -> tuple[int | None, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", self.PROGRAM, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        output, _ = await process.communicate()
        return process.returncode, output.decode()

    @pytest.fixture(autouse=True)
    def importable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(
            "PYTHONPATH", str(Path(sys.modules[botocore_chain.__module__].__file__ or "").parents[2])
        )

    @staticmethod
    def log_in(home: Path, expires_at: datetime, session: str = "corp") -> None:
        cache = home / ".aws" / "sso" / "cache"
        cache.mkdir(parents=True)
        token = {"accessToken": "sso-token", "expiresAt": rfc3339(expires_at)}
        (cache / f"{hashlib.sha1(session.encode()).hexdigest()}.json").write_text(json.dumps(token))

    async def test_a_logged_in_sessions_token_gets_the_roles_credentials(
        self,
        home: Path,
        serve: Serve,
        write_config: Write,
        monkeypatch: pytest.MonkeyPatch,
        expiration: datetime,
    ) -> None:
        portal = SSOPortal(expiration)
        await portal.start(serve, monkeypatch)
        write_config(self.CONFIG)
        self.log_in(home, expiration)

        status, output = await self.resolve()
        assert status == 0, output
        key, secret, token, expires_at = output.split()
        assert_expires(
            Credentials(key, secret, token, datetime.fromtimestamp(float(expires_at), UTC)), expiration
        )
        assert (key, secret, token) == ("SSOKEY", "s", "t")
        assert portal.requests == [("sso-token", {"role_name": "Puller", "account_id": "123456789012"})]

    async def test_a_login_counts_in_a_process_that_runs_already(
        self,
        home: Path,
        serve: Serve,
        write_config: Write,
        monkeypatch: pytest.MonkeyPatch,
        expiration: datetime,
    ) -> None:
        """Others must be started anew: https://github.com/boto/boto3/issues/4119."""
        await SSOPortal(expiration).start(serve, monkeypatch)
        write_config(self.CONFIG)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", self.LATER, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert process.stdin is not None
        assert process.stdout is not None
        assert b"aws sso login" in await process.stdout.readline()
        self.log_in(home, expiration)
        output, _ = await process.communicate(b"\n")
        assert output == b"SSOKEY\n"

    async def test_without_a_login_the_error_says_so(self, write_config: Write) -> None:
        write_config(self.CONFIG)
        status, output = await self.resolve()
        assert status == 1
        assert (
            "CredentialsError: the AWS credentials could not be resolved from IAM Identity Center (SSO), "
            "profile 'prod': there is no valid session in its cache; run `aws sso login --profile prod`"
        ) in output


class TestLogin:
    """The session of `aws login`; botocore renews it with the help of awscrt."""

    SESSION = "arn:aws:iam::123456789012:user/ci"

    async def test_its_expired_credentials_are_renewed_with_a_proof_of_possession(
        self, home: Path, serve: Serve, write_config: Write, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pytest.importorskip("awscrt.crypto")
        sign_in = SignIn()
        await sign_in.start(serve, monkeypatch)
        write_config(f"[default]\nlogin_session = {self.SESSION}\n")
        self.log_in(home, datetime.now(UTC) - timedelta(minutes=1))
        found = await botocore_chain(None, "eu-west-1")()
        assert attrs.evolve(found, expires_at=None) == Credentials("LOGINKEY", "s", "t")
        assert_expires(found, datetime.now(UTC) + timedelta(minutes=15))
        assert sign_in.requests == [
            {"clientId": "client", "refreshToken": "refresh", "grantType": "refresh_token"}
        ]
        assert all(proof and proof.count(".") == 2 for proof in sign_in.proofs)

    @staticmethod
    def log_in(home: Path, expires_at: datetime) -> None:
        cache = home / ".aws" / "login" / "cache"
        cache.mkdir(parents=True)
        key = ec.generate_private_key(ec.SECP256R1()).private_bytes(
            Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
        )
        session = {
            "accessToken": {
                "accessKeyId": "OLDKEY",
                "secretAccessKey": "s",
                "sessionToken": "t",
                "accountId": "123456789012",
                "expiresAt": rfc3339(expires_at),
            },
            "clientId": "client",
            "refreshToken": "refresh",
            "dpopKey": key.decode(),
        }
        name = hashlib.sha256(TestLogin.SESSION.encode()).hexdigest()
        (cache / f"{name}.json").write_text(json.dumps(session))


class TestFailure:
    @pytest.mark.parametrize(
        ("profile", "places"),
        [
            (
                None,
                "the environment (AWS_ACCESS_KEY_ID), profile 'default' of ~/.aws/credentials and ~/.aws/config",
            ),
            ("empty", "profile 'empty' of ~/.aws/credentials and ~/.aws/config"),
        ],
    )
    async def test_no_credentials_anywhere_is_one_sentence_that_says_where_we_looked(
        self, profile: str | None, places: str, write_config: Write
    ) -> None:
        write_config("[profile empty]\nregion = eu-west-1\n")
        with pytest.raises(CredentialsError) as caught:
            await botocore_chain(profile)()
        assert str(caught.value) == (
            f"no AWS credentials: there are none in {places}, the container's endpoint "
            "(AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI) or the instance metadata service "
            "(which AWS_EC2_METADATA_DISABLED forbids)"
        )

    async def test_a_profile_that_does_not_exist_is_named(self) -> None:
        with pytest.raises(CredentialsError, match="nobody"):
            await botocore_chain("nobody")()

    async def test_a_file_that_cannot_be_parsed_is_not_quoted(self, write_credentials: Write) -> None:
        write_credentials("aws_secret_access_key = CANARY\n")
        with pytest.raises(CredentialsError, match="credentials cannot be parsed") as caught:
            await botocore_chain()()
        assert_holds_no_canary(caught.value)

    async def test_a_rejection_that_repeats_the_request_is_not_quoted(
        self, serve: Serve, write_config: Write, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server = RejectingSTS(
            "SignatureDoesNotMatch", lambda request: f"expected {request.headers['x-amz-security-token']}"
        )
        await server.start(serve, monkeypatch)
        write_config(
            f"[profile puller]\nrole_arn = {ROLE}\nsource_profile = puller\n"
            "aws_access_key_id = K\naws_secret_access_key = s\naws_session_token = CANARY\n"
        )
        with pytest.raises(CredentialsError, match=r"rejected with SignatureDoesNotMatch; check") as caught:
            await botocore_chain("puller", "eu-west-1")()
        assert_holds_no_canary(caught.value)


def assert_holds_no_canary(error: BaseException) -> None:
    """Neither the error, nor anything that hangs on it, nor the local variables on its way."""
    assert "CANARY" not in str(error)
    assert "CANARY" not in repr(error)
    assert error.__cause__ is None
    assert error.__context__ is None
    frames = traceback.TracebackException.from_exception(error, capture_locals=True).stack
    for frame in frames:
        if "/ecr_async/" in frame.filename:
            assert "CANARY" not in str(frame.locals), frame.name
