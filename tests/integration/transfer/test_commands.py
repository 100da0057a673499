"""The commands for images, run as processes."""

import asyncio
import base64
import json
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

import ecr_async as ecr
from ecr_async.local import Fault, LocalECR
from tests.integration.subprocesses import COMMAND, Finished, environment, run, run_on_terminal, started
from tests.integration.transfer.layouts import image, index, noise, write_layout

HELPER = (
    sys.executable,
    "-c",
    "from ecr_async.transfer.login.credential_helper.protocol import main; main()",
)
AMD = image(noise(3000, 1), noise(2000, 2))
BOTH = index({"linux/amd64": AMD, "linux/arm64": image(noise(3000, 1), architecture="arm64")})


@pytest.fixture
def env(local: LocalECR, state: Path, tmp_path: Path) -> Mapping[str, str]:
    folders = {"XDG_STATE_HOME": str(state), "XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path)}
    return environment(local, **folders, DOCKER_CONFIG=str(tmp_path / "docker"))


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    return write_layout(tmp_path / "in", [("v1", BOTH)])


async def ok(*arguments: str | Path, env: Mapping[str, str]) -> str:
    finished = await run(*COMMAND, *arguments, env=env)
    assert (finished.status, finished.err) == (0, "")
    return finished.out


# ---------------------------------------------------------------------------- images


async def test_there_and_back(env: Mapping[str, str], repository: str, layout: Path, tmp_path: Path) -> None:
    pushed = json.loads(await ok("push", layout, "team/app:v1", "--tag", "latest", "--json", env=env))
    assert (pushed["digest"], pushed["tags"], pushed["blobs_moved"]) == (BOTH.digest, ["v1", "latest"], 4)
    line = await ok("pull", "team/app:latest", tmp_path / "out", env=env)
    assert line.startswith(f"pulled team/app:latest {BOTH.digest} (4 of 4 layers, ")
    copied = json.loads(await ok("copy", "team/app:v1", "team/app:v2", "--json", env=env))
    assert (copied["tags"], copied["bytes_moved"]) == (["v2"], 0)
    pulled = json.loads(
        await ok("pull", "team/app:v2", tmp_path / "amd.tar", "--platform", "linux/amd64", "--json", env=env)
    )
    assert (pulled["digest"], pulled["path"]) == (AMD.digest, str(tmp_path / "amd.tar"))


async def test_a_terminal_sees_bars(env: Mapping[str, str], repository: str, layout: Path) -> None:
    finished = await run_on_terminal(*COMMAND, "push", layout, "team/app:v1", env=env)
    assert finished.status == 0
    assert next(iter(AMD.blobs)).partition(":")[2][:12] in finished.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["push", "none", "team/app:v1"], "ecr-async: none: No such file or directory"),
        (["push", ".", "team/app:v1"], "neither an OCI image layout"),
        (["pull", "team/app:none", "out"], "ImageNotFoundException"),
        (["copy", "team/none:v1", "team/app"], "RepositoryNotFoundException"),
        (["sync", "--repository", "team/none"], "there is no such repository"),
        (["sync", "--repository", "none/*"], "no repository was found"),
        (["login", "--output", "password", "--pipe-to", "exit 3"], "exit status 3"),
    ],
)
async def test_failures_are_lines_and_status_1(
    env: Mapping[str, str], repository: str, tmp_path: Path, arguments: list[str], said: str
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    script = f"import os; os.chdir({str(empty)!r}); from ecr_async.cli import main; main()"
    finished = await run(sys.executable, "-c", script, *arguments, env=env)
    assert finished.status == 1
    assert said in finished.err
    assert "Traceback" not in finished.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["push", ".", "Team/App"], "ecr-async: repository: not the name of a repository"),
        (["scan", "--repository", "Team/App"], "ecr-async: repositories: no repository can have the name"),
        (["inspect", "team/app"], "ecr-async: image: must have a tag or a digest"),
        (["copy", "team/app:v1"], "Error: Missing argument 'destination'."),
        (["sync", "--tags", "v1"], "Error: No such option: --tags"),
        (["report", "none.jsonl"], "Error: Invalid value for 'file': file 'none.jsonl' does not exist."),
    ],
)
async def test_what_cannot_be_right_has_status_2(
    env: Mapping[str, str], arguments: list[str], said: str
) -> None:
    finished = await run(*COMMAND, *arguments, env=env)
    assert finished.status == 2
    assert said in finished.err
    assert "Traceback" not in finished.err


