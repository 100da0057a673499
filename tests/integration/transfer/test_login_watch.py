"""`ecr-async login --watch` as a process: a pull secret that stays fresh."""

import base64
import json
import signal
import time
from pathlib import Path

from ecr_async.local import Fault, LocalECR
from tests.integration.subprocesses import COMMAND, environment, started

ALMOST_TWELVE_HOURS = 12 * 3600 - 30 * 60 - 1
WATCH = (*COMMAND, "login", "--output", "kubernetes-secret", "--watch")


def password(secret: bytes) -> str:
    """The password in a Kubernetes pull secret."""
    config = json.loads(base64.b64decode(json.loads(secret)["data"][".dockerconfigjson"]))
    ((_, entry),) = config["auths"].items()
    return base64.b64decode(entry["auth"]).decode()


async def test_a_secret_follows_whenever_the_login_is_renewed() -> None:
    """The server's clock is so far behind that its logins are due for renewal in a second."""
    async with (
        LocalECR(clock=lambda: time.time() - ALMOST_TWELVE_HOURS) as local,
        started(*WATCH, "--name", "pull", env=environment(local)) as process,
    ):
        assert process.stdout is not None
        secrets = [await process.stdout.readline() for _ in range(3)]
        process.send_signal(signal.SIGTERM)
        status = await process.wait()
    assert {json.loads(secret)["metadata"]["name"] for secret in secrets} == {"pull"}
    assert len({password(secret) for secret in secrets}) == 3
    assert status == 128 + signal.SIGTERM


async def test_each_secret_is_piped_to_a_command(tmp_path: Path) -> None:
    """What `--pipe-to 'kubectl apply -f -'` does; a command that fails is run again later."""
    script = f"cat > {tmp_path}/secret; mv {tmp_path}/secret {tmp_path}/applied; echo applied; exit 7"
    async with (
        LocalECR() as local,
        started(*WATCH, "--pipe-to", script, env=environment(local)) as process,
    ):
        assert process.stderr is not None
        said = [await process.stderr.readline() for _ in range(2)]
        process.send_signal(signal.SIGINT)
        status = await process.wait()
    assert said[0] == b"applied\n"
    assert b"ended with exit status 7; trying again in 60 s" in said[1]
    assert password((tmp_path / "applied").read_bytes()).startswith("AWS:")
    assert status == 128 + signal.SIGINT


async def test_an_ecr_that_fails_ends_no_watch() -> None:
    async with LocalECR() as local:
        fault = Fault(
            kind="error", operation="GetAuthorizationToken", status=400, code="AccessDeniedException"
        )
        with local.inject(fault):
            async with started(*WATCH, env=environment(local)) as process:
                assert process.stderr is not None
                said = await process.stderr.readline()
                assert process.returncode is None
    assert b"AccessDeniedException" in said
    assert b"trying again in 60 s" in said
