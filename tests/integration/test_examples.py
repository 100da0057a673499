"""The examples, run as scripts against an embedded ECR."""

import asyncio
import json
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import ecr_async as ecr
from ecr_async.lifecycle import LifecyclePolicy, Rule
from ecr_async.local import LocalECR
from ecr_async.oci.media_types import OCI_INDEX
from tests.clocks import ShiftedClock
from tests.integration.local.content import digest_of, manifest
from tests.integration.subprocesses import ROOT, environment, run, started

EXAMPLES = ROOT / "examples"
DAY = 86_400


def script(name: str) -> tuple[str, Path]:
    return sys.executable, EXAMPLES / name


@pytest.fixture
async def local() -> AsyncIterator[LocalECR]:
    """An ECR in which team/app has 250 untagged images, 30 days old, and 3 tagged ones."""
    clock = ShiftedClock()
    async with LocalECR(verify_layers=False, clock=clock) as local:
        clock.ahead = -30 * DAY
        await local.fill([ecr.CreateRepositoryRequest("team/app")])
        await local.fill(
            ecr.PutImageRequest("team/app", manifest(str(number).encode())) for number in range(250)
        )
        clock.ahead = 0
        await local.fill(
            ecr.PutImageRequest("team/app", manifest(tag.encode()), image_tag=tag)
            for tag in ("1.0", "1.1", "1.2")
        )
        yield local


async def tags_left(local: LocalECR) -> list[tuple[str, ...]]:
    async with local.session() as session:
        images = ecr.paginate_describe_images(session.service(), ecr.DescribeImagesRequest("team/app"))
        return [image.image_tags async for image in images]


async def test_scan_to_jsonl(local: LocalECR, tmp_path: Path) -> None:
    path = tmp_path / "images.jsonl"
    finished = await run(*script("scan_to_jsonl.py"), path, "team/*", "gone", env=environment(local))
    assert (finished.status, finished.err) == (0, "gone: there is no such repository\n")
    assert finished.out.startswith("253 images of 1 repositories in ")
    digests = {json.loads(line)["digest"] for line in path.read_text().splitlines()}
    assert len(digests) == 253


async def test_clean_up_only_looks(local: LocalECR) -> None:
    finished = await run(*script("clean_up.py"), "team/app", env=environment(local))
    assert (finished.status, finished.err) == (0, "")
    assert finished.out.splitlines()[-1] == "250 images would be deleted; --delete does it"
    assert len(await tags_left(local)) == 253


async def test_clean_up_deletes_what_the_policy_names_and_nothing_else(local: LocalECR) -> None:
    finished = await run(
        *script("clean_up.py"), "team/app", "--keep-newest", "2", "--delete", env=environment(local)
    )
    assert (finished.status, finished.err) == (0, "")
    assert finished.out.splitlines()[-1] == "251 images deleted, 0 not"
    assert await tags_left(local) == [("1.1",), ("1.2",)]


async def test_clean_up_of_a_repository_that_is_not_there_is_one_line(local: LocalECR) -> None:
    finished = await run(*script("clean_up.py"), "team/gone", env=environment(local))
    assert finished.status == 1
    assert "RepositoryNotFoundException" in finished.err
    assert len(finished.err.splitlines()) == 1


def event(digest: str, tag: str, **detail: str) -> str:
    """Return an event as EventBridge delivers it."""
    return json.dumps(
        {
            "version": "0",
            "id": "13cde686-328b-6117-af20-0e5566167482",
            "detail-type": "ECR Image Action",
            "source": "aws.ecr",
            "account": "123456789012",
            "time": "2026-01-16T01:54:34Z",
            "region": "us-east-1",
            "resources": [],
            "detail": {
                "result": "SUCCESS",
                "repository-name": "team/app",
                "image-digest": digest,
                "action-type": "PUSH",
                "image-tag": tag,
                **detail,
            },
        }
    )


def unreported(out: str) -> list[str]:
    """Return lines without what a scan makes up."""
    return sorted(re.sub(r"would (not )?deploy[^-]*?  ", "", line) for line in out.splitlines())


async def test_push_worker_says_of_each_push_what_it_would_do(local: LocalECR) -> None:
    pushed = digest_of(manifest(b"1.0"))
    events = [
        event(pushed, "1.0", padding="x" * 100_000),
        event(pushed, "1.0", **{"action-type": "DELETE"}),
        event(digest_of("gone"), "gone"),
        "no JSON",
        event(pushed, "", **{"manifest-media-type": OCI_INDEX}),
    ]
    finished = await run(*script("push_worker.py"), env=environment(local), text="\n".join(events))
    assert finished.status == 0
    assert unreported(finished.out) == [
        "team/app:1.0  0.0 MB  no lifecycle policy",
        f"team/app:{pushed}  nothing to scan",
    ]
    assert re.search(r"  would (not )?deploy", finished.out)
    missing, malformed = sorted(finished.err.splitlines())
    assert "ImageNotFoundException" in missing
    assert malformed.startswith("not handled: the message could not be handled: document: is not JSON")


async def test_push_worker_previews_the_lifecycle_policy_and_reads_a_file(
    local: LocalECR, tmp_path: Path
) -> None:
    policy = LifecyclePolicy([Rule.expire(1, "untagged", days_since_pushed=14)])
    async with local.session() as session:
        await ecr.put_lifecycle_policy(
            session.service(), ecr.PutLifecyclePolicyRequest("team/app", policy.to_json())
        )
    path = tmp_path / "events.jsonl"
    path.write_text("\n\n".join(event(digest_of(manifest(tag.encode())), tag) for tag in ("1.0", "1.1")))
    with path.open("rb") as file:
        process = await asyncio.create_subprocess_exec(
            *script("push_worker.py"),
            *("--largest", "0", "--workers", "1"),
            env=environment(local),
            stdin=file,
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate()
    assert process.returncode == 0
    lines = [
        re.fullmatch(r"team/app:(.+)  0.0 MB  would not deploy: .*  (.+)", line)
        for line in out.decode().splitlines()
    ]
    assert [line and line.groups() for line in lines] == [
        ("1.0", "the policy would expire 250 images"),
        ("1.1", "the policy would expire 250 images"),
    ]


async def test_push_worker_ends_on_a_signal_while_its_input_is_open(local: LocalECR) -> None:
    async with started(*script("push_worker.py"), env=environment(local)) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.write(event(digest_of(manifest(b"1.1")), "1.1").encode() + b"\n")
        await worker.stdin.drain()
        assert (await worker.stdout.readline()).startswith(b"team/app:1.1  0.0 MB  would ")
        worker.send_signal(signal.SIGTERM)
        assert await worker.wait() == 0


async def test_demo() -> None:
    finished = await run(*script("demo.py"), env=environment())
    assert (finished.status, finished.err) == (0, "")
    for said in (
        "216 repositories, 20,000 images",
        "20 more with real layers",
        "220 scanned",
        "20,020 in 3.",
        "0 throttled",
        "untagged, over 14 days old",
    ):
        assert said in finished.out