async def test_a_report_of_no_images_says_so(env: Mapping[str, str], tmp_path: Path) -> None:
    (tmp_path / "images.jsonl").touch()
    finished = await run(*COMMAND, "report", str(tmp_path / "images.jsonl"), env=env)
    assert (finished.status, finished.out) == (1, "")
    assert "there are no images in it" in finished.err


async def test_a_nightly_sync(env: Mapping[str, str], local: LocalECR, repository: str, layout: Path) -> None:
    await ok("push", layout, "team/app:v1", env=env)
    sides = "--to-region", "eu-west-1", "--repository", "team/*", "--prefix", "mirror/"
    planned = await ok("sync", *sides, "--create-like-source", "--dry-run", env=env)
    assert planned.startswith("1 to copy, 2 skipped; at most ")
    lines = await ok("sync", *sides, "--create-like-source", "--tag", "v*", "--json", env=env)
    *results, summary = map(json.loads, lines.splitlines())
    assert sorted(result["status"] for result in results) == ["copied", "skipped", "skipped"]
    assert summary["summary"]["copied"] == 1
    async with local.session(region="eu-west-1") as session:
        images = await ecr.list_images(session.service(), ecr.ListImagesRequest("mirror/team/app"))
    assert [each.image_digest for each in images.image_ids if each.image_tag] == [BOTH.digest]


# ---------------------------------------------------------------------------- login


async def test_login_writes_the_file_of_docker(env: Mapping[str, str], tmp_path: Path) -> None:
    file = tmp_path / "docker" / "config.json"
    file.parent.mkdir()
    file.write_text('{"auths": {"docker.io": {"auth": "eA=="}}, "detachKeys": "ctrl-x"}')
    out = await ok("login", env=env)
    config = json.loads(file.read_text())
    assert config["detachKeys"] == "ctrl-x"
    assert config["auths"].pop("docker.io") == {"auth": "eA=="}
    ((host, entry),) = config["auths"].items()
    assert base64.b64decode(entry["auth"]).startswith(b"AWS:")
    assert host in out
    assert entry["auth"] not in out
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("config", "helper"),
    [
        ({"credsStore": "desktop"}, "desktop"),
        ({"credHelpers": {"HOST": "osxkeychain"}}, "osxkeychain"),
        ({"credHelpers": {"HOST": ""}, "credsStore": "desktop"}, None),
        ({"credHelpers": {"ghcr.io": "pass"}}, None),
        ({"credsStore": ""}, None),
        ({"credHelpers": 1}, None),
    ],
)
async def test_login_says_when_docker_will_not_look_into_the_file(
    env: Mapping[str, str], local: LocalECR, tmp_path: Path, config: Mapping[str, object], helper: str | None
) -> None:
    """docker/cli's issue 1591: with a credential store docker takes no notice of the logins in its file."""
    file = tmp_path / "config.json"
    file.write_text(json.dumps(config).replace("HOST", f"127.0.0.1:{local.url.port}"))
    done = await run(*COMMAND, "login", "--auth-file", file, env=env)
    assert done.status == 0
    assert json.loads(file.read_text())["auths"]
    assert (f"docker asks docker-credential-{helper} for this login" in done.err) == (helper is not None)
    assert bool(done.err) == (helper is not None)


async def test_login_prints_in_the_requested_form(env: Mapping[str, str], tmp_path: Path) -> None:
    password = await ok("login", "--output", "password", env=env)
    assert len(password.splitlines()) == 1
    document = json.loads(await ok("login", "--output", "json", env=env))
    assert set(document) == {"username", "password", "endpoint", "expires_at"}
    pull_secret = "login", "--output", "kubernetes-secret", "--name", "pull", "--namespace", "web"
    secret = json.loads(await ok(*pull_secret, env=env))
    assert (secret["kind"], secret["metadata"]) == ("Secret", {"name": "pull", "namespace": "web"})
    assert secret["type"] == "kubernetes.io/dockerconfigjson"
    assert "auths" in json.loads(base64.b64decode(secret["data"][".dockerconfigjson"]))
    await ok(*pull_secret, "--pipe-to", f"cat > {tmp_path}/applied", env=env)
    assert json.loads((tmp_path / "applied").read_text())["kind"] == "Secret"


