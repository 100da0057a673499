"""`make bench-transfer`: images pushed, pulled, copied and synchronised, beside skopeo and beside the floor.

The floor is the least that the work takes with the same HTTP library: for a push read, base64, SHA-256 and
POST; for a pull GET, SHA-256 and write. Each is a process of its own, so that CPU time and memory are its
own. Against a server that only counts bytes CPU time is compared; against the embedded ECR, time on the
clock. Both sides take turns, and the ratio is the median of all rounds', so that what else the machine does
meanwhile is everybody's burden.
"""

import argparse
import asyncio
import base64
import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from io import FileIO
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, Self

import aiohttp
import attrs
from aiohttp import web
from pybase64 import b64encode

import ecr_async as ecr
from ecr_async.local import LocalECR

MIB = 1024 * 1024
LAYERS = 8
PART = 10 * MIB
CONCURRENCY = 4
REGION, ELSEWHERE = "us-east-1", "eu-west-1"
ACCOUNT = "123456789012"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
KEYS = {
    "access_key_id": "AKIALOCALECR00000000",
    "secret_access_key": "local-ecr-secret-key",
    "region": REGION,
}
SCHEDULED = Path("/proc/thread-self/schedstat")
TICK = 0.002
"""Seconds between two looks for stalls: often enough to see them, and too seldom to cost much."""
MAX_ROUNDS = 9
UPLOAD_ID = "00000000-0000-0000-0000-000000000000"


def make_layout(folder: Path, mebibytes: int) -> None:
    """Write a layout with one image, as v1, of layers that are gzipped but don't get smaller by that.

    skopeo would compress layers that aren't, and compare apples with pears.
    """
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    random = Random(1)
    layers: list[dict[str, Any]] = []
    for _ in range(LAYERS):
        hashed, temporary = hashlib.sha256(), blobs / "new"
        stored = zlib.compressobj(0, wbits=31)
        with temporary.open("wb") as file:
            for _ in range(mebibytes // LAYERS):
                block = stored.compress(random.randbytes(MIB))
                hashed.update(block)
                file.write(block)
            block = stored.flush()
            hashed.update(block)
            file.write(block)
            size = file.tell()
        temporary.rename(blobs / hashed.hexdigest())
        layers.append(
            {
                "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
                "digest": f"sha256:{hashed.hexdigest()}",
                "size": size,
            }
        )

    def write(content: bytes, media_type: str) -> dict[str, Any]:
        digest = hashlib.sha256(content).hexdigest()
        (blobs / digest).write_bytes(content)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}

    config = write(
        b'{"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": []}}',
        "application/vnd.oci.image.config.v1+json",
    )
    document = {"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": config, "layers": layers}
    entry = write(json.dumps(document).encode(), MANIFEST_TYPE)
    entry["annotations"] = {"org.opencontainers.image.ref.name": "v1"}
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))


def layers_of(layout: Path) -> list[Path]:
    """Return the files of a layout's layers."""
    return [path for path in (layout / "blobs" / "sha256").iterdir() if path.stat().st_size >= MIB]


# ---------------------------------------------------------------------------- a server that only counts


