"""A scan that is interrupted and made again with its checkpoint: nothing lost, as little as
possible twice.
"""

import asyncio
import contextlib
import os
import sqlite3
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

import ecr_async as ecr
from ecr_async._bulk.images.checkpoint import Checkpoint
from tests.integration.subprocesses import ROOT
from tests.unit.fake_registry import FakeRegistry, image

REPOSITORIES = {"team/api": 3, "team/web": 25, "team/db": 20, "tools": 1, "empty": 0}
"""In pages of 10: eight pages."""


def identities(images: Iterable[ecr.ImageDetail]) -> list[tuple[str | None, str | None]]:
    return [(each.repository_name, each.image_digest) for each in images]


ALL = sorted(
    (name, image(name, index)["imageDigest"]) for name, size in REPOSITORIES.items() for index in range(size)
)


class Runs:
    """The same scan, again and again, with one checkpoint."""

    def __init__(self, registry: FakeRegistry, folder: Path, **options: Any) -> None:
        self.registry = registry
        self.checkpoint = folder / "scan.checkpoint"
        self.options = {"concurrency": 2, "page_size": 10, "checkpoint": self.checkpoint, **options}
        self.summary = ecr.ScanSummary()
        self.resumes: datetime | None = None

    async def run(self, stop_at: int | None = None, *selection: Any, **options: Any) -> list[ecr.ScanResult]:
        """Scan; with `stop_at`, be interrupted with that many results in hand."""
        results: list[ecr.ScanResult] = []
        async with self.registry.session() as session:
            scan = ecr.scan_images([session.service()], *selection, **{**self.options, **options})
            async with scan:
                async for result in scan:
                    results.append(result)
                    if len(results) == stop_at:
                        break
        self.summary, self.resumes = scan.summary, scan.resumes
        return results


def images_of(results: Iterable[ecr.ScanResult]) -> list[tuple[str | None, str | None]]:
    return [
        identity
        for result in results
        if isinstance(result, ecr.ScannedPage)
        for identity in identities(result.images)
    ]


def name_of_page(result: ecr.ScanResult) -> tuple[str, int]:
    assert isinstance(result, ecr.ScannedPage)
    return result.repository, result.number


