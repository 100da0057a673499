"""Processes killed in the middle of a push, a pull and a sync: the next one moves what is missing, and no
more.

`make test-kills` does it at 30 moments, `make test` at five. The bytes are counted by a proxy in front of the
embedded ECR, which also says when: as soon as a random number of them has passed.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from random import Random

import pytest

import ecr_async as ecr
from ecr_async.local import LocalECR
from tests.integration.subprocesses import COMMAND, environment, run, started
from tests.integration.transfer.layouts import Made, files_of, image, noise, pack, write_layout
from tests.integration.transfer.proxy import Proxy, proxied

MIB = 1024 * 1024
KILLS = int(os.environ.get("TRANSFER_KILLS", "5"))
SEEDS = range(max(KILLS // 3, 1))

MADE = image(noise(23 * MIB, 1), noise(12 * MIB, 2), noise(3 * MIB, 3))
TOTAL = sum(map(len, MADE.blobs.values()))


@pytest.fixture
async def proxy(local: LocalECR) -> AsyncIterator[Proxy]:
    async with proxied(Proxy(local.endpoint_url)) as proxy:
        yield proxy


def env_of(local: LocalECR, proxy: Proxy, state: Path) -> Mapping[str, str]:
    return environment(local, AWS_ENDPOINT_URL_ECR=proxy.url, XDG_STATE_HOME=str(state))


async def killed(proxy: Proxy, threshold: int, *arguments: str | Path, env: Mapping[str, str]) -> None:
    """Run a command, and kill it when so many bytes have passed."""
    proxy.expect(threshold)
    async with started(*COMMAND, *arguments, env=env) as process:
        ended = asyncio.create_task(process.wait())
        enough = asyncio.create_task(proxy.enough.wait())
        await asyncio.wait([ended, enough], return_when=asyncio.FIRST_COMPLETED)
        enough.cancel()
        assert process.returncode is None, (await process.communicate())[1].decode()
        process.kill()
        await ended


async def finished(*arguments: str | Path, env: Mapping[str, str]) -> str:
    done = await run(*COMMAND, *arguments, env=env)
    assert (done.status, done.err) == (0, "")
    return done.out


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_push(
    local: LocalECR,
    service: ecr.Service,
    repository: str,
    proxy: Proxy,
    state: Path,
    tmp_path: Path,
    seed: int,
) -> None:
    env = env_of(local, proxy, state)
    source = write_layout(tmp_path / "in", [("v1", MADE)])
    command = "push", source, "team/app:v1"
    await killed(proxy, Random(seed).randrange(TOTAL), *command, env=env)
    await finished(*command, env=env)
    assert proxy.accepted == TOTAL
    await ecr.pull_image(service, repository, "v1", tmp_path / "out")
    assert set(files_of(source)) == set(files_of(tmp_path / "out"))


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_pull(
    local: LocalECR,
    service: ecr.Service,
    repository: str,
    proxy: Proxy,
    state: Path,
    tmp_path: Path,
    seed: int,
) -> None:
    env = env_of(local, proxy, state)
    source = write_layout(tmp_path / "in", [("v1", MADE)])
    await ecr.push_image(service, source, repository, tags=["v1"])
    command = "pull", "team/app:v1", tmp_path / "out"
    await killed(proxy, Random(seed).randrange(TOTAL), *command, env=env)
    there = sum(len(content) for name, content in files_of(tmp_path / "out").items() if name != "oci-layout")
    proxy.served = 0
    await finished(*command, env=env)
    assert proxy.served == TOTAL - there
    assert set(files_of(source)) == set(files_of(tmp_path / "out"))


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_sync(
    local: LocalECR,
    service: ecr.Service,
    repository: str,
    proxy: Proxy,
    state: Path,
    tmp_path: Path,
    seed: int,
) -> None:
    images: list[Made] = [image(noise(6 * MIB, 9), noise(MIB * each, each)) for each in range(1, 7)]
    for number, made in enumerate(images):
        source = write_layout(tmp_path / str(number), [(None, made)])
        await ecr.push_image(service, source, repository, tags=[f"v{number}"])
    blobs = {digest: content for made in images for digest, content in made.blobs.items()}
    total = sum(map(len, blobs.values()))
    env = env_of(local, proxy, state)
    command = (
        "sync",
        "--to-region",
        "eu-west-1",
        "--create-like-source",
        "--checkpoint",
        tmp_path / "checkpoint",
    )
    await killed(proxy, Random(seed).randrange(total), *command, env=env)
    await finished(*command, env=env)
    assert proxy.accepted == total
    async with local.session(region="eu-west-1") as session:
        listed = await ecr.list_images(session.service(), ecr.ListImagesRequest(repository))
    assert {each.image_tag: each.image_digest for each in listed.image_ids} == {
        f"v{number}": made.digest for number, made in enumerate(images)
    }


async def test_the_archive_that_a_killed_push_unpacked(
    local: LocalECR, repository: str, proxy: Proxy, state: Path, tmp_path: Path
) -> None:
    """Nobody else would ever remove it, and it is as large as the image."""
    archive = pack(write_layout(tmp_path / "in", [("v1", MADE)]), tmp_path / "in.tar.gz", "w:gz")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    env = dict(env_of(local, proxy, state)) | {"TMPDIR": str(temporary)}
    command = "push", archive, f"{repository}:v1"
    await killed(proxy, TOTAL // 2, *command, env=env)
    (left,) = temporary.iterdir()
    assert sum(path.stat().st_size for path in left.iterdir()) > TOTAL
    long_ago = (left / "ecr.lock").stat().st_mtime - 3600
    os.utime(left / "ecr.lock", (long_ago, long_ago))
    await finished(*command, env=env)
    assert list(temporary.iterdir()) == []
