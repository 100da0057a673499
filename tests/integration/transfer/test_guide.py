"""The five commands of the guide's nightly copy between two accounts, and the permissions that they need."""

import json
import re
import sys
from pathlib import Path

import ecr_async as ecr
from ecr_async.local import LocalECR
from tests.integration.local.content import create
from tests.integration.subprocesses import ROOT, environment, run
from tests.integration.transfer.layouts import artifact, files_of, image, noise, write_layout
from tests.integration.transfer.proxy import Proxy, proxied

PAGE = (ROOT / "docs" / "guide" / "images-in-and-out.md").read_text()
COMMANDS = re.findall(r"^\$ (ecr-async .*)$", PAGE, re.MULTILINE)
LIFECYCLE = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 1,
                "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 9},
                "action": {"type": "expire"},
            }
        ]
    }
)
EVERYTHING = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:*"}],
    }
)
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


async def test_the_permissions_that_are_listed_are_those_that_are_needed(
    local: LocalECR, service: ecr.Service, repository: str, tmp_path: Path
) -> None:
    rows = re.findall(r"^\| [^|]*\|([^|]*)\|([^|]*)\|$", PAGE[: PAGE.index("\n## Push")], re.MULTILINE)
    listed = [{action for row in rows for action in re.findall(r"`ecr:(\w+)`", row[side])} for side in (0, 1)]
    image_, other = image(noise(300, 1)), image(noise(300, 2))
    source = write_layout(
        tmp_path / "in", [("v1", image_), (None, artifact(image_)), ("v2", other), ("v3", other)]
    )
    for tag in ("v1", "v2"):
        await ecr.push_image(service, source, repository, tags=[tag], reference=tag)
    await ecr.put_lifecycle_policy(service, ecr.PutLifecyclePolicyRequest(repository, LIFECYCLE))
    await ecr.set_repository_policy(service, ecr.SetRepositoryPolicyRequest(repository, EVERYTHING))
    async with (
        proxied(Proxy(local.endpoint_url)) as from_proxy,
        proxied(Proxy(local.endpoint_url)) as to_proxy,
        local.session(endpoint_url=from_proxy.url) as here,
        local.session(endpoint_url=to_proxy.url, region="eu-west-1") as there,
    ):
        for _ in range(2):
            sync = ecr.sync_images(
                here.service(),
                there.service(),
                create_repositories="like_source",
                include_referrers=True,
                prune=True,
            )
            results = [each async for each in sync]
            assert sync.summary.complete, results
            await ecr.copy_image(service, repository, "v2", service, repository, tags=["v3"])
            await ecr.delete_images(service, repository, [ecr.ImageIdentifier(image_tag="v1")], dry_run=False)
    seen = [{name for name in proxy.calls if name} for proxy in (from_proxy, to_proxy)]
    assert sync.summary.pruned
    assert seen[0] == listed[0]
    assert seen[1] | {"TagResource", "GetAuthorizationToken"} == listed[1]