class TestResuming:
    @pytest.mark.parametrize("stop_at", range(1, 9))
    async def test_only_the_result_in_hand_comes_again(self, tmp_path: Path, stop_at: int) -> None:
        runs = Runs(FakeRegistry(REPOSITORIES), tmp_path)
        *taken, in_hand = await runs.run(stop_at)
        rest = await runs.run()
        assert sorted(images_of([*taken, *rest])) == ALL
        assert name_of_page(in_hand) in map(name_of_page, rest)
        assert len(taken) + len(rest) == 8

    async def test_interrupted_at_every_result(self, tmp_path: Path) -> None:
        runs = Runs(FakeRegistry(REPOSITORIES), tmp_path)
        taken = [name_of_page((await runs.run(2))[0]) for _ in range(8)]
        assert len(set(taken)) == 8

    async def test_a_finished_scan_starts_over(self, tmp_path: Path) -> None:
        runs = Runs(FakeRegistry(REPOSITORIES), tmp_path)
        for _ in range(3):
            assert sorted(images_of(await runs.run())) == ALL
            assert (runs.summary.scanned, runs.summary.done_before) == (5, 0)

    async def test_a_finished_checkpoint_is_good_for_another_scan(self, tmp_path: Path) -> None:
        runs = Runs(FakeRegistry(REPOSITORIES), tmp_path)
        await runs.run()
        await runs.run(tag_status="TAGGED")
        assert runs.summary.scanned == 5

    async def test_a_scan_that_continues_another_says_since_when(self, tmp_path: Path) -> None:
        runs = Runs(FakeRegistry(REPOSITORIES), tmp_path)
        before = datetime.now(UTC)
        await runs.run(3)
        assert runs.resumes is None
        await runs.run()
        assert runs.resumes is not None
        assert before <= runs.resumes <= datetime.now(UTC)

    async def test_a_new_repository_is_scanned_by_the_next_run(self, tmp_path: Path) -> None:
        runs = Runs(FakeRegistry({"old": 1, "bad": 1}), tmp_path)
        runs.registry.on_call = lambda _, request: (
            "AccessDenied" if request.get("repositoryName") == "bad" else None
        )
        await runs.run()
        runs.registry.on_call = None
        runs.registry.repositories["new"] = 1
        assert {name_of_page(result) for result in await runs.run()} == {("new", 0), ("bad", 0)}

    async def test_a_large_repository_goes_on_from_its_token(self, tmp_path: Path) -> None:
        runs = Runs(FakeRegistry({"team/web": 50}), tmp_path)
        await runs.run(3)
        runs.registry.calls.clear()
        rest = await runs.run()
        assert runs.registry.called("DescribeImages")[0]["nextToken"] == "20"
        assert list(map(name_of_page, rest)) == [("team/web", number) for number in (2, 3, 4)]

    async def test_a_rejected_token_costs_calls_and_repeats_no_image(self, tmp_path: Path) -> None:
        runs = Runs(FakeRegistry({"team/web": 50}), tmp_path)
        *taken, _ = await runs.run(3)
        old = runs.registry.called("DescribeImages")[2]["nextToken"]

        def reject(operation: str, request: dict[str, Any]) -> str | None:
            is_rejected = (
                request.get("nextToken") == old and not runs.registry.outcomes["InvalidParameterException"]
            )
            return "InvalidParameterException" if is_rejected else None

        runs.registry.on_call = reject
        rest = await runs.run()
        assert runs.registry.outcomes["InvalidParameterException"] == 1
        found = images_of([*taken, *rest])
        assert len(found) == len(set(found)) == 50
        assert len(set(map(name_of_page, [*taken, *rest]))) == len(taken) + len(rest)

    async def test_a_token_that_is_rejected_in_this_run_is_a_failure(self, tmp_path: Path) -> None:
        runs = Runs(FakeRegistry({"team/web": 50}), tmp_path)
        await runs.run(2)
        runs.registry.on_call = lambda _, request: (
            "InvalidParameterException" if request.get("nextToken") == "40" else None
        )
        *_, failed = await runs.run()
        assert isinstance(failed, ecr.FailedRepository)
        assert isinstance(failed.error, ecr.InvalidParameterException)

    async def test_failed_repositories_are_tried_again_and_vanished_ones_are_not(
        self, tmp_path: Path
    ) -> None:
        runs = Runs(FakeRegistry({"good": 1, "bad": 15}), tmp_path)
        runs.registry.on_call = lambda _, request: "AccessDenied" if request.get("nextToken") else None
        first = await runs.run(None, ["good", "bad", "gone"])
        assert (runs.summary.scanned, runs.summary.failed, runs.summary.vanished) == (1, 1, 1)
        runs.registry.on_call = None
        (rest,) = await runs.run(None, ["good", "bad", "gone"])
        assert name_of_page(rest) == ("bad", 1)
        assert runs.summary.done_before == 2
        assert len(set(images_of([*first, rest]))) == 16

    async def test_services_are_kept_apart(self, tmp_path: Path) -> None:
        options: dict[str, Any] = {"checkpoint": tmp_path / "checkpoint"}
        async with FakeRegistry({"app": 1}).session() as session:
            for _ in range(2):
                services = [
                    session.service("eu-west-1"),
                    session.service("eu-west-1"),
                    session.service("us-east-1"),
                ]
                scan = ecr.scan_images(services, **options)
                found: list[ecr.Service] = []
                async for result in scan:
                    found.append(result.service)
                    if len(found) == 3:
                        break  # the third is not recorded
                await scan.aclose()
            assert (len(found), scan.summary.done_before) == (1, 2)


