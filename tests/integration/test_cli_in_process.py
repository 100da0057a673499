"""What commands say of options that make no sense and of registries that are not as they should be.

The command runs within the test, which takes milliseconds where a process takes most of a second.
"""

import base64
import json
import os
import socket
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import ecr_async as ecr
from ecr_async.cli import main
from ecr_async.lifecycle import LifecyclePolicy, Rule
from ecr_async.local import Fault
from ecr_async.testing import ThreadedLocalECR
from tests.integration.subprocesses import Finished

Command = Callable[..., Finished]


@pytest.fixture
def command(
    ecr_environment: ThreadedLocalECR,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> Command:
    """Run `ecr-async` with these arguments, against `ecr_environment`."""
    for variable in ("HOME", "DOCKER_CONFIG", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / variable))
    monkeypatch.setenv("COLUMNS", "400")

    def run(*arguments: str | Path) -> Finished:
        monkeypatch.setattr(sys, "argv", ["ecr-async", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capfd.readouterr()
        if isinstance(ended.value.code, str):
            return Finished(1, out, f"{err}{ended.value.code}\n")
        return Finished(ended.value.code or 0, out, err)

    return run


# ---------------------------------------------------------------------------- sync


def test_sync_names_destinations_that_lack_a_repository(
    command: Command, ecr_environment: ThreadedLocalECR
) -> None:
    ecr_environment.push_image("team/app", "v1")
    finished = command("sync", "--to-region", "eu-west-1")
    assert finished.status == 1
    assert finished.err.startswith("eu-west-1: team/app: DescribeImages: RepositoryNotFoundException: ")
    assert finished.out == "1 failed; 0 bytes in 1 repositories\n"


def test_sync_names_repositories_that_do_not_exist(
    command: Command, ecr_environment: ThreadedLocalECR
) -> None:
    finished = command("sync", "--to-region", "eu-west-1", "--repository", "team/none", "--json")
    assert finished.status == 1
    assert finished.err == (
        f"{ecr_environment.region}: team/none: there is no such repository\n"
        "ecr-async: no repository was found\n"
    )
    result, summary = map(json.loads, finished.out.splitlines())
    assert (result["type"], result["repository"]) == ("VanishedRepository", "team/none")
    assert summary["summary"]["vanished"] == 1


def test_sync_shows_a_listing_that_fails(command: Command, ecr_environment: ThreadedLocalECR) -> None:
    denied = Fault(kind="error", operation="DescribeRepositories", code="AccessDeniedException")
    with ecr_environment.inject(denied):
        finished = command("sync", "--to-region", "eu-west-1")
    assert finished.status == 1
    words = "DescribeRepositories: AccessDeniedException: injected (HTTP 500, 3 attempts)"
    assert finished.err == f"{ecr_environment.region}: {words}\n"


def test_sync_shows_an_image_that_fails(command: Command, ecr_environment: ThreadedLocalECR) -> None:
    ecr_environment.push_image("team/app", "v1")
    with ecr_environment.inject(Fault(kind="error", operation="PutImage", code="LimitExceededException")):
        finished = command("sync", "--to-region", "eu-west-1", "--create-like-source", "--json")
    assert finished.status == 1
    assert finished.err.startswith("eu-west-1: team/app:v1: PutImage: LimitExceededException")
    result = json.loads(finished.out.splitlines()[0])
    assert (result["region"], result["status"], result["tags"]) == ("eu-west-1", "failed", ["v1"])
    assert result["error"]["type"] == "LimitExceededException"


def test_sync_puts_images_under_a_prefix_by_regular_expression(
    command: Command, ecr_environment: ThreadedLocalECR
) -> None:
    for tag in ("v1", "v2", "main"):
        ecr_environment.push_image("team/app", tag)
    arguments = "sync", "--to-region", "eu-west-1", "--create-like-source", "--prefix", "copy/"
    planned = command(*arguments, "--tag-regex", r"v\d", "--dry-run")
    assert planned.out.startswith("2 to copy, 1 skipped; at most ")
    done = command(*arguments, "--tag-regex", r"v\d")
    assert (done.status, done.out[:20]) == (0, "2 copied, 1 skipped;")
    listed = command("tags", "copy/team/app", "--region", "eu-west-1")
    assert {json.loads(line)["tag"] for line in listed.out.splitlines()} == {"v1", "v2"}


def test_sync_rejects_what_is_not_a_regular_expression(command: Command) -> None:
    finished = command("sync", "--to-region", "eu-west-1", "--tag-regex", "[")
    assert finished.status == 2
    assert "'[' is not a regular expression: unterminated character set" in finished.err


# ---------------------------------------------------------------------------- registries


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ls", "--region", "no region"], "'--region': 'no region' cannot be a region's name"),
        (["ls", "--region", ""], "'--region': '' cannot be a region's name"),
        (["scan", "--region", "eu-west-1", "--region", "!"], "'--region': '!' cannot be"),
        (
            ["tags", "team/app", "--endpoint-url", "ecr"],
            "'--endpoint-url': it is not of the form https://host",
        ),
        (["ls", "--profile", "nosuch"], "'--profile': 'nosuch' is neither in"),
        (["scan", "--profile", "nosuch"], "'--profile': 'nosuch' is neither in"),
        (["copy", "a:v1", "b:v1", "--to-profile", "nosuch"], "'--to-profile': 'nosuch' is neither in"),
        (["sync", "--to-region", "!"], "'--to-region': '!' cannot be"),
    ],
)
def test_an_option_that_cannot_be_right_is_a_usage_error(
    command: Command, arguments: list[str], words: str
) -> None:
    finished = command(*arguments)
    assert finished.status == 2
    assert words in finished.err