async def serve_counting(layout: Path) -> None:
    """Serve what a push and a pull need, and keep nothing of what comes."""
    blobs = layout / "blobs" / "sha256"
    (entry,) = json.loads((layout / "index.json").read_text())["manifests"]
    image = {
        "imageId": {"imageDigest": entry["digest"]},
        "imageManifest": (blobs / entry["digest"][7:]).read_text(),
        "imageManifestMediaType": MANIFEST_TYPE,
    }

    def response_to(operation: str, request: dict[str, Any]) -> dict[str, Any]:
        match operation:
            case "InitiateLayerUpload":
                return {"uploadId": UPLOAD_ID, "partSize": PART}
            case "BatchCheckLayerAvailability":
                digests = request["layerDigests"]
                return {
                    "layers": [{"layerDigest": each, "layerAvailability": "UNAVAILABLE"} for each in digests]
                }
            case "BatchGetImage":
                return {"images": [image], "failures": []}
            case "GetDownloadUrlForLayer":
                return {"downloadUrl": f"{url}/layers/{request['layerDigest'][7:]}"}
            case _:
                return {}

    async def call(request: web.Request) -> web.Response:
        operation = request.headers["X-Amz-Target"].partition(".")[2]
        if operation != "UploadLayerPart":
            return web.json_response(response_to(operation, json.loads(await request.read())))
        async for _ in request.content.iter_any():
            pass
        return web.json_response({})

    async def layer(request: web.Request) -> web.FileResponse:
        return web.FileResponse(blobs / request.match_info["name"])

    application = web.Application(client_max_size=64 * MIB)
    application.router.add_post("/", call)
    application.router.add_get("/layers/{name}", layer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    url = f"http://{host}:{port}"
    print(url, flush=True)
    await asyncio.Event().wait()


async def serve_embedded(data: Path) -> None:
    """Serve the embedded ECR with the repositories of this benchmark, and say how skopeo logs in."""
    async with LocalECR(data=data) as local, local.session() as session:
        for region in (REGION, ELSEWHERE):
            for side in ("ours", "skopeo"):
                for number in range(MAX_ROUNDS):
                    name = f"bench/{side}-{number}"
                    await ecr.create_repository(session.service(region), ecr.CreateRepositoryRequest(name))
        logins = [await ecr.registry_credentials(session.service(each)) for each in (REGION, ELSEWHERE)]
        print(local.endpoint_url, *(login.basic for login in logins), flush=True)
        await asyncio.Event().wait()


# ---------------------------------------------------------------------------- what is measured


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[ecr.Service]:
    async with ecr.Session(endpoint_url=url, **KEYS) as session:
        yield session.service()


async def push_ours(url: str, layout: Path, repository: str) -> None:
    """Push with this library."""
    async with opened(url) as service:
        await ecr.push_image(service, layout, repository, tags=["v1"], resume=False)


async def pull_ours(url: str, out: Path, repository: str) -> None:
    """Pull with this library."""
    async with opened(url) as service:
        await ecr.pull_image(service, repository, "v1", out)


async def copy_ours(url: str, _: Path, repository: str) -> None:
    """Copy to another region with this library."""
    async with opened(url) as service, ecr.Session(endpoint_url=url, **KEYS) as session:
        there = session.service(ELSEWHERE)
        await ecr.copy_image(service, "bench/ours-0", "v1", there, repository, resume=False)


async def in_parallel(paths: list[Path], work: Callable[[Path], Awaitable[None]]) -> None:
    waiting = iter(paths)

    async def worker() -> None:
        for path in waiting:
            await work(path)

    await asyncio.gather(*(worker() for _ in range(CONCURRENCY)))


async def push_floor(url: str, layout: Path, _: str) -> None:
    """Read, base64, SHA-256 and POST."""

    def read(path: Path, first: int) -> bytes:
        with path.open("rb") as file:
            file.seek(first)
            body = b64encode(file.read(PART))
        hashlib.sha256(body).hexdigest()
        return body

    async def send(path: Path) -> None:
        for first in range(0, path.stat().st_size, PART):
            body = await asyncio.to_thread(read, path, first)
            headers = {"X-Amz-Target": "floor.UploadLayerPart"}
            async with client.post(
                url, data=aiohttp.payload.BytesIOPayload(_stream(body)), headers=headers
            ) as reply:
                await reply.read()

    async with aiohttp.ClientSession() as client:
        await in_parallel(layers_of(layout), send)


async def pull_floor(url: str, out: Path, _: str) -> None:
    """GET, SHA-256 and write."""
    out.mkdir()

    def take(file: Any, hashed: Any, data: bytes) -> None:
        hashed.update(data)
        file.write(data)

    async def fetch(path: Path) -> None:
        hashed = hashlib.sha256()
        with (out / path.name).open("wb", buffering=0) as file:
            async with client.get(f"{url}/layers/{path.name}") as reply:
                async for data in reply.content.iter_chunked(MIB):
                    await asyncio.to_thread(take, file, hashed, data)
            await asyncio.to_thread(os.fsync, file.fileno())

    async with aiohttp.ClientSession(read_bufsize=MIB) as client:
        await in_parallel(layers_of(out.parent / "layout"), fetch)


def _stream(body: bytes) -> Any:
    import io  # noqa: PLC0415

    return io.BytesIO(body)


WORK = {
    "push": push_ours,
    "pull": pull_ours,
    "copy": copy_ours,
    "push-floor": push_floor,
    "pull-floor": pull_floor,
}


@attrs.define
class Stalls:
    """The longest that the event loop was held up, in seconds."""

    wall: float = 0.0
    """By the clock, also where other programs had the processor."""
    ours: float = 0.0
    """Without what the loop's thread waited for a processor."""
    cpu: float = 0.0
    """No more than the loop's thread itself was on a processor, which other programs hardly change."""

    async def watch(self) -> None:
        """Look now and then how late a timer is, until this is cancelled."""
        with _opened_unless_missing(SCHEDULED) as scheduled:

            def times() -> tuple[float, float, float]:
                return time.perf_counter(), seconds_queued(scheduled), time.thread_time()

            began, queued, busy = times()
            while True:
                await asyncio.sleep(TICK)
                now, queued_now, busy_now = times()
                late = now - began - TICK
                self.wall = max(self.wall, late)
                self.ours = max(self.ours, late - (queued_now - queued))
                self.cpu = max(self.cpu, min(late, busy_now - busy))
                began, queued, busy = now, queued_now, busy_now


def _opened_unless_missing(path: Path) -> AbstractContextManager[FileIO | None]:
    return path.open("rb", buffering=0) if path.exists() else nullcontext()


def seconds_queued(scheduled: FileIO | None) -> float:
    """Return how long this thread was ready to run and did not; 0 where the system doesn't say."""
    return 0.0 if scheduled is None else int(os.pread(scheduled.fileno(), 64, 0).split()[1]) / 1e9


async def measured(work: Awaitable[None]) -> dict[str, float]:
    """Do the work; return its seconds, CPU seconds, MiB of memory at most, and stalls in milliseconds."""
    stalls = Stalls()
    watching = asyncio.create_task(stalls.watch())
    used, began = time.process_time(), time.perf_counter()
    await work
    seconds, cpu = time.perf_counter() - began, time.process_time() - used
    watching.cancel()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "seconds": seconds,
        "cpu": cpu,
        "memory": memory,
        **{f"stall_{name}": value * 1000 for name, value in attrs.asdict(stalls).items()},
    }