class TestRejections:
    async def test_another_selection_of_images(self, tmp_path: Path) -> None:
        runs = Runs(FakeRegistry(REPOSITORIES), tmp_path)
        await runs.run(2)
        with pytest.raises(ecr.CheckpointError, match=r"tag_status ANY .* not with tag_status TAGGED"):
            await runs.run(tag_status="TAGGED")

    async def test_a_file_that_is_not_a_database(self, tmp_path: Path) -> None:
        runs = Runs(FakeRegistry(REPOSITORIES), tmp_path)
        runs.checkpoint.write_text("precious" * 1000)
        with pytest.raises(ecr.ConfigurationError, match="is not a checkpoint"):
            await runs.run()
        assert runs.checkpoint.read_text() == "precious" * 1000

    async def test_a_database_that_is_not_a_checkpoint(self, tmp_path: Path) -> None:
        runs = Runs(FakeRegistry(REPOSITORIES), tmp_path)
        database = sqlite3.connect(runs.checkpoint)
        database.execute("CREATE TABLE precious (id)")
        database.close()
        with pytest.raises(ecr.ConfigurationError, match="not a checkpoint"):
            await runs.run()

    async def test_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        runs = Runs(FakeRegistry(REPOSITORIES), tmp_path / "missing")
        with pytest.raises(ecr.ConfigurationError, match="cannot be used"):
            await runs.run()
        assert runs.registry.calls == []

    async def test_two_scans_at_once(self, tmp_path: Path) -> None:
        runs = Runs(FakeRegistry(REPOSITORIES), tmp_path)
        async with runs.registry.session() as session:
            async with ecr.scan_images([session.service()], checkpoint=runs.checkpoint) as scan:
                results = aiter(scan)
                await anext(results)
                with pytest.raises(ecr.ConfigurationError, match="locked"):
                    await runs.run()
            await results.aclose()

    async def test_accounts_that_have_changed_places(self, tmp_path: Path) -> None:
        """Else one account's repositories would pass for the other's."""

        def registry(account: str) -> FakeRegistry:
            registry = FakeRegistry({"app": 1, "web": 1})
            registry.account = account
            return registry

        async with registry("1" * 12).session() as one, registry("2" * 12).session() as two:
            services = [one.service(), two.service()]
            scan = ecr.scan_images(services, checkpoint=tmp_path / "checkpoint")
            async with scan:
                taken = 0
                async for _ in scan:
                    taken += 1
                    if taken == 4:  # so that both accounts are recorded
                        break
            results = [
                result async for result in ecr.scan_images(services[::-1], checkpoint=tmp_path / "checkpoint")
            ]
        assert {type(result) for result in results} == {ecr.FailedListing}
        assert all(
            "same order" in str(result.error) for result in results if isinstance(result, ecr.FailedListing)
        )


async def interrupted(scan: ecr.Scan, path: Path) -> None:
    """Write a scan to a file, and be interrupted behind its first result."""

    def interrupt(_: ecr.ScanResult) -> None:
        if scan.summary.pages > 1:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ecr_async._bulk.images.jsonlines.BATCH_IMAGES", 0)
        with pytest.raises(KeyboardInterrupt):
            await ecr.write_jsonl(scan, path, on_result=interrupt)


