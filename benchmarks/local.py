"""The embedded ECR's own figures: layers in, memory, other calls meanwhile, and how cost grows.

    python benchmarks/local.py [--images 100000] [--repositories 100000]

The server runs in a process of its own, so that its memory is its own; the client is this process.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import aiohttp
import attrs
from aiohttp import web

import ecr_async as ecr
from ecr_async.local import LocalECR, serve
from ecr_async.local.embedded import ACCESS_KEY, SECRET_KEY

MIB = 1 << 20
PART = 20 * MIB


def row(name: str, value: str, goal: str = "") -> None:
    """Print a row of the table."""
    print(f"| {name:<58} | {value:>16} | {goal:>16} |", flush=True)


def started(*arguments: str) -> "subprocess.Popen[str]":
    """Start this program again, as something else."""
    command = [sys.executable, __file__, *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@asynccontextmanager
async def server(kind: str = "--serve") -> AsyncIterator[tuple[str, int]]:
    """Run a server in a process of its own; yield where it is and its process id."""
    process = started(kind)
    assert process.stdout is not None
    line = await asyncio.to_thread(process.stdout.readline)
    try:
        yield line.strip(), process.pid
    finally:
        await asyncio.to_thread(process.communicate)


async def serve_until_the_end_of_input() -> None:
    """Be such a server, which leaves no files behind."""
    serving = asyncio.create_task(serve(LocalECR(), lambda local: print(local.endpoint_url, flush=True)))
    await asyncio.to_thread(sys.stdin.read)
    serving.cancel()
    await asyncio.wait([serving])


async def idle_until_the_end_of_input() -> None:
    """Be a server that has nothing to do but to respond to other calls."""

    async def respond(request: web.Request) -> web.Response:
        await request.read()
        return web.json_response({"repositories": []})

    application = web.Application()
    application.router.add_post("/", respond)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    print(f"http://{host}:{port}", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


def session_for(url: str) -> ecr.Session:
    """Return a session that calls the server."""
    return ecr.Session(
        endpoint_url=url, region="us-east-1", access_key_id=ACCESS_KEY, secret_access_key=SECRET_KEY
    )


def peak(pid: int) -> float:
    """Return the most memory that a process has had, in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def cpu(pid: int) -> float:
    """Return the seconds that a process has spent on a core."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def measured(name: str, size: int, pid: int, goal: str = "") -> Iterator[None]:
    """Report how fast `size` bytes come in in the block, and what that costs the server and the client."""
    began, own, server = time.perf_counter(), time.process_time(), cpu(pid)
    yield
    seconds, gib = time.perf_counter() - began, size / (1 << 30)
    row(name, f"{size / MIB / seconds:.0f} MiB/s", goal)
    row("  seconds of a core for a GiB, of the server", f"{(cpu(pid) - server) / gib:.1f} s")
    row("  seconds of a core for a GiB, of the client", f"{(time.process_time() - own) / gib:.1f} s")


def digest_of(content: bytes, times: int) -> str:
    """Return the digest of a layer of equal parts, which clients know before they upload it."""
    digest = sha256()
    for _ in range(times):
        digest.update(content)
    return f"sha256:{digest.hexdigest()}"


async def upload(service: ecr.Service, content: bytes, parts: int, digest: str) -> None:
    """Upload a layer of equal parts by the API."""
    begun = await ecr.initiate_layer_upload(service, ecr.InitiateLayerUploadRequest("app"))
    upload_id = begun.upload_id or ""
    for number in range(parts):
        first = number * len(content)
        await ecr.upload_layer_part(
            service,
            ecr.UploadLayerPartRequest("app", upload_id, first, first + len(content) - 1, content),
        )
    await ecr.complete_layer_upload(service, ecr.CompleteLayerUploadRequest("app", upload_id, [digest]))


async def other_calls(service: ecr.Service, stop: asyncio.Event, durations: list[float]) -> None:
    """Make small calls, one after the other, and note how long each takes."""
    while not stop.is_set():
        began = time.perf_counter()
        await ecr.describe_repositories(service, ecr.DescribeRepositoriesRequest())
        durations.append(time.perf_counter() - began)
        await asyncio.sleep(0.005)


async def prober(url: str) -> None:
    """Measure other calls until standard input ends, and print their p99."""
    durations: list[float] = []
    stop = asyncio.Event()
    async with session_for(url) as session:
        await ecr.describe_repositories(session.service(), ecr.DescribeRepositoriesRequest())  # a cold one
        print("ready", flush=True)
        calls = asyncio.create_task(other_calls(session.service(), stop, durations))
        await asyncio.to_thread(sys.stdin.read)
        stop.set()
        await calls
    print(statistics.quantiles(durations, n=100)[98])


@asynccontextmanager
async def probed(url: str, name: str) -> AsyncIterator[None]:
    """Report what other calls take meanwhile, made by a process of their own.

    The same calls are made to a server that has nothing else to do: what those take is due to the machine.
    """
    async with server("--idle") as (idle, _):
        probers = [started("--probe", each) for each in (url, idle)]
        for each in probers:
            assert each.stdout is not None
            await asyncio.to_thread(each.stdout.readline)
        yield
        outputs = [await asyncio.to_thread(each.communicate, "") for each in probers]
    ours, floor = (f"{float(out) * 1000:.0f} ms" for out, _ in outputs)
    row(f"p99 of other calls during {name}", ours, "< 50 ms")
    row("  of such calls to a server with nothing else to do", floor)


async def layers_by_the_api() -> None:
    """One layer, then 16 at once."""
    async with server() as (url, pid), session_for(url) as session:
        service = session.service()
        await ecr.create_repository(service, ecr.CreateRepositoryRequest("app"))
        content = os.urandom(PART)
        digest = digest_of(content, 13)
        async with probed(url, "an upload by the API"):
            with measured("one layer of 260 MiB in by the API", 13 * PART, pid, ">= 100 MiB/s"):
                await upload(service, content, 13, digest)
        layers = [number.to_bytes() + content[1:] for number in range(16)]
        digests = [digest_of(layer, 2) for layer in layers]
        async with probed(url, "16 uploads at once by the API"):
            with measured("16 layers of 40 MiB at once by the API", 16 * 2 * PART, pid):
                await asyncio.gather(
                    *(
                        upload(service, layer, 2, digest)
                        for layer, digest in zip(layers, digests, strict=True)
                    )
                )
        row("the server's memory, at its peak", f"{peak(pid):.0f} MiB", "< 200 MiB")


@attrs.frozen
class Door:
    """The registry protocol, as a client of one repository sees it."""

    client: aiohttp.ClientSession
    url: str
    headers: dict[str, str]

    async def push(self, piece: bytes, pieces: int, digest: str) -> None:
        """Send a layer of equal pieces in one request."""

        async def body() -> AsyncIterator[bytes]:
            for _ in range(pieces):
                yield piece

        async with self.client.post(f"{self.url}/v2/app/blobs/uploads/", headers=self.headers) as begun:
            location = begun.headers["Location"]
        place = location if location.startswith("http") else self.url + location
        sent = {**self.headers, "Content-Length": str(len(piece) * pieces)}
        async with self.client.put(f"{place}?digest={digest}", data=body(), headers=sent) as response:
            assert response.status == 201, await response.text()

    async def pull(self, digest: str) -> None:
        """Receive a layer, and let it go."""
        url = f"{self.url}/v2/app/blobs/{digest}"
        async with self.client.get(url, headers=self.headers) as response:
            assert response.status == 200, await response.text()
            async for _ in response.content.iter_any():
                pass


async def layers_by_the_registry_protocol() -> None:
    """One layer in one request, then 16 at once; in and out."""
    async with server() as (url, pid), session_for(url) as session, aiohttp.ClientSession() as client:
        service = session.service()
        await ecr.create_repository(service, ecr.CreateRepositoryRequest("app"))
        token = await ecr.get_authorization_token(service, ecr.GetAuthorizationTokenRequest())
        headers = {"Authorization": f"Basic {token.authorization_data[0].authorization_token}"}
        door, piece = Door(client, url, headers), os.urandom(4 * MIB)
        digest = digest_of(piece, 256)
        async with probed(url, "an upload by /v2/"):
            with measured("one layer of 1 GiB in by /v2/", 1 << 30, pid, ">= 300 MiB/s"):
                await door.push(piece, 256, digest)
        layers = [number.to_bytes() + piece[1:] for number in range(16)]
        digests = [digest_of(layer, 16) for layer in layers]
        async with probed(url, "16 uploads at once by /v2/"):
            with measured("16 layers of 64 MiB at once by /v2/", 1 << 30, pid):
                await asyncio.gather(
                    *(door.push(layer, 16, digest) for layer, digest in zip(layers, digests, strict=True))
                )
        async with probed(url, "downloads by /v2/"):
            with measured("one layer of 1 GiB out by /v2/, 3 times", 3 << 30, pid):
                for _ in range(3):
                    await door.pull(digest)
        async with probed(url, "16 downloads at once by /v2/"):
            with measured("16 layers of 64 MiB at once out by /v2/, 3 times", 3 << 30, pid):
                for _ in range(3):
                    await asyncio.gather(*map(door.pull, digests))
        row("the server's memory, at its peak", f"{peak(pid):.0f} MiB", "< 200 MiB")


def manifest(number: int) -> str:
    """Return an image's manifest; no two are the same."""
    blob = {"digest": f"sha256:{number:064x}", "size": 1000}
    media_type = "application/vnd.oci.image.manifest.v1+json"
    document: dict[str, Any] = {"schemaVersion": 2, "mediaType": media_type}
    return json.dumps({**document, "config": blob, "layers": [blob]})


