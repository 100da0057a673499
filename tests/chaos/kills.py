"""`make chaos` kills processes, too: in the middle of pushes, pulls, syncs and scans, with SIGKILL.

A job is killed up to three times, each time when a random number of bytes has passed, and then finished.
Afterwards everything is there exactly once, and no byte that the server or the disk had already was moved
again: for a push and a sync by what the server accepted, for a pull by what it served.

Every other job meets a server that misbehaves until its last run: it may fail then, with an error of the
library's, and what was lost on its way may be moved again.
"""

import argparse
import asyncio
import json
import multiprocessing
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
from aiohttp import web

import ecr_async as ecr
from ecr_async.local import LocalECR
from tests.chaos import jobs
from tests.chaos.jobs import FAILED, JOBS, Job
from tests.integration.transfer.layouts import files_of, image, noise, write_layout
from tests.integration.transfer.proxy import MIB, Proxy, proxied

__all__ = ["Kills", "kill"]

SECONDS_MAX = 60
"""How long a job may take, and a process may go on, on a machine that has other things to do."""

PATIENCE = 4
"""Seconds after which a job gives up an attempt, where the server stalls now and then."""

MADE = image(noise(11 * MIB, 1), noise(MIB, 2), noise(20_000, 3))
SYNCED = [MADE, image(noise(11 * MIB, 1), noise(50_000, 4)), image(noise(60_000, 5))]
SCANNED = {f"team-{number % 3}/app-{number:02}": number * 4 for number in range(16)}

processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload([jobs.__name__])


def size_of(*made: Any) -> int:
    """Return the bytes of all blobs, each once."""
    return sum(map(len, {digest: blob for each in made for digest, blob in each.blobs.items()}.values()))


PASSING = {
    "push": size_of(MADE) * 4 // 3,
    "pull": size_of(MADE),
    "sync": size_of(*SYNCED) * 7 // 3,
    "scan": 10_000,
}
"""The bytes that pass for each job, about: layers in base64, layers as they are, both, and requests only."""


class RoughProxy(Proxy):
    """One that drops, stalls, throttles and fails a share of the requests while it is `rough`."""

    def __init__(self, upstream: str, chance: random.Random) -> None:
        super().__init__(upstream)
        self.rough = 0.0
        self._chance = chance

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if self._chance.random() >= self.rough:
            return await super().handle(request)
        match self._chance.choice(["drop", "lose", "stall", "throttle", "fail"]):
            case "throttle":
                return web.json_response({"__type": "ThrottlingException"}, status=400)
            case "fail":
                return web.Response(status=self._chance.choice([500, 502, 503]), text="<html>")
            case "stall":
                await asyncio.sleep(2 * PATIENCE)
            case "lose":
                await super().handle(request)
        if request.transport is not None:  # whose process is still there
            request.transport.abort()
        return web.Response()