async def test_a_watched_login_stays_until_a_signal_ends_it(env: Mapping[str, str], local: LocalECR) -> None:
    watch = *COMMAND, "login", "--output", "password", "--watch"
    async with started(*watch, env=env) as process:
        assert process.stdout is not None
        assert len(await process.stdout.readline()) > 100
        process.terminate()
        await process.communicate()
    assert process.returncode == 128 + signal.SIGTERM

    denied = Fault(kind="error", operation="GetAuthorizationToken", status=400, code="AccessDeniedException")
    with local.inject(denied):
        async with started(*watch, env=env) as process:
            assert process.stderr is not None
            said = (await process.stderr.readline()).decode()
            process.terminate()
            await process.communicate()
    assert said.startswith("ecr-async: GetAuthorizationToken: AccessDeniedException: injected")
    assert said.endswith("; trying again in 60 s\n")


async def test_a_file_that_is_not_dockers_is_left_alone(env: Mapping[str, str], tmp_path: Path) -> None:
    file = tmp_path / "file.json"
    file.write_text('["secret"]')
    finished = await run(*COMMAND, "login", "--auth-file", file, env=env)
    assert finished.status == 1
    assert "secret" not in finished.err
    assert file.read_text() == '["secret"]'


# ---------------------------------------------------------------------------- credential helper


async def helper(command: str, text: str, env: Mapping[str, str]) -> Finished:
    return await run(*HELPER, command, env=env, text=text)


def mapping(tmp_path: Path, local: LocalECR, secret: str | None = None) -> Path:
    file = tmp_path / "registries.toml"
    file.write_text(
        f"""
        [[registry]]
        match = "*.dkr.ecr.us-east-1.amazonaws.com"
        access_key_id = "{local.access_key_id}"
        secret_access_key = "{secret or local.secret_access_key}"
        endpoint_url = "{local.endpoint_url}"
        """
    )
    return file


HOST = "123456789012.dkr.ecr.us-east-1.amazonaws.com"


@pytest.mark.parametrize("server", [HOST, f"https://{HOST}", f"https://{HOST}/v2/", HOST.upper()])
async def test_get(env: Mapping[str, str], local: LocalECR, tmp_path: Path, server: str) -> None:
    env = {**env, "ECR_ASYNC_REGISTRIES": str(mapping(tmp_path, local))}
    found = await helper("get", f"{server}\n", env)
    assert (found.status, found.err) == (0, "")
    login = json.loads(found.out)
    assert (login["ServerURL"], login["Username"]) == (server, "AWS")
    listed = json.loads((await helper("list", "", env)).out)
    assert listed == {f"https://{HOST}": "AWS"}


async def test_a_login_is_kept_for_its_identity_alone(
    env: Mapping[str, str], local: LocalECR, tmp_path: Path
) -> None:
    env = {**env, "ECR_ASYNC_REGISTRIES": str(mapping(tmp_path, local))}
    first = await helper("get", HOST, env)
    (kept,) = (tmp_path / "cache" / "ecr-async" / "logins").iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600
    mapping(tmp_path, local, "wrong key")  # the same identity: ECR isn't called
    assert (await helper("get", HOST, env)).out == first.out
    assert (await helper("erase", HOST, env)).status == 0
    failed = await helper("get", HOST, env)
    assert failed.status == 1
    assert "InvalidSignatureException" in failed.out
    assert "wrong key" not in failed.out + failed.err


async def test_the_cache_works_for_assumed_roles(
    env: Mapping[str, str], local: LocalECR, tmp_path: Path
) -> None:
    """amazon-ecr-credential-helper's issue 269: its cache is keyed by keys that change with each session."""
    config = tmp_path / "config"
    count = tmp_path / "count"
    process = tmp_path / "credentials.py"
    process.write_text(
        f"import json, pathlib\n"
        f"count = pathlib.Path({str(count)!r})\n"
        f"count.write_text(count.read_text() + 'x' if count.exists() else 'x')\n"
        f"print(json.dumps({{'Version': 1, 'AccessKeyId': {local.access_key_id!r}, "
        f"'SecretAccessKey': {local.secret_access_key!r}}}))\n"
    )
    config.write_text(f"[profile role]\ncredential_process = {sys.executable} {process}\n")
    env = {name: value for name, value in env.items() if not name.startswith("AWS_ACCESS")}
    env |= {"AWS_CONFIG_FILE": str(config), "AWS_PROFILE": "role"}
    outputs = [await helper("get", HOST, env) for _ in range(2)]
    assert outputs[0].status == 0, outputs[0].out
    assert outputs[0].out == outputs[1].out
    assert count.read_text() == "x"