POLICY = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 1,
                "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1},
                "action": {"type": "expire"},
            }
        ]
    }
)
"""All images but one expire."""


async def median(name: str, call: Callable[[int], Awaitable[object]], times: int = 20) -> None:
    """Report what a call takes in the middle of some, which should not grow."""
    durations: list[float] = []
    for number in range(times):
        began = time.perf_counter()
        await call(number)
        durations.append(time.perf_counter() - began)
    row(name, f"{statistics.median(durations) * 1000:.2f} ms", "flat")


async def growth_with_images(number: int) -> None:
    """What calls take with a repository of so many images, all of them tagged and active but one."""
    async with LocalECR(verify_layers=False, preview_polls=0) as local, local.session() as session:
        service = session.service()

        def requests() -> Iterator[Any]:
            yield ecr.CreateRepositoryRequest("app")
            for each in range(number):
                tag = f"v{each}" if each < number - 1 else None
                yield ecr.PutImageRequest("app", manifest(each), image_tag=tag)

        await local.fill(requests())
        stop, durations = asyncio.Event(), list[float]()
        calls = asyncio.create_task(other_calls(service, stop, durations))
        began = time.perf_counter()
        start = ecr.StartLifecyclePolicyPreviewRequest("app", lifecycle_policy_text=POLICY)
        await ecr.start_lifecycle_policy_preview(service, start)
        took = time.perf_counter() - began
        stop.set()
        await calls
        row(f"a preview of {number:,} images is started", f"{took:.2f} s")
        row("the longest of the other calls meanwhile", f"{max(durations) * 1000:.0f} ms")
        began, pages = time.perf_counter(), 0
        pager = ecr.paginate_get_lifecycle_policy_preview(
            service, ecr.GetLifecyclePolicyPreviewRequest("app", max_results=100)
        )
        async for _ in pager.pages():
            pages += 1
        each_page = (time.perf_counter() - began) / pages * 1000
        row(f"a page of a preview of {number:,} images", f"{each_page:.2f} ms", "flat")
        last = ecr.ImageIdentifier(image_tag=f"v{number - 2}")
        preview = ecr.GetLifecyclePolicyPreviewRequest("app", image_ids=[last])
        await median(
            f"one image's preview among {number:,}",
            lambda _: ecr.get_lifecycle_policy_preview(service, preview),
        )
        await ecr.update_image_storage_class(
            service, ecr.UpdateImageStorageClassRequest("app", last, "ARCHIVE")
        )
        archived = ecr.ListImagesRequest("app", filter=ecr.ListImagesFilter(image_status="ARCHIVED"))
        await median(f"the archived one of {number:,} images", lambda _: ecr.list_images(service, archived))
        untagged = ecr.ListImagesRequest("app", filter=ecr.ListImagesFilter(tag_status="UNTAGGED"))
        await median(f"the untagged one of {number:,} images", lambda _: ecr.list_images(service, untagged))

        def delete(time: int) -> Awaitable[object]:
            tags = [f"v{each}" for each in range(time * 100, time * 100 + 100)]
            names = [ecr.ImageIdentifier(image_tag=tag) for tag in tags]
            return ecr.batch_delete_image(service, ecr.BatchDeleteImageRequest("app", names))

        await median(f"100 of {number:,} images are deleted", delete, 10)


async def growth(images: int, repositories: int) -> None:
    """What calls take with little and with much in the registry."""
    for number in sorted({images // 10, images}):
        await growth_with_images(number)
    for number in sorted({repositories // 100, repositories - 100}):
        async with LocalECR() as local, local.session() as session:
            await local.fill(ecr.CreateRepositoryRequest(f"app-{each}") for each in range(number))
            service = session.service()

            def create(each: int, service: ecr.Service = service) -> Awaitable[object]:
                return ecr.create_repository(service, ecr.CreateRepositoryRequest(f"new-{each}"))

            await median(f"CreateRepository beside {number:,} others", create, 100)


async def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--idle", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--probe", help=argparse.SUPPRESS)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--repositories", type=int, default=100_000)
    options = parser.parse_args()
    if options.serve:
        await serve_until_the_end_of_input()
    elif options.idle:
        await idle_until_the_end_of_input()
    elif options.probe:
        await prober(options.probe)
    else:
        row("what", "measured", "goal")
        row("-" * 58, "-" * 16, "-" * 16)
        await layers_by_the_api()
        await layers_by_the_registry_protocol()
        await growth(options.images, options.repositories)


if __name__ == "__main__":
    asyncio.run(main())