class TestJsonLines:
    async def test_a_line_holds_an_image(self, tmp_path: Path) -> None:
        path = tmp_path / "images.jsonl"
        async with FakeRegistry({"team/api": 2}).session() as session:
            summary = await ecr.write_jsonl(ecr.scan_images([session.service()]), path)
        lines = [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]
        assert summary.images == len(lines) == 2
        assert (
            lines[1].items()
            >= {
                "region": "eu-west-1",
                "registry_id": "123456789012",
                "repository": "team/api",
                "digest": image("team/api", 1)["imageDigest"],
                "tags": ["v1"],
                "size": 1,
                "pushed_at": "2023-11-14T22:13:21Z",
                "scan_status": None,
            }.items()
        )

    async def test_each_result_is_shown(self, tmp_path: Path) -> None:
        seen: list[ecr.ScanResult] = []
        async with FakeRegistry(REPOSITORIES).session() as session:
            scan = ecr.scan_images([session.service()], ["team/api", "none"])
            await ecr.write_jsonl(scan, tmp_path / "images.jsonl", on_result=seen.append)
        assert {type(result) for result in seen} == {ecr.ScannedPage, ecr.VanishedRepository}

    async def test_without_a_checkpoint_the_file_begins_anew(self, tmp_path: Path) -> None:
        path = tmp_path / "images.jsonl"
        path.write_text("old\n")
        async with FakeRegistry({"team/api": 2}).session() as session:
            await ecr.write_jsonl(ecr.scan_images([session.service()]), path)
        assert len(path.read_bytes().splitlines()) == 2

    @pytest.mark.parametrize("stop_at", range(1, 9))
    async def test_a_resumed_file_has_every_image_once(
        self, tmp_path: Path, stop_at: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Interrupted after any batch, with lines behind what is on record, the file becomes whole."""
        monkeypatch.setattr("ecr_async._bulk.images.jsonlines.BATCH_IMAGES", 12)
        path = tmp_path / "images.jsonl"
        left = stop_at

        def interrupt(_: ecr.ScanResult) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise KeyboardInterrupt

        async with FakeRegistry(REPOSITORIES).session() as session:
            options: dict[str, Any] = {"page_size": 10, "checkpoint": tmp_path / "checkpoint"}
            with pytest.raises(KeyboardInterrupt):
                await ecr.write_jsonl(
                    ecr.scan_images([session.service()], **options), path, on_result=interrupt
                )
            with path.open("ab") as file:
                file.write(b'{"half a li')
            await ecr.write_jsonl(ecr.scan_images([session.service()], **options), path)
        lines = [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]
        assert sorted((line["repository"], line["digest"]) for line in lines) == ALL

    async def test_file_and_checkpoint_must_belong_together(self, tmp_path: Path) -> None:
        path = tmp_path / "images.jsonl"
        options: dict[str, Any] = {"checkpoint": tmp_path / "checkpoint"}
        async with FakeRegistry(REPOSITORIES).session() as session:
            service = session.service()
            await interrupted(ecr.scan_images([service], **options), path)
            with pytest.raises(
                ecr.ConfigurationError, match=r"writes to .*images.jsonl, not to .*other.jsonl"
            ):
                await ecr.write_jsonl(ecr.scan_images([service], **options), tmp_path / "other.jsonl")
            with pytest.raises(ecr.ConfigurationError, match="not to None"):
                [result async for result in ecr.scan_images([service], **options)]
            path.write_text("short")
            with pytest.raises(ecr.ConfigurationError, match="shorter"):
                await ecr.write_jsonl(ecr.scan_images([service], **options), path)


async def interrupted_checkpoint(folder: Path) -> Runs:
    """Return runs whose checkpoint is of an interrupted scan."""
    runs = Runs(FakeRegistry(REPOSITORIES), folder)
    await runs.run(5)
    return runs


async def test_services_that_look_alike_are_told_apart(tmp_path: Path) -> None:
    here, there = FakeRegistry({"team/app": 3}), FakeRegistry({"team/app": 5})
    there.account = "210987654321"
    taken: list[tuple[str | None, str | None]] = []
    async with here.session() as one, there.session() as other:
        services = [one.service(), other.service()]
        for stop_at in (2, None):
            scan = ecr.scan_images(services, checkpoint=tmp_path / "checkpoint", concurrency=1)
            async with scan:
                number = 0
                async for result in scan:
                    number += 1
                    if number == stop_at:
                        break  # of this one nothing is recorded
                    taken += images_of([result])
    assert len(taken) == 3 + 5


async def test_the_digests_of_a_finished_repository_are_forgotten(tmp_path: Path) -> None:
    runs = Runs(FakeRegistry({"team/web": 25, "tools": 20}), tmp_path, concurrency=1)
    await runs.run(5)
    with contextlib.closing(sqlite3.connect(runs.checkpoint)) as database:
        [(kept,)] = database.execute("SELECT count(DISTINCT repository) FROM delivered").fetchall()
        [(unfinished,)] = database.execute(
            "SELECT count(*) FROM repository WHERE next_token IS NOT NULL"
        ).fetchall()
    assert (kept, unfinished) == (1, 1)


class TestDamage:
    """Whatever has happened to the file, the error names it and says what to do."""

    @pytest.mark.parametrize(
        ("statement", "why"),
        [
            ("UPDATE scan SET settings = 5", "a checksum is wrong"),
            ("UPDATE scan SET output_size = 'much'", "a checksum is wrong"),
            ("UPDATE repository SET pages = pages + 1", "a checksum is wrong"),
            (
                "UPDATE repository SET name = 'another' WHERE name = (SELECT min(name) FROM repository)",
                "a checksum is wrong",
            ),
            (
                "UPDATE repository SET next_token = x'ff' WHERE next_token IS NOT NULL",
                "a checksum is wrong",
            ),
            (
                "UPDATE repository SET next_token = CAST(x'ff' AS TEXT) WHERE next_token IS NOT NULL",
                "Could not decode to UTF-8 column 'next_token' with text '\N{REPLACEMENT CHARACTER}'",
            ),
            ("UPDATE service SET registry = NULL", "a checksum is wrong"),
            ("DELETE FROM service", "a service is missing"),
            ("DROP TABLE repository", "its tables are not those that it was made with"),
            ("DROP TABLE delivered", "its tables are not those that it was made with"),
            ("DROP TABLE service", "its tables are not those that it was made with"),
            ("DROP TABLE scan", "its tables are not those that it was made with"),
            ("CREATE TABLE more (a)", "its tables are not those that it was made with"),
            (
                "CREATE TRIGGER t AFTER INSERT ON repository BEGIN DELETE FROM delivered; END",
                "its tables are not those that it was made with",
            ),
            ("ALTER TABLE scan DROP COLUMN output", "its tables are not those that it was made with"),
            ("INSERT INTO scan SELECT * FROM scan", "it holds several scans"),
        ],
    )
    async def test_altered_tables(self, tmp_path: Path, statement: str, why: str) -> None:
        runs = await interrupted_checkpoint(tmp_path)
        with contextlib.closing(sqlite3.connect(runs.checkpoint)) as database, database:
            database.execute(statement)
        with pytest.raises(ecr.CheckpointError) as caught:
            await runs.run()
        assert str(caught.value) == (
            f"the checkpoint {runs.checkpoint} is damaged ({why}); delete it to start a new scan"
        )

    async def test_a_service_that_was_deleted(self, tmp_path: Path) -> None:
        """Otherwise the next one would take its number, and with it its repositories."""
        file = tmp_path / "checkpoint"
        async with FakeRegistry({}).session() as session:
            services = [session.service(region) for region in ("eu-west-1", "eu-west-2", "eu-west-3")]
            checkpoint = Checkpoint(file, "settings")
            await checkpoint.open(None)
            for service in services:
                await checkpoint.register(service)
            await checkpoint.aclose()
            with contextlib.closing(sqlite3.connect(file)) as database, database:
                database.execute("DELETE FROM service WHERE id = 2")
            checkpoint = Checkpoint(file, "settings")
            with pytest.raises(ecr.CheckpointError, match=r"damaged \(a service is missing\)"):
                await checkpoint.open(None)
            await checkpoint.aclose()

    async def test_digests_that_were_altered(self, tmp_path: Path) -> None:
        runs = Runs(FakeRegistry({"team/web": 50}), tmp_path)
        await runs.run(3)
        with sqlite3.connect(runs.checkpoint) as database:
            database.execute("UPDATE delivered SET digests = replace(digests, 'a', 'b')")
        database.close()
        with pytest.raises(ecr.CheckpointError, match="checksum"):
            await runs.run()

    async def test_another_version_of_the_schema(self, tmp_path: Path) -> None:
        runs = await interrupted_checkpoint(tmp_path)
        with sqlite3.connect(runs.checkpoint) as database:
            database.execute("PRAGMA user_version = 1")
        database.close()
        with pytest.raises(ecr.CheckpointError, match=r"another version .*format 1"):
            await runs.run()

    async def test_bytes_that_were_flipped(self, tmp_path: Path) -> None:
        """Wherever a byte is flipped, the scan is whole or the error is typed; nothing is lost or doubled."""
        runs = await interrupted_checkpoint(tmp_path)
        content = runs.checkpoint.read_bytes()
        for position in range(0, len(content), 499):
            flipped = bytearray(content)
            flipped[position] ^= 0xFF
            runs.checkpoint.write_bytes(flipped)
            for leftover in ("-wal", "-shm", "-journal"):
                runs.checkpoint.with_name(runs.checkpoint.name + leftover).unlink(missing_ok=True)
            with contextlib.suppress(ecr.CheckpointError):
                await runs.run()
                assert runs.summary.scanned + runs.summary.done_before == 5

    @pytest.mark.skipif(sys.platform == "win32", reason="needs resource limits")
    async def test_a_full_disk_is_the_systems_error(self, tmp_path: Path) -> None:
        program = f"""
import asyncio, resource, signal
import ecr_async as ecr
from tests.unit.fake_registry import FakeRegistry

async def main():
    async with FakeRegistry({{"team/web": 100_000}}).session() as session:
        async for _ in ecr.scan_images(session.service(), checkpoint={str(tmp_path / "checkpoint")!r}):
            pass

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
try:
    asyncio.run(main())
except OSError as error:
    print(type(error).__name__, error.filename)
"""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, cwd=ROOT, stdout=asyncio.subprocess.PIPE
        )
        out, _ = await process.communicate()
        assert out.decode() == f"OSError {tmp_path / 'checkpoint'}\n"


class TestFilesAreClosed:
    @pytest.mark.parametrize("checkpoint", [True, False])
    async def test_a_cancelled_write_closes_its_file_and_leaves_none_that_is_empty(
        self, tmp_path: Path, checkpoint: bool
    ) -> None:
        async def hang(operation: str, request: dict[str, Any]) -> None:
            await asyncio.Event().wait()

        options: dict[str, Any] = {"checkpoint": tmp_path / "checkpoint"} if checkpoint else {}
        registry = FakeRegistry(REPOSITORIES, on_call=hang)
        async with registry.session() as session:
            scan = ecr.scan_images(session.service(), **options)
            writing = asyncio.create_task(ecr.write_jsonl(scan, tmp_path / "images.jsonl"))
            while not registry.calls and not writing.done():  # noqa: ASYNC110
                await asyncio.sleep(0)
            writing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await writing
        assert {path.name for path in tmp_path.iterdir()} <= {"checkpoint"}  # noqa: ASYNC240
        assert not [path for path in open_files() if path.startswith(str(tmp_path))]


def open_files() -> list[str]:
    """Return the paths of the files that this process has open."""
    folder = Path("/proc/self/fd")
    return [os.readlink(each) for each in folder.iterdir() if each.is_symlink()]