async def test_a_login_that_has_expired_is_never_handed_out(
    env: Mapping[str, str], local: LocalECR, tmp_path: Path
) -> None:
    """amazon-ecr-credential-helper's issues 7 and 679: the cached token comes back although it
    has expired.
    """
    env = {**env, "ECR_ASYNC_REGISTRIES": str(mapping(tmp_path, local))}
    await helper("get", HOST, env)
    (kept,) = (tmp_path / "cache" / "ecr-async" / "logins").iterdir()
    document = json.loads(kept.read_text())
    kept.write_text(json.dumps({**document, "expires_at": "2020-01-01T00:00:00Z"}))
    mapping(tmp_path, local, "wrong key")
    assert (await helper("get", HOST, env)).status == 1


@pytest.mark.parametrize("server", ["docker.io", "public.ecr.aws", f"{HOST}.example.com", "", "\0"])
async def test_other_registries_are_not_found(env: Mapping[str, str], server: str) -> None:
    found = await helper("get", server, env)
    assert (found.status, found.out) == (1, "credentials not found in native keychain\n")


@pytest.mark.parametrize(
    "name", ["localhost", "127.0.0.1", "[::1]", "123456789012.dkr.ecr.us-east-1.localhost"]
)
async def test_the_embedded_ecr_that_the_environment_points_to(
    env: Mapping[str, str], local: LocalECR, tmp_path: Path, name: str
) -> None:
    found = await helper("get", f"{name}:{local.url.port}", {**env, **local.environment})
    assert found.status == 0, found.out
    assert json.loads(found.out)["Username"] == "AWS"
    assert not (tmp_path / "cache").exists()  # another one may serve there next
    login = {"ServerURL": f"{name}:{local.url.port}", "Username": "AWS", "Secret": "password"}
    assert (await helper("store", json.dumps(login), {**env, **local.environment})).status == 0
    elsewhere = await helper("get", "localhost:5000", {**env, **local.environment})
    assert elsewhere.out == "credentials not found in native keychain\n"


async def test_list_needs_neither_a_region_nor_credentials(tmp_path: Path) -> None:
    """amazon-ecr-credential-helper's issues 63 and 557: docker lists before it has a registry's name."""
    listed = await helper("list", "", environment(XDG_CACHE_HOME=str(tmp_path), HOME=str(tmp_path)))
    assert (listed.status, listed.out, listed.err) == (0, "{}\n", "")


async def test_store_takes_only_what_is_not_lost(env: Mapping[str, str]) -> None:
    login = {"ServerURL": f"https://{HOST}", "Username": "AWS", "Secret": "password"}
    assert (await helper("store", json.dumps(login), env)).status == 0
    other = await helper("store", json.dumps({**login, "ServerURL": "docker.io"}), env)
    assert other.status == 1
    assert "password" not in other.out + other.err
    for nothing in ("nothing", "[" * 100_000, "[]"):
        refused = await helper("store", nothing, env)
        assert refused.status == 1
        assert "store: the input is not a login in JSON" in refused.out + refused.err
    assert (await helper("nothing", "", env)).status == 1


async def test_the_hosts_of_the_embedded_ecr(env: Mapping[str, str], local: LocalECR) -> None:
    host = f"123456789012.dkr.ecr.us-east-1.localhost:{local.url.port}"
    found = await helper("get", host, env)
    assert (found.status, json.loads(found.out)["Username"]) == (0, "AWS")


# ---------------------------------------------------------------------------- library


async def test_many_who_wait_share_one_request(service: ecr.Service, local: LocalECR) -> None:
    logins = await asyncio.gather(*(ecr.registry_credentials(service) for _ in range(50)))
    assert len({login.password for login in logins}) == 1
    assert logins[0].password not in repr(logins[0])
