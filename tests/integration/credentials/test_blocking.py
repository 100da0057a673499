"""Sources that block: bounded, never prompting, cancellable, and no program waits for them.

Each runs in a process of its own, since the question is whether that ends.
"""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

import ecr_async as ecr
from ecr_async._auth.botocore_chain import botocore_chain
from tests.integration.credentials.conftest import Write

ROLE = "arn:aws:iam::123456789012:role/puller"
KEYS = "aws_access_key_id = K\naws_secret_access_key = s\n"
GENEROUS = 30
"""Seconds in which a process that nothing holds up ends, even on a busy machine."""

CANCELLED = """
import asyncio
from ecr_async._auth.botocore_chain import botocore_chain
async def main():
    async with asyncio.timeout(0.5):
        await botocore_chain({profile!r}, "eu-west-1")()
try:
    asyncio.run(main())
except TimeoutError:
    print("cancelled")
"""


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]), prepend=os.pathsep)


@pytest.fixture
def silent() -> Iterator[str]:
    """The URL of a server that takes requests and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def typed() -> Iterator[None]:
    """A standard input with something in it, which pytest's own has not."""
    reader, writer = os.pipe()
    os.write(writer, b"typed")
    os.close(writer)
    before = os.dup(0)
    os.dup2(reader, 0)
    yield
    os.dup2(before, 0)
    os.close(before)
    os.close(reader)


async def output(program: str) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(GENEROUS):
            text = (await process.stdout.read()).decode()
            await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
    return text


class TestMFA:
    @pytest.mark.parametrize(
        "config",
        [
            f"[profile mfa]\nrole_arn = {ROLE}\nsource_profile = mfa\nmfa_serial = arn:x\n{KEYS}",
            f"""
            [profile mfa]
            role_arn = {ROLE}
            source_profile = other
            [profile other]
            role_arn = {ROLE}
            source_profile = keys
            mfa_serial = arn:x
            [profile keys]
            aws_access_key_id = K
            aws_secret_access_key = s
            """,
        ],
    )
    async def test_a_code_is_never_prompted_for(self, config: str, write_config: Write) -> None:
        """As getpass does in botocore, for ever: https://github.com/boto/botocore/issues/1573"""
        write_config(dedent(config))
        with pytest.raises(ecr.CredentialsError, match=r"needs an MFA code \(mfa_serial\)"):
            await botocore_chain("mfa", "eu-west-1")()

    async def test_a_profile_whose_keys_are_used_needs_none(
        self, write_config: Write, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_config(f"[default]\nrole_arn = {ROLE}\nsource_profile = default\nmfa_serial = arn:x\n{KEYS}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ENVKEY")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
        assert (await botocore_chain()()).access_key_id == "ENVKEY"


class TestProcess:
    @pytest.mark.usefixtures("typed")
    async def test_its_standard_input_is_empty(self, write_config: Write, tmp_path: Path) -> None:
        script = tmp_path / "process.py"
        script.write_text(
            "import json, sys\n"
            'print(json.dumps({"Version": 1, "AccessKeyId": "K", "SecretAccessKey": sys.stdin.read() or "s"}))'
        )
        write_config(f"[default]\ncredential_process = {sys.executable} {script}\n")
        assert (await botocore_chain()()).secret_access_key == "s"

    async def test_one_that_hangs_is_killed_and_holds_nothing_up(
        self, write_config: Write, tmp_path: Path
    ) -> None:
        script, alive = tmp_path / "process.py", tmp_path / "alive"
        os.mkfifo(alive)
        script.write_text(
            f"import time; pipe = open({str(alive)!r}, 'w'); print('started', file=pipe, flush=True); time.sleep(600)"
        )
        write_config(f"[default]\ncredential_process = {sys.executable} {script}\n")
        resolving = asyncio.ensure_future(botocore_chain()())
        with await asyncio.to_thread(alive.open) as pipe:
            assert await asyncio.to_thread(pipe.readline) == "started\n"
            resolving.cancel()
            await asyncio.wait([resolving])
            async with asyncio.timeout(GENEROUS):
                assert await asyncio.to_thread(pipe.read) == "", "its end closes the pipe"
        assert resolving.cancelled()

    async def test_cancelling_ends_the_program_at_once(self, write_config: Write) -> None:
        write_config("[profile slow]\ncredential_process = sleep 600\n")
        assert await output(CANCELLED.format(profile="slow")) == "cancelled\n"


class TestSilence:
    async def test_a_silent_sts_does_not_keep_the_program_from_ending(
        self, silent: str, write_config: Write, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", silent)
        write_config(f"[profile puller]\nrole_arn = {ROLE}\nsource_profile = puller\n{KEYS}")
        assert await output(CANCELLED.format(profile="puller")) == "cancelled\n"

    async def test_it_is_bounded_by_the_sessions_limit(
        self, silent: str, write_config: Write, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", silent)
        write_config(f"[profile puller]\nrole_arn = {ROLE}\nsource_profile = puller\n{KEYS}")
        async with ecr.Session(profile="puller", region="eu-west-1", credentials_timeout=0.2) as session:
            with pytest.raises(ecr.CredentialsError, match=r"no credentials within 0\.2 seconds"):
                await session.get_credentials()


class TestWhatOthersComplainOf:
    async def test_credentials_of_the_environment_that_have_expired_are_reported(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A TypeError in aiobotocore: https://github.com/aio-libs/aiobotocore/issues/1020"""
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ENVKEY")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
        monkeypatch.setenv("AWS_CREDENTIAL_EXPIRATION", "2023-06-28T10:44:05Z")
        with pytest.raises(ecr.CredentialsError) as caught:
            await botocore_chain()()
        assert "the environment (AWS_ACCESS_KEY_ID, …)" in str(caught.value)
        assert "expired at 2023-06-28 10:44" in str(caught.value)
        assert "AWS_CREDENTIAL_EXPIRATION" in str(caught.value)

    async def test_a_container_at_a_host_that_is_not_allowed_is_reported(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://user:CANARY@ecr.example/x")
        with pytest.raises(ecr.CredentialsError, match=r"may not be at host 'ecr\.example'") as caught:
            await botocore_chain()()
        assert "CANARY" not in str(caught.value)

    @pytest.mark.parametrize("key", ["source_profile", "web_identity_token_file", "role_arn"])
    async def test_an_indented_line_below_a_setting_of_the_chain_is_not_repeated(
        self, key: str, write_config: Write
    ) -> None:
        others = {"role_arn": ROLE, "source_profile": "default"}
        if key == "web_identity_token_file":
            others = {"role_arn": ROLE}
        settings = others | {key: "value\n  aws_secret_access_key = CANARY"}
        lines = "".join(f"{name} = {value}\n" for name, value in settings.items())
        write_config(f"[default]\n{KEYS}{lines}")
        with pytest.raises(ecr.CredentialsError) as caught:
            await botocore_chain(None, "eu-west-1")()
        assert "CANARY" not in str(caught.value)