def test_a_config_file_that_cannot_be_parsed_is_no_usage_error(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text("region = eu-west-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    finished = command("ls", "--profile", "prod")
    assert finished.status == 1
    assert "stands before the first [section]" in finished.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--account", "123456789012"], "--account and --role go together"),
        (["--role", "reader"], "--account and --role go together"),
        (
            ["--account", "123456789012", "--role", "reader", "--profile", "a", "--profile", "b"],
            "--account goes with one --profile, whose credentials assume the role",
        ),
        (["--account", "12", "--role", "reader"], "must be an account's number, a string of 12 digits"),
    ],
)
def test_scan_rejects_accounts_that_it_cannot_enter(
    command: Command, arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text("[profile a]\n[profile b]\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    finished = command("scan", *arguments)
    assert finished.status == 2
    assert words in finished.err


# ---------------------------------------------------------------------------- inspect


def test_inspect_wants_one_image(command: Command) -> None:
    finished = command("inspect", "team/app")
    assert finished.err == "ecr-async: image: must have a tag or a digest, such as team/app:v1\n"


def test_inspect_says_why_a_manifest_cannot_be_read(
    command: Command, ecr_environment: ThreadedLocalECR
) -> None:
    ecr_environment.push_image("team/app", "v1")
    policy = LifecyclePolicy([Rule.archive(1, "any", days_since_pushed=1)])
    ecr_environment.fill([ecr.PutLifecyclePolicyRequest("team/app", policy.to_json())])
    ecr_environment.clock.advance(2 * 86_400)
    assert ecr_environment.run_lifecycle_policies() == 1
    finished = command("inspect", "team/app:v1")
    assert finished.status == 1
    assert finished.err.startswith("ecr-async: ImageInaccessible")
    assert json.loads(command("inspect", "team/app:v1", "--no-manifest").out)["status"] == "ARCHIVED"


# ---------------------------------------------------------------------------- login


def test_login_writes_dockers_file_for_its_owner_alone(command: Command, tmp_path: Path) -> None:
    finished = command("login", "--auth-file", tmp_path / "auth.json")
    assert finished.status == 0
    assert stat.S_IMODE(os.stat(tmp_path / "auth.json").st_mode) == 0o600
    assert list(json.loads((tmp_path / "auth.json").read_text())) == ["auths"]


def test_login_pipes_a_secret_into_a_command(
    command: Command, ecr_environment: ThreadedLocalECR, tmp_path: Path
) -> None:
    arguments = "--output", "kubernetes-secret", "--name", "pull", "--namespace", "team"
    finished = command("login", *arguments, "--pipe-to", f"cat > {tmp_path / 'secret.json'}")
    assert (finished.status, finished.out) == (0, "")
    secret = json.loads((tmp_path / "secret.json").read_text())
    assert secret["metadata"] == {"name": "pull", "namespace": "team"}
    config = json.loads(base64.b64decode(secret["data"][".dockerconfigjson"]))
    assert list(config["auths"]) == [ecr_environment.endpoint_url.removeprefix("http://")]


def test_login_reports_a_command_that_fails(command: Command) -> None:
    finished = command("login", "--output", "password", "--pipe-to", "exit 3")
    assert (finished.status, finished.err) == (1, "ecr-async: 'exit 3' ended with exit status 3\n")


# ---------------------------------------------------------------------------- serve


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--rate", "DescribeImages"], "it is written like DescribeImages=20/s,burst=40"),
        (["--rate", "DescribeImages=fast"], "a rate limit is written like 20/s or 20/s,burst=40"),
        (["--access-key", "AKIAEXAMPLE"], "--access-key must be ID:SECRET"),
        (["--access-key", "AKIA EXAMPLE:secret"], "the id before the colon is letters and digits"),
        (["--tls-cert", __file__], "--tls-cert and --tls-key go together"),
        (["--account", "12"], "12"),
        (["--region", "no region"], "region"),
    ],
)
def test_serve_rejects_options_that_make_no_sense(command: Command, arguments: list[str], words: str) -> None:
    finished = command("serve", *arguments)
    assert finished.status == 2
    assert words in finished.err


def test_serve_makes_up_a_key_where_others_can_reach_it(command: Command) -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken:
        finished = command("serve", "--host", "0.0.0.0", "--port", str(taken.getsockname()[1]))
    assert finished.status == 1
    assert "AWS_ACCESS_KEY_ID=AKIA" in finished.err
    assert "AKIALOCALECR" not in finished.err
    assert "cannot listen on port" in finished.err.splitlines()[-1]
