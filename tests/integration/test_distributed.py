"""The scan over a dask cluster: a file a repository, registries kept apart, and workers that may die."""

import asyncio
import os
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest
from aiohttp import web
from distributed import Client, LocalCluster

import ecr_async as ecr
from ecr_async import distributed
from ecr_async.distributed.registry import file_name
from ecr_async.local import LocalECR
from ecr_async.local.http.bodies import LARGE_BODY, Body, Chunks
from tests.integration.local.content import manifest
from tests.integration.subprocesses import environment

REGIONS = ("eu-west-1", "us-east-1")
OTHER_ACCOUNT = "222222222222"
IMAGES = 3


class Gate:
    """Stands before the embedded ECR: sees each call's operation, region, repository and process.

    Once it is shut, after so many of them in a region, it holds back every DescribeImages call there until
    it is opened.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, str, str]] = []
        self.shut_after: int | None = None
        self.held: defaultdict[str, int] = defaultdict(int)
        self.rejects: str | None = None
        self._open = asyncio.Event()
        self._changed = asyncio.Condition()

    async def watch(self, request: web.Request, body: bytes | bytearray) -> None:
        """Take note of a request, and hold it or reject it."""
        operation = request.headers["X-Amz-Target"].partition(".")[2]
        region = request.headers["Authorization"].split("/")[2]
        repository = msgspec.json.decode(body).get("repositoryName", "")
        if operation == "DescribeImages":
            if self.rejects == repository:
                raise ecr.ServiceError("", code="AccessDeniedException")
            responses = [each for each, _ in self.requested()].count(region)
            if self.shut_after is not None and responses >= self.shut_after:
                await self._hold(region)
        process = request.headers["User-Agent"].rpartition("app/")[2]
        self.calls.append((operation, region, repository, process))

    def requested(self) -> list[tuple[str, str]]:
        """Return the repositories that were requested, page by page, as region and name."""
        return [(region, name) for operation, region, name, _ in self.calls if operation == "DescribeImages"]

    def processes(self, region: str) -> set[str]:
        """Return which processes called a region."""
        return {process for _, called, _, process in self.calls if called == region}

    def open(self) -> None:
        """Let everybody through, from now on."""
        self.shut_after = None
        self._open.set()

    async def until_held(self, calls: int, regions: Iterable[str]) -> None:
        """Wait until so many calls to each of the regions are held back."""
        async with self._changed:
            await self._changed.wait_for(lambda: all(self.held[region] >= calls for region in regions))

    async def _hold(self, region: str) -> None:
        async with self._changed:
            self.held[region] += 1
            self._changed.notify_all()
        await self._open.wait()


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    """A gate before every embedded ECR of the test."""
    gate = Gate()

    async def piece(body: Body, size: int = LARGE_BODY) -> Chunks:
        chunks = await read_piece(body, size)
        if chunks:
            await gate.watch(body.request, b"".join(chunks))
        return chunks

    read_piece = Body.piece
    monkeypatch.setattr(Body, "piece", piece)
    return gate


@pytest.fixture
async def local(gate: Gate, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[LocalECR]:
    """An embedded ECR of two accounts, whose profiles `one` and `two` every process here knows."""
    keys = {"AKIAOTHER00000000000": ("other-secret", OTHER_ACCOUNT)}
    async with LocalECR(verify_layers=False, keys=keys) as local:
        config = tmp_path / "config"
        config.write_text(
            f"[profile one]\naws_access_key_id = {local.access_key_id}\n"
            f"aws_secret_access_key = {local.secret_access_key}\n"
            "[profile two]\naws_access_key_id = AKIAOTHER00000000000\naws_secret_access_key = other-secret\n"
        )
        for name, value in environment(local, AWS_CONFIG_FILE=str(config)).items():
            if name.startswith("AWS_"):
                monkeypatch.setenv(name, value)
        yield local


@pytest.fixture
async def cluster() -> AsyncIterator[LocalCluster]:
    """Two workers inside this process."""
    async with LocalCluster(
        n_workers=2, threads_per_worker=2, processes=False, dashboard_address=":0", asynchronous=True
    ) as cluster:
        yield cluster


async def fill(
    local: LocalECR, repositories: Iterable[str], regions: Iterable[str] = REGIONS, **session: Any
) -> None:
    """Make repositories with three images each."""
    async with local.session(**session) as open_session:
        for region in regions:
            service = open_session.service(region)

            async def make(name: str, service: ecr.Service = service) -> None:
                await ecr.create_repository(service, ecr.CreateRepositoryRequest(name))
                for number in range(IMAGES):
                    image = manifest(f"{name} {number}".encode())
                    await ecr.put_image(service, ecr.PutImageRequest(name, image))

            await asyncio.gather(*map(make, repositories))


def rows(folder: Path) -> list[tuple[str, str, str, int]]:
    """Return what all files together hold: account, region, repository, images; no image twice."""
    found = duckdb.execute(
        "SELECT registry_id, region, repository, count(*), count(DISTINCT digest) "
        f"FROM '{folder}/**/*.parquet' GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    assert [row for row in found if row[3] != row[4]] == []
    return [row[:4] for row in found]


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


class TestPartitions:
    async def test_every_region_of_every_account_has_a_file_for_each_repository(
        self, local: LocalECR, cluster: LocalCluster, tmp_path: Path
    ) -> None:
        await fill(local, ["team/app", "team/web"])
        await fill(local, ["team/app"], profile="two")
        folder = tmp_path / "images"
        summary = await distributed.scan_distributed(
            folder, profiles=["one", "two"], regions=REGIONS, cluster=cluster
        )
        assert rows(folder) == sorted(
            (account, region, name, IMAGES)
            for region in REGIONS
            for account, name in (
                (local.account_id, "team/app"),
                (local.account_id, "team/web"),
                (OTHER_ACCOUNT, "team/app"),
            )
        )
        assert len(files(folder)) == 6
        assert f"two/eu-west-1/{file_name('team/app')}" in files(folder)
        assert summary.complete
        assert (summary.total.scanned, summary.total.images) == (6, 6 * IMAGES)
        assert [(it.profile, it.region, it.scan.scanned) for it in summary.registries] == [
            ("one", "eu-west-1", 2),
            ("one", "us-east-1", 2),
            ("two", "eu-west-1", 1),
            ("two", "us-east-1", 1),
        ]

    async def test_a_selection_is_sent_along(
        self, local: LocalECR, cluster: LocalCluster, tmp_path: Path
    ) -> None:
        await fill(local, ["team/app", "team/web", "tools/lint"], ["us-east-1"])

        async def scanned(name: str, repositories: ecr.RepositorySelection) -> tuple[set[str], int]:
            folder = tmp_path / name
            summary = await distributed.scan_distributed(folder, repositories=repositories, cluster=cluster)
            return {row[2] for row in rows(folder)}, summary.total.vanished

        assert await scanned("pattern", "team/*") == ({"team/app", "team/web"}, 0)
        assert await scanned("names", ["tools/lint", "team/none"]) == ({"tools/lint"}, 1)
        assert await scanned("mixed", ["tools/lint", "*web"]) == ({"tools/lint", "team/web"}, 0)
        assert await scanned("predicate", lambda it: len(it.repository_name or "") > 8) == ({"tools/lint"}, 0)

    async def test_what_has_a_file_is_not_scanned_again(
        self, local: LocalECR, gate: Gate, cluster: LocalCluster, tmp_path: Path
    ) -> None:
        await fill(local, ["team/app", "team/web", "empty"], ["us-east-1"])
        folder = tmp_path / "images"
        first = await distributed.scan_distributed(folder, cluster=cluster)
        written = files(folder)
        (folder / "default" / "us-east-1" / file_name("team/web")).unlink()
        gate.calls.clear()
        second = await distributed.scan_distributed(folder, cluster=cluster)
        assert gate.requested() == [("us-east-1", "team/web")]
        assert files(folder) == written
        assert (first.total.scanned, first.total.done_before) == (3, 0)
        assert (second.total.repositories, second.total.scanned, second.total.done_before) == (3, 1, 2)

    async def test_a_repository_that_fails_has_no_file_until_it_is_scanned(
        self, local: LocalECR, gate: Gate, cluster: LocalCluster, tmp_path: Path
    ) -> None:
        await fill(local, ["team/app", "team/web"], ["us-east-1"])
        folder = tmp_path / "images"
        gate.rejects = "team/app"
        first = await distributed.scan_distributed(folder, cluster=cluster)
        (failed,) = first.failed
        assert (failed.profile, failed.region, failed.repository) == (None, None, "team/app")
        assert isinstance(failed.error, ecr.ServiceError)
        assert failed.error.code == "AccessDeniedException"
        assert files(folder) == {f"default/us-east-1/{file_name('team/web')}"}
        gate.rejects = None
        second = await distributed.scan_distributed(folder, cluster=cluster)
        assert (second.total.scanned, second.total.done_before, second.failed) == (1, 1, ())

    async def test_a_registry_that_fails_is_one_failure_and_the_others_go_on(
        self, local: LocalECR, cluster: LocalCluster, tmp_path: Path
    ) -> None:
        await fill(local, ["team/app"], ["us-east-1"])
        folder = tmp_path / "images"
        summary = await distributed.scan_distributed(folder, profiles=["nobody", "one"], cluster=cluster)
        (failed,) = summary.failed
        assert (failed.profile, failed.repository) == ("nobody", None)
        assert isinstance(failed.error, ecr.ConfigurationError)
        assert (summary.total.scanned, summary.complete) == (1, False)

    async def test_what_a_dead_worker_left_is_cleaned_away(
        self, local: LocalECR, cluster: LocalCluster, tmp_path: Path
    ) -> None:
        await fill(local, ["team/app"], ["us-east-1"])
        folder = tmp_path / "images"
        left = folder / "default" / "us-east-1" / ".0123.partial"
        left.parent.mkdir(parents=True)
        left.write_text("half a file")
        await distributed.scan_distributed(folder, cluster=cluster)
        assert files(folder) == {f"default/us-east-1/{file_name('team/app')}"}

    async def test_a_folder_that_cannot_be_made_is_a_failure(
        self, local: LocalECR, cluster: LocalCluster, tmp_path: Path
    ) -> None:
        (tmp_path / "images").write_text("a file")
        summary = await distributed.scan_distributed(tmp_path / "images", cluster=cluster)
        assert [type(failure.error) for failure in summary.failed] == [NotADirectoryError]


class TestClusters:
    @pytest.mark.parametrize("given", ["cluster", "client", "address"])
    async def test_a_cluster_a_client_or_an_address(
        self, local: LocalECR, cluster: LocalCluster, tmp_path: Path, given: str
    ) -> None:
        await fill(local, ["team/app"], ["us-east-1"])
        async with Client(cluster, asynchronous=True, set_as_default=False) as client:
            known: dict[str, Any] = {
                "cluster": cluster,
                "client": client,
                "address": cluster.scheduler_address,
            }
            summary = await distributed.scan_distributed(tmp_path / "images", cluster=known[given])
        assert summary.total.images == IMAGES

    async def test_nothing_to_scan_needs_no_cluster(self, tmp_path: Path) -> None:
        summary = await distributed.scan_distributed(tmp_path, regions=[])
        assert (summary.registries, summary.total, summary.complete) == ((), ecr.ScanSummary(), True)

    async def test_cancelling_ends_the_tasks_too(
        self, local: LocalECR, gate: Gate, cluster: LocalCluster, tmp_path: Path
    ) -> None:
        await fill(local, [f"r{number}" for number in range(20)], ["us-east-1"])
        gate.shut_after = 5
        folder = tmp_path / "images"
        scan = asyncio.create_task(
            distributed.scan_distributed(folder, concurrency=4, regions=["us-east-1"], cluster=cluster)
        )
        await gate.until_held(4, ["us-east-1"])
        scan.cancel()
        with pytest.raises(asyncio.CancelledError):
            await scan
        async with Client(cluster, asynchronous=True, set_as_default=False) as client:
            running = await client.processing()
        assert [tasks for tasks in running.values() if tasks] == []
        assert {Path(name).suffix for name in files(folder)} == {".parquet"}


async def test_a_worker_that_is_killed_in_mid_scan_costs_no_row(
    local: LocalECR, gate: Gate, tmp_path: Path
) -> None:
    repositories = [f"team/app-{number}" for number in range(40)]
    await fill(local, repositories)
    folder = tmp_path / "images"
    gate.calls.clear()
    gate.shut_after = 10
    async with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0", asynchronous=True) as cluster,
        Client(cluster, asynchronous=True, set_as_default=False) as client,
    ):
        processes = {str(process) for process in (await client.run(_sign_calls)).values()}
        scan = asyncio.create_task(
            distributed.scan_distributed(folder, regions=REGIONS, concurrency=4, cluster=cluster)
        )
        await gate.until_held(4, REGIONS)
        assert [gate.processes(region) <= processes for region in REGIONS] == [True, True]
        assert [len(gate.processes(region)) for region in REGIONS] == [1, 1]
        assert gate.processes(REGIONS[0]) != gate.processes(REGIONS[1])

        await _until_written(folder, REGIONS[0])
        (victim,) = gate.processes(REGIONS[0])
        os.kill(int(victim), signal.SIGKILL)
        finished = {
            (region, name) for region, name in gate.requested() if file_name(name) in _names(folder, region)
        }
        before = list(gate.requested())
        gate.open()
        summary = await scan

    assert rows(folder) == sorted(
        (local.account_id, region, name, IMAGES) for region in REGIONS for name in repositories
    )
    assert len(files(folder)) == len(REGIONS) * len(repositories)
    assert summary.complete
    assert summary.registries[0].scan.done_before > 0
    assert finished.isdisjoint(gate.requested()[len(before) :])


async def _until_written(folder: Path, region: str) -> None:
    """Wait until a file of a region is whole."""
    while not any(name.endswith(".parquet") for name in _names(folder, region)):  # noqa: ASYNC110
        await asyncio.sleep(0.01)  # another process writes it, and there is nothing to wait for


def _names(folder: Path, region: str) -> list[str]:
    return os.listdir(folder / "default" / region)


def _sign_calls() -> int:
    """Have a process name itself in the User-Agent of its calls."""
    os.environ["AWS_SDK_UA_APP_ID"] = str(os.getpid())
    return os.getpid()


async def test_without_a_cluster_it_makes_one_of_processes(local: LocalECR, tmp_path: Path) -> None:
    await fill(local, ["team/app"])
    summary = await distributed.scan_distributed(tmp_path / "images", regions=REGIONS)
    assert summary.total.scanned == 2
    assert [row[1] for row in rows(tmp_path / "images")] == [*REGIONS]


@pytest.mark.parametrize(
    ("one", "other"), [("team/app", "team.app"), ("a" * 256, "a" * 255 + "b"), ("team/app", "team/app/x")]
)
def test_a_file_name_is_unique_to_its_repository_and_not_too_long(one: str, other: str) -> None:
    assert file_name(one) != file_name(other)
    assert max(len(file_name(one)), len(file_name(other))) < 256


@pytest.mark.parametrize("missing", ["distributed", "pyarrow"])
def test_without_the_extra_one_sentence_says_how_to_get_it(missing: str) -> None:
    program = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "import ecr_async as ecr\n"
        "try: import ecr_async.distributed\n"
        "except ecr.MissingExtraError as error: print(error)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout == f"{missing} is not installed; get it with: pip install 'ecr-async[distributed]'\n"
