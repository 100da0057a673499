"""The five commands of the guide's nightly copy between two accounts."""

import re
import sys
from pathlib import Path

import ecr_async as ecr
from ecr_async.local import LocalECR
from tests.integration.local.content import create
from tests.integration.subprocesses import ROOT, environment, run
from tests.integration.transfer.layouts import files_of, image, write_layout

PAGE = (ROOT / "docs" / "guide" / "images-in-and-out.md").read_text()
COMMANDS = re.findall(r"^\$ (ecr-async .*)$", PAGE, re.MULTILINE)
ACCOUNTS = {
    "staging": ("AKIASTAGING000000000", "staging-secret", "111111111111"),
    "production": ("AKIAPRODUCTION000000", "production-secret", "222222222222"),
}


async def test_the_nightly_copy(tmp_path: Path) -> None:
    assert len(COMMANDS) == 5
    keys = {key: (secret, account) for key, secret, account in ACCOUNTS.values()}
    async with LocalECR(keys=keys) as local:
        config = tmp_path / "config"
        config.write_text(
            "".join(
                f"[profile {name}]\nregion = eu-west-1\nendpoint_url = {local.endpoint_url}\n"
                f"aws_access_key_id = {key}\naws_secret_access_key = {secret}\n"
                for name, (key, secret, _) in ACCOUNTS.items()
            )
        )
        key, secret, _ = ACCOUNTS["staging"]
        async with local.session(access_key_id=key, secret_access_key=secret, region="eu-west-1") as session:
            service = session.service()
            await create(service)
            source = write_layout(tmp_path / "in", [("v1", image(b"layer"))])
            await ecr.push_image(service, source, "team/app", tags=["v1"])
        env = environment(
            AWS_CONFIG_FILE=str(config),
            HOME=str(tmp_path),
            DOCKER_CONFIG=str(tmp_path),
            XDG_STATE_HOME=str(tmp_path),
        )
        env["PATH"] = f"{Path(sys.executable).parent}:{env['PATH']}"
        said: list[str] = []
        for command in COMMANDS:
            finished = await run("bash", "-c", f"cd {tmp_path} && {command}", env=env)
            assert finished.status == 0, f"{command}\n{finished.out}{finished.err}"
            said.append(finished.out)
    assert [line.split(" ")[:2] for line in said[:4]] == [
        ["1", "to"],
        ["1", "copied;"],
        ["copied", "team/app:stable"],
        ["pulled", "team/app:stable"],
    ]
    assert {"stable.tar", "config.json"} <= set(files_of(tmp_path))
