"""The command `ecr-async`, run as a process."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pyarrow.parquet
import pytest
from aiohttp import web

import ecr_async as ecr
from ecr_async.local import LocalECR, embedded
from ecr_async.local.server import make_application
from tests.integration.local.content import create, manifest
from tests.integration.subprocesses import COMMAND, environment, run, run_on_terminal, started


@pytest.fixture
async def local() -> AsyncIterator[LocalECR]:
    """An ECR with two repositories in us-east-1 and one in eu-west-1; team/app has an untagged image."""
    async with LocalECR(verify_layers=False) as local, local.session() as session:
        for region, name, tags in (
            ("us-east-1", "team/app", ("main", "main", "1.0")),
            ("us-east-1", "other/app", ("main",)),
            ("eu-west-1", "team/app", ("main",)),
        ):
            service = session.service(region)
            await create(service, name)
            for number, tag in enumerate(tags):
                image = manifest(b"layer " * number)
                await ecr.put_image(service, ecr.PutImageRequest(name, image, image_tag=tag))
        yield local


# ---------------------------------------------------------------------------- the command itself


async def test_the_version() -> None:
    finished = await run(*COMMAND, "--version", env=environment())
    assert (finished.status, finished.out) == (0, f"ecr-async {ecr.__version__}\n")


async def test_without_its_extra_it_says_what_to_install() -> None:
    script = "import sys; sys.modules['typer'] = None; from ecr_async.cli import main; main()"
    finished = await run(sys.executable, "-c", script, env=environment())
    assert finished.status == 1
    assert "pip install 'ecr-async[cli]'" in finished.err
    assert len(finished.err.splitlines()) == 1


async def test_the_library_does_not_need_its_extra() -> None:
    script = (
        "import sys; sys.modules.update(typer=None, rich=None); "
        "import ecr_async; [getattr(ecr_async, name) for name in ecr_async.__all__]"
    )
    finished = await run(sys.executable, "-c", script, env=environment())
    assert (finished.status, finished.err) == (0, "")


# ---------------------------------------------------------------------------- serve


async def endpoint_of(server: asyncio.subprocess.Process) -> str:
    assert server.stdout is not None
    return (await server.stdout.readline()).decode().strip()


@asynccontextmanager
async def client(endpoint: str, secret: str = "local-ecr-secret-key") -> AsyncIterator[ecr.Service]:
    session = ecr.Session(
        endpoint_url=endpoint,
        region="us-east-1",
        access_key_id="AKIALOCALECR00000000",
        secret_access_key=secret,
    )
    async with session:
        yield session.service()


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_serve_prints_its_endpoint_and_works_until_a_signal_ends_it(end: signal.Signals) -> None:
    async with started(*COMMAND, "serve", env=environment()) as server:
        endpoint = await endpoint_of(server)
        async with aiohttp.ClientSession() as http, http.get(f"{endpoint}/_local/health") as health:
            assert health.status == 200
        server.send_signal(end)
        out, err = await server.communicate()
    assert (server.returncode, out, err) == (0, b"", b"")


async def test_serve_keeps_its_state_in_a_folder(tmp_path: Path) -> None:
    serve = *COMMAND, "serve", "--data", tmp_path
    async with started(*serve, env=environment()) as server, client(await endpoint_of(server)) as service:
        await create(service)
        server.terminate()
        await server.wait()
    async with started(*serve, env=environment()) as server, client(await endpoint_of(server)) as service:
        response = await ecr.describe_repositories(service, ecr.DescribeRepositoriesRequest())
    assert [repository.repository_name for repository in response.repositories] == ["team/app"]


async def test_serve_can_take_signatures_and_layers_on_trust() -> None:
    serve = *COMMAND, "serve", "--no-verify-signatures", "--no-verify-layers"
    async with (
        started(*serve, env=environment()) as server,
        client(await endpoint_of(server), secret="any") as service,
    ):
        await create(service)
        pushed = await ecr.put_image(service, ecr.PutImageRequest("team/app", manifest(b"never uploaded")))
    assert pushed.image is not None


async def test_serve_on_a_port_in_use_is_one_line(local: LocalECR) -> None:
    finished = await run(*COMMAND, "serve", "--port", str(local.url.port), env=environment())
    assert finished.status == 1
    assert "cannot listen on port" in finished.err
    assert len(finished.err.splitlines()) == 1


# ---------------------------------------------------------------------------- scan


async def test_scan_prints_one_line_of_json_where_there_is_no_terminal(local: LocalECR) -> None:
    finished = await run(*COMMAND, "scan", env=environment(local))
    assert (finished.status, finished.err) == (0, "")
    summary = json.loads(finished.out)
    assert len(finished.out.splitlines()) == 1
    assert {name: summary[name] for name in ("repositories", "scanned", "images")} == {
        "repositories": 2,
        "scanned": 2,
        "images": 4,
    }


async def test_scan_shows_tables_on_a_terminal(local: LocalECR) -> None:
    finished = await run_on_terminal(*COMMAND, "scan", env=environment(local, NO_COLOR="1"))
    assert finished.status == 0
    assert "Scanning" in finished.out
    assert "team/app" in finished.out
    assert "2 scanned" in finished.out
    assert "25% of the images" in finished.out


@pytest.mark.parametrize(
    ("arguments", "images"),
    [
        (["--repository", "team/*"], 3),
        (["--repository", "team/app", "--repository", "other/*"], 4),
        (["--tag-status", "untagged"], 1),
        (["--region", "eu-west-1"], 1),
        (["--region", "eu-west-1", "--region", "us-east-1"], 5),
        (["--concurrency", "1"], 4),
    ],
)
async def test_scan_selects_images_by_its_options(local: LocalECR, arguments: list[str], images: int) -> None:
    finished = await run(*COMMAND, "scan", *arguments, env=environment(local))
    assert (finished.status, finished.err) == (0, "")
    assert json.loads(finished.out)["images"] == images


async def test_scan_takes_several_profiles(local: LocalECR, tmp_path: Path) -> None:
    keys = f"aws_access_key_id = {local.access_key_id}\naws_secret_access_key = {local.secret_access_key}\n"
    config = tmp_path / "config"
    config.write_text(f"[profile one]\nregion = us-east-1\n{keys}[profile two]\nregion = eu-west-1\n{keys}")
    variables = environment(local, AWS_CONFIG_FILE=str(config))
    del variables["AWS_REGION"]
    profiles = "--profile", "one", "--profile", "two"
    finished = await run(*COMMAND, "scan", *profiles, env=variables)
    assert (finished.status, finished.err) == (0, "")
    assert json.loads(finished.out)["images"] == 5


async def test_scan_writes_json_lines(local: LocalECR, tmp_path: Path) -> None:
    output = tmp_path / "images.jsonl"
    finished = await run(
        *COMMAND, "scan", "--repository", "team/*", "--output", output, env=environment(local)
    )
    assert finished.status == 0
    images = [json.loads(line) for line in output.read_text().splitlines()]
    assert sorted(image["tags"] for image in images) == [[], ["1.0"], ["main"]]
    assert {(image["region"], image["repository"]) for image in images} == {("us-east-1", "team/app")}


async def test_scan_writes_parquet_where_the_name_says_so(local: LocalECR, tmp_path: Path) -> None:
    output = tmp_path / "images.parquet"
    finished = await run(*COMMAND, "scan", "--output", output, env=environment(local))
    assert finished.status == 0
    assert json.loads(finished.out)["images"] == pyarrow.parquet.read_metadata(output).num_rows == 4


async def test_a_scan_with_a_finished_checkpoint_starts_over(local: LocalECR, tmp_path: Path) -> None:
    files = "--output", str(tmp_path / "images.jsonl"), "--checkpoint", str(tmp_path / "checkpoint")
    first = await run(*COMMAND, "scan", *files, env=environment(local))
    second = await run(*COMMAND, "scan", *files, env=environment(local))
    assert (first.status, second.status) == (0, 0)
    assert json.loads(first.out)["images"] == json.loads(second.out)["images"] == 4
    assert len((tmp_path / "images.jsonl").read_text().splitlines()) == 4


async def test_scan_fails_where_no_registry_has_a_repository_that_is_named(local: LocalECR) -> None:
    regions = "--region", "us-east-1", "--region", "eu-west-1"
    names = "--repository", "other/app", "--repository", "team/gone"
    finished = await run(*COMMAND, "scan", *names, *regions, env=environment(local))
    assert finished.status == 1
    assert finished.err == "team/gone: there is no such repository in us-east-1, eu-west-1\n"
    assert json.loads(finished.out)["vanished"] == 3


@pytest.mark.parametrize("arguments", [["--repository", "nosuch*"], ["--region", "sa-east-1"]])
async def test_scan_says_in_a_sentence_that_there_is_nothing(local: LocalECR, arguments: list[str]) -> None:
    finished = await run(*COMMAND, "scan", *arguments, env=environment(local))
    assert finished.status == 0
    assert "there are no repositories to scan in" in finished.err
    assert len(finished.err.splitlines()) == 1


async def test_scan_has_the_totals_of_each_region_those_that_fail_included(
    local: LocalECR, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.write_text(
        f"[profile good]\nregion = eu-west-1\naws_access_key_id = {local.access_key_id}\n"
        f"aws_secret_access_key = {local.secret_access_key}\n"
        f"[profile bad]\nregion = us-east-1\naws_access_key_id = {local.access_key_id}\n"
        "aws_secret_access_key = wrong\n"
    )
    variables = environment(local, AWS_CONFIG_FILE=str(config))
    del variables["AWS_REGION"]
    finished = await run(*COMMAND, "scan", "--profile", "good", "--profile", "bad", env=variables)
    assert finished.status == 1
    registries = json.loads(finished.out)["registries"]
    assert registries["good/eu-west-1"] == {"repositories": 1, "images": 1, "bytes": 2, "failures": 0}
    assert registries["bad/us-east-1"]["failures"] == 1


async def test_scan_fails_where_something_could_not_be_scanned(local: LocalECR) -> None:
    wrong = environment(local, AWS_SECRET_ACCESS_KEY="not this one")
    finished = await run(*COMMAND, "scan", env=wrong)
    assert finished.status == 1
    assert "InvalidSignatureException" in finished.err
    assert len(finished.err.splitlines()) == 1
    assert json.loads(finished.out)["failed_listings"] == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "no AWS region"),
        (["--region", "us-east-1", "--output", "no/such/folder/images.jsonl"], "No such file"),
        (["--region", "us-east-1", "--output", "i.parquet", "--checkpoint", "c"], "without a checkpoint"),
    ],
)
async def test_scan_says_in_a_line_why_it_cannot_begin(arguments: list[str], said: str) -> None:
    finished = await run(*COMMAND, "scan", *arguments, env=environment())
    assert finished.status == 1
    assert said in finished.err
    assert len(finished.err.splitlines()) == 1
    assert "Traceback" not in finished.err


class Endless:
    """Stands before an ECR: its listing has no end, so that a scan goes on until it is ended."""

    def __init__(self) -> None:
        self.pages = 0
        self.is_under_way = asyncio.Event()

    @web.middleware
    async def respond(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        operation = request.headers.get("X-Amz-Target", "").partition(".")[2]
        body = json.loads(await request.read())
        if operation == "DescribeRepositories":
            token = body.get("nextToken", "0")
            names = [{"repositoryName": f"endless-{token}"}]
            return web.json_response({"repositories": names, "nextToken": str(int(token) + 1)})
        self.pages += 1
        if self.pages == 300:  # by then a Parquet file has its first row group
            self.is_under_way.set()
        return web.json_response({"imageDetails": [{"imageSizeInBytes": 1}] * 1000})


@pytest.fixture
async def endless(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[LocalECR, Endless]]:
    endless = Endless()

    def made(*arguments: Any) -> web.Application:
        application = make_application(*arguments)
        application.middlewares.append(endless.respond)
        return application

    async with contextlib.AsyncExitStack() as stack:
        with monkeypatch.context() as patch:
            patch.setattr(embedded, "make_application", made)
            local = await stack.enter_async_context(LocalECR())
        yield local, endless


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
@pytest.mark.parametrize("name", ["images.parquet", "images.jsonl"])
async def test_a_signal_ends_a_scan_and_nothing_is_left(
    endless: tuple[LocalECR, Endless], tmp_path: Path, end: signal.Signals, name: str
) -> None:
    scan = *COMMAND, "scan", "--output", tmp_path / name
    async with started(*scan, env=environment(endless[0])) as process:
        await endless[1].is_under_way.wait()
        assert [path.startswith(f".{name}.") for path in os.listdir(tmp_path)] == [True]
        process.send_signal(end)
        _, err = await process.communicate()
    assert process.returncode == 128 + end
    assert err.decode() == f"ecr-async: ended by {end.name}\n"
    assert os.listdir(tmp_path) == []


async def test_what_a_killed_scan_leaves_is_removed_by_the_next(
    endless: tuple[LocalECR, Endless], local: LocalECR, tmp_path: Path
) -> None:
    scan = *COMMAND, "scan", "--output", tmp_path / "images.jsonl"
    async with started(*scan, env=environment(endless[0])) as process:
        await endless[1].is_under_way.wait()
        process.kill()
    assert [path.startswith(".images.jsonl.") for path in os.listdir(tmp_path)] == [True]
    assert (await run(*scan, env=environment(local))).status == 0
    assert os.listdir(tmp_path) == ["images.jsonl"]
