"""The commands that look at a registry and tidy it up, run as processes."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import ecr_async as ecr
from ecr_async.local import LocalECR
from tests.integration.local.content import create, index, manifest, put
from tests.integration.subprocesses import COMMAND, Finished, environment, run, run_on_terminal

POLICY = {
    "rules": [
        {
            "rulePriority": 1,
            "description": "keep one untagged image",
            "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 1},
            "action": {"type": "expire"},
        }
    ]
}


@pytest.fixture
async def local() -> AsyncIterator[LocalECR]:
    """An ECR whose team/app has the tags 1.0 and main, and two untagged images; other/app has main."""
    async with LocalECR(verify_layers=False) as local, local.session() as session:
        service = session.service()
        for name, tags in (("team/app", ("main", "main", "main", "1.0")), ("other/app", ("main",))):
            await create(service, name)
            for number, tag in enumerate(tags):
                request = ecr.PutImageRequest(name, manifest(b"layer " * number), image_tag=tag)
                await ecr.put_image(service, request)
        yield local


async def ecr_async(local: LocalECR, *arguments: str | Path) -> Finished:
    return await run(*COMMAND, *arguments, env=environment(local))


def rows(finished: Finished) -> list[dict[str, Any]]:
    return [json.loads(line) for line in finished.out.splitlines()]


async def test_ls_lists_repositories_by_name(local: LocalECR) -> None:
    finished = await ecr_async(local, "ls")
    assert [row["name"] for row in rows(finished)] == ["other/app", "team/app"]
    chosen = await ecr_async(local, "ls", "team/*", "nope")
    assert [row["name"] for row in rows(chosen)] == ["team/app"]
    assert (chosen.status, chosen.err) == (1, "nope: there is no such repository\n")


async def test_ls_shows_a_table_on_a_terminal_unless_json_is_wanted(local: LocalECR) -> None:
    shown = await run_on_terminal(*COMMAND, "ls", env=environment(local, NO_COLOR="1"))
    assert "Repository" in shown.out.splitlines()[0]
    assert "other/app" in shown.out
    assert "{" not in shown.out
    as_json = await run_on_terminal(*COMMAND, "ls", "--json", env=environment(local))
    assert json.loads(as_json.out.splitlines()[0])["name"] == "other/app"


async def test_tags_are_listed_the_newest_first(local: LocalECR) -> None:
    finished = await ecr_async(local, "tags", "team/app")
    assert [row["tag"] for row in rows(finished)] == ["1.0", "main"]
    everything = await ecr_async(local, "tags", "team/app", "--untagged")
    assert [row["tag"] for row in rows(everything)] == ["1.0", "main", None, None]


async def test_inspect_shows_an_image_and_its_layers(local: LocalECR) -> None:
    finished = await ecr_async(local, "inspect", "team/app:1.0")
    (shown,) = rows(finished)
    assert (shown["repository"], shown["tags"]) == ("team/app", ["1.0"])
    assert len(shown["layers"]) == 1
    unread = await ecr_async(local, "inspect", f"team/app@{shown['digest']}", "--no-manifest")
    assert "layers" not in rows(unread)[0]
    assert (await ecr_async(local, "inspect", "team/app")).err == (
        "ecr-async: image: must have a tag or a digest, such as team/app:v1\n"
    )


async def test_findings_by_severity(local: LocalECR) -> None:
    unscanned = await ecr_async(local, "findings", "other/app")
    assert (unscanned.status, rows(unscanned)[0]["status"]) == (0, "NOT_SCANNED")
    scanned = await ecr_async(local, "findings", "other/app", "--start", "--wait", "60", "--fail-on", "low")
    (row,) = rows(scanned)
    assert row["status"] == "COMPLETE"
    assert scanned.status == bool(sum(row["findings"].values()) - row["findings"].get("INFORMATIONAL", 0))
    missing = await ecr_async(local, "findings", "nope")
    assert (missing.status, "nope: there is no such repository" in missing.err) == (1, True)


async def test_policies_are_checked_set_got_previewed_and_deleted(local: LocalECR, tmp_path: Path) -> None:
    file, bad = tmp_path / "policy.json", tmp_path / "bad.json"
    file.write_text(json.dumps(POLICY))
    bad.write_text(json.dumps({"rules": [{"rulePriority": 0}]}))
    assert (await ecr_async(local, "policy", "check", file)).status == 0
    rejected = await ecr_async(local, "policy", "check", bad)
    assert (rejected.status, "selection: required" in rejected.err) == (1, True)
    assert (await ecr_async(local, "policy", "set", "team/app", file)).status == 0
    assert json.loads((await ecr_async(local, "policy", "get", "team/app")).out) == POLICY
    previewed = await ecr_async(local, "preview", "team/app")
    assert [(row["action"], row["rule"], row["tags"]) for row in rows(previewed)] == [("EXPIRE", 1, [])]
    assert (await ecr_async(local, "policy", "delete", "team/app")).status == 0
    assert "LifecyclePolicyNotFoundException" in (await ecr_async(local, "policy", "get", "team/app")).err


async def test_clean_shows_what_it_would_delete_and_deletes_it_on_request(local: LocalECR) -> None:
    only_shown = await ecr_async(local, "clean", "team/app", "--keep-newest", "2")
    assert (only_shown.status, len(rows(only_shown))) == (0, 2)
    assert only_shown.err == "2 images would be deleted; --delete does it\n"
    deleted = await ecr_async(local, "clean", "team/app", "--keep-newest", "2", "--delete")
    assert (deleted.status, deleted.err) == (0, "2 images deleted, 0 not\n")
    left = await ecr_async(local, "tags", "team/app", "--untagged")
    assert [row["tag"] for row in rows(left)] == ["1.0", "main"]


@pytest.mark.parametrize("name", ["images.jsonl", "images.parquet"])
async def test_report_adds_up_a_scans_file(local: LocalECR, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    await ecr_async(local, "scan", "--output", file)
    found = {row["repository"]: row for row in rows(await ecr_async(local, "report", file))}
    assert (found["team/app"]["images"], found["team/app"]["untagged"]) == (4, 2)
    assert found["other/app"]["registry"] == "123456789012/us-east-1"
    shown = await run_on_terminal(*COMMAND, "report", file, env=environment(NO_COLOR="1"))
    assert "Largest repositories" in shown.out
    page = tmp_path / "report.html"
    assert (await ecr_async(local, "report", file, "--output", page)).status == 0
    assert "5 images in 2 repositories" in page.read_text()


async def test_report_names_the_line_that_is_not_an_image(tmp_path: Path, local: LocalECR) -> None:
    file = tmp_path / "images.jsonl"
    file.write_text("{}\n")
    finished = await ecr_async(local, "report", file)
    assert finished.status == 1
    assert f"{file}, line 1: not a scanned image" in finished.err
    assert len(finished.err.splitlines()) == 1


async def on_terminal(local: LocalECR, *arguments: str) -> str:
    finished = await run_on_terminal(*COMMAND, *arguments, env=environment(local, NO_COLOR="1"))
    assert finished.status == 0, finished.out
    return finished.out


async def test_on_a_terminal_an_image_of_several_platforms_is_a_grid(local: LocalECR) -> None:
    async with local.session() as session:
        await put(session.service(), index(manifest(b""), manifest(b"layer ")), "many")
    shown = await on_terminal(local, "inspect", "team/app:many")
    assert "manifests" in shown
    assert len([line for line in shown.splitlines() if "sha256:" in line]) == 3
    assert "layers" in await on_terminal(local, "inspect", "team/app:1.0")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("ls",), "team/app"),
        (("tags", "team/app"), "main"),
        (("preview", "team/app"), "EXPIRE"),
    ],
)
async def test_on_a_terminal_the_others_are_tables(
    local: LocalECR, tmp_path: Path, command: tuple[str, ...], words: str
) -> None:
    if command[0] == "preview":
        policy = tmp_path / "policy.json"
        policy.write_text(json.dumps(POLICY))
        command = (*command, "--policy", str(policy))
    assert words in await on_terminal(local, *command)