# ---------------------------------------------------------------------------- the run


def in_process(work: str, url: str, path: Path, repository: str = "bench/app") -> dict[str, float]:
    command = [sys.executable, __file__, "--worker", work, url, str(path), repository]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def skopeo(*arguments: str) -> dict[str, float]:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    options = "--insecure-policy", "copy", "--src-tls-verify=false", "--dest-tls-verify=false"
    subprocess.run(["skopeo", *options, *arguments], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": time.perf_counter() - began, "cpu": cpu}


class Server:
    """A server in a process of its own."""

    def __init__(self, kind: str, path: Path) -> None:
        command = [sys.executable, __file__, "--serve", kind, str(path)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.said = self._process.stdout.readline().split()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()

    def cpu(self) -> float:
        """Return the CPU seconds that the server has used; 0 where the system doesn't say."""
        try:
            fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


Measure = Callable[[int], dict[str, float]]


def show(what: str, result: dict[str, float]) -> None:
    numbers = f"{result['seconds']:6.2f} s  {result['cpu']:6.2f} s CPU  {result['server']:6.2f} s server's"
    if "memory" in result:
        stalls = (
            f"{result['stall_ours']:.1f} ms ({result['stall_wall']:.1f} with other programs, "
            f"{result['stall_cpu']:.1f} of CPU)"
        )
        numbers += f"  {result['memory']:5.0f} MiB  longest stall {stalls}"
    print(f"{what:28} {numbers}", flush=True)


def compare(
    server: Server, rounds: int, key: str, ours: tuple[str, Measure], theirs: tuple[str, Measure]
) -> None:
    """Measure two sides in turn, and print the best round of each and the median of the ratios."""

    def measure(work: Measure, number: int) -> dict[str, float]:
        before = server.cpu()
        return work(number) | {"server": server.cpu() - before}

    found = [(measure(ours[1], number), measure(theirs[1], number)) for number in range(rounds)]
    for name, results in zip((ours[0], theirs[0]), zip(*found, strict=True), strict=True):
        best = min(results, key=lambda result: result[key])
        worst = {
            each: max(result[each] for result in results)
            for each in ("memory", "stall_wall", "stall_ours", "stall_cpu")
            if each in best
        }
        show(name, best | worst)
    ratio = median(mine[key] / other[key] for mine, other in found)
    print(f"{'':28} {ratio:.2f} times the other's {'CPU' if key == 'cpu' else 'time'}", flush=True)


def run(folder: Path, mebibytes: int, rounds: int) -> None:
    """Measure everything and print it."""
    layout, out = folder / "layout", folder / "out"
    make_layout(layout, mebibytes)
    print(f"{mebibytes} MiB in {LAYERS} layers, {CONCURRENCY} at a time; the best of {rounds} rounds each\n")

    def emptied() -> Path:
        shutil.rmtree(out, ignore_errors=True)
        return out

    print("Against a server that only counts bytes")
    with Server("counting", layout) as server:
        (url,) = server.said
        for verb, path in (("push", lambda: layout), ("pull", emptied)):
            compare(
                server,
                rounds,
                "cpu",
                (f"{verb}, ecr-async", lambda _: in_process(verb, url, path())),  # noqa: B023
                (f"{verb}, the floor", lambda _: in_process(f"{verb}-floor", url, path())),  # noqa: B023
            )
    print("\nAgainst the embedded ECR")
    with Server("embedded", folder / "data") as server:
        url, *logins = server.said
        creds, creds_there = (base64.b64decode(login).decode() for login in logins)
        host = url.partition("//")[2]
        there = f"{host}/{ACCOUNT}/{ELSEWHERE}"
        first = f"docker://{host}/bench/ours-0:v1"

        def pushed_by_skopeo(number: int) -> dict[str, float]:
            target = f"docker://{host}/bench/skopeo-{number}:v1"
            return skopeo("--dest-creds", creds, f"oci:{layout}:v1", target)

        def pulled_by_skopeo(_: int) -> dict[str, float]:
            return skopeo("--src-creds", creds, first, f"oci:{emptied()}:v1")

        def copied_by_skopeo(number: int) -> dict[str, float]:
            target = f"docker://{there}/bench/skopeo-{number}:v1"
            return skopeo("--src-creds", creds, "--dest-creds", creds_there, first, target)

        compare(
            server,
            rounds,
            "seconds",
            ("push, ecr-async", lambda number: in_process("push", url, layout, f"bench/ours-{number}")),
            ("push, skopeo", pushed_by_skopeo),
        )
        compare(
            server,
            rounds,
            "seconds",
            ("pull, ecr-async", lambda _: in_process("pull", url, emptied(), "bench/ours-0")),
            ("pull, skopeo", pulled_by_skopeo),
        )
        compare(
            server,
            rounds,
            "seconds",
            ("copy, ecr-async", lambda number: in_process("copy", url, layout, f"bench/ours-{number}")),
            ("copy, skopeo", copied_by_skopeo),
        )


def main() -> None:
    """Run the benchmark, or the part of it that a process of it does."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mebibytes", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=3, choices=range(1, MAX_ROUNDS + 1))
    parser.add_argument("--worker", nargs=4, help=argparse.SUPPRESS)
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        work, url, path, repository = arguments.worker
        print(json.dumps(asyncio.run(measured(WORK[work](url, Path(path), repository)))))
    elif arguments.serve:
        kind, path = arguments.serve
        serve = serve_counting if kind == "counting" else serve_embedded
        asyncio.run(serve(Path(path)))
    else:
        with tempfile.TemporaryDirectory() as folder:
            run(Path(folder), arguments.mebibytes, arguments.rounds)


if __name__ == "__main__":
    main()