@attrs.define
class Kills:
    """Kills processes that work at one server, and counts."""

    proxy: RoughProxy
    local: LocalECR
    folder: Path
    chance: random.Random
    killed: Counter[str] = attrs.field(factory=Counter[str])
    done: Counter[str] = attrs.field(factory=Counter[str])

    async def round(self, kind: str) -> None:
        """Kill one job up to three times, and have it done."""
        number = self.done.total()
        rough = self.chance.choice([0, 0, 0.05, 0.2])
        timeout = PATIENCE if rough else SECONDS_MAX
        job = Job(kind, self.proxy.url, self.folder / str(number), f"kills/{kind}-{number}", timeout)
        job.folder.mkdir()
        await self._prepare(job)
        self.proxy.accepted = self.proxy.served = 0
        self.proxy.rough = rough
        for _ in range(self.chance.randint(1, 3)):
            await self._kill(job, self.chance.randrange(PASSING[kind]))
        there = _size_on_disk(job)
        self.proxy.served = 0
        self.proxy.rough = 0
        self.proxy.expect(1 << 60)
        assert await self._run(job) == 0, f"{job} fails after it was killed"
        await self._check(job, there, may_repeat=rough > 0)
        shutil.rmtree(job.folder)
        for region in (
            [] if kind == "scan" else ["us-east-1"] if kind != "sync" else ["us-east-1", "eu-west-1"]
        ):
            await self.local.call(ecr.DeleteRepositoryRequest(job.repository, force=True), region=region)
        self.done[kind] += 1

    async def _prepare(self, job: Job) -> None:
        if job.kind == "scan":
            return
        await self.local.call(ecr.CreateRepositoryRequest(job.repository))
        async with job.session() as session:
            for number, made in enumerate(SYNCED if job.kind == "sync" else [MADE], 1):
                source = write_layout(job.folder / ("in" if number == 1 else f"in-{number}"), [("v1", made)])
                if job.kind != "push":
                    await ecr.push_image(session.service(), source, job.repository, tags=[f"v{number}"])

    async def _kill(self, job: Job, threshold: int) -> None:
        self.proxy.expect(threshold)
        process = processes.Process(target=jobs.do, args=(job,))
        process.start()
        ended = asyncio.create_task(asyncio.to_thread(process.join, SECONDS_MAX))
        enough = asyncio.create_task(self.proxy.enough.wait())
        await asyncio.wait([ended, enough], return_when=asyncio.FIRST_COMPLETED)
        enough.cancel()
        process.kill()
        await ended
        ends = (0, -9, FAILED) if self.proxy.rough else (0, -9)
        assert process.exitcode in ends, f"{job} ends with {process.exitcode}"
        self.killed[job.kind] += process.exitcode == -9
        await asyncio.sleep(0.02)  # in which the proxy passes on what it had in hand

    async def _run(self, job: Job) -> int | None:
        process = processes.Process(target=jobs.do, args=(job,))
        process.start()
        await asyncio.to_thread(process.join, SECONDS_MAX)
        return process.exitcode

    async def _check(self, job: Job, there: int, *, may_repeat: bool) -> None:
        match job.kind:
            case "push":
                accepted = self.proxy.accepted
                assert accepted == size_of(MADE) or may_repeat, f"{job}: {accepted:,} bytes sent"
                assert await self._listed(job, "us-east-1") == {"v1": MADE.digest}
            case "pull":
                assert self.proxy.served == size_of(MADE) - there, (
                    f"{job}: {self.proxy.served:,} bytes served"
                )
                expected = {f"blobs/{digest.replace(':', '/')}": blob for digest, blob in MADE.all.items()}
                assert expected.items() <= _pulled(job).items()
            case "sync":
                accepted = self.proxy.accepted
                assert accepted == size_of(*SYNCED) or may_repeat, f"{job}: {accepted:,} bytes sent"
                tags = {f"v{number}": made.digest for number, made in enumerate(SYNCED, 1)}
                assert await self._listed(job, "eu-west-1") == tags
            case _:
                lines = map(json.loads, (job.folder / "images.jsonl").read_bytes().splitlines())
                found = Counter((line["repository"], line["digest"]) for line in lines)
                assert max(found.values()) == 1, f"{job} has images twice"
                assert Counter(name for name, _ in found if name in SCANNED) == Counter(
                    {name: size for name, size in SCANNED.items() if size}
                )

    async def _listed(self, job: Job, region: str) -> dict[str | None, str | None]:
        response = await self.local.call(ecr.ListImagesRequest(job.repository), region=region)
        return {each.image_tag: each.image_digest for each in response.image_ids}


def _pulled(job: Job) -> dict[str, bytes]:
    """Return the files that a pull has written, finished or not."""
    return files_of(job.folder / "out") if (job.folder / "out").exists() else {}


def _size_on_disk(job: Job) -> int:
    """Return how many bytes of layers these have."""
    others = {"oci-layout", "index.json", f"blobs/{MADE.digest.replace(':', '/')}"}
    return sum(len(content) for name, content in _pulled(job).items() if name not in others)


@asynccontextmanager
async def opened(chance: random.Random) -> AsyncIterator[Kills]:
    """Serve a registry with images to scan, for as long as the block lasts."""
    with tempfile.TemporaryDirectory() as folder:
        async with (
            LocalECR(verify_layers=False) as local,
            proxied(RoughProxy(local.endpoint_url, chance)) as proxy,
        ):
            for name, size in SCANNED.items():
                await local.call(ecr.CreateRepositoryRequest(name))
                for number in range(size):
                    manifest = image(b"x", annotations={"number": f"{name}/{number}"}).content.decode()
                    await local.call(ecr.PutImageRequest(name, manifest, image_tag=f"v{number}"))
            yield Kills(proxy, local, Path(folder), chance)


async def kill(number: int, seed: int) -> Kills:
    """Kill so many processes."""
    chance = random.Random(seed)
    async with opened(chance) as kills:
        while kills.killed.total() < number:
            await kills.round(chance.choice(list(JOBS)))
    return kills


def main() -> None:
    """Run, and print what happened."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.kills", description="Kill processes.")
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**6)
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    started = time.perf_counter()
    kills = asyncio.run(kill(arguments.kills, arguments.seed))
    print(f"{kills.killed.total():,} kills in {time.perf_counter() - started:.0f} s\n")
    print("| job | done | killed |\n| --- | ---: | ---: |")
    for kind in JOBS:
        print(f"| {kind} | {kills.done[kind]:,} | {kills.killed[kind]:,} |")
    print("\neverything there exactly once, and nothing moved twice")


if __name__ == "__main__":
    main()
