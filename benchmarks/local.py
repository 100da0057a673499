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
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import aiohttp

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
async def server() -> AsyncIterator[tuple[str, int]]:
    """Run a server in a process of its own; yield where it is and its process id."""
    process = started("--serve")
    assert process.stdout is not None
    line = await asyncio.to_thread(process.stdout.readline)
    try:
        yield line.strip(), process.pid
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait)


def session_for(url: str) -> ecr.Session:
    """Return a session that calls the server."""
    return ecr.Session(
        endpoint_url=url, region="us-east-1", access_key_id=ACCESS_KEY, secret_access_key=SECRET_KEY
    )


def peak(pid: int) -> float:
    """Return the most memory that a process has had, in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


async def upload(service: ecr.Service, content: bytes, parts: int) -> None:
    """Upload a layer of equal parts by the API."""
    begun = await ecr.initiate_layer_upload(service, ecr.InitiateLayerUploadRequest("app"))
    upload_id = begun.upload_id or ""
    digest = sha256()
    for number in range(parts):
        first = number * len(content)
        digest.update(content)
        await ecr.upload_layer_part(
            service,
            ecr.UploadLayerPartRequest("app", upload_id, first, first + len(content) - 1, content),
        )
    request = ecr.CompleteLayerUploadRequest("app", upload_id, [f"sha256:{digest.hexdigest()}"])
    await ecr.complete_layer_upload(service, request)


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
        calls = asyncio.create_task(other_calls(session.service(), stop, durations))
        await asyncio.to_thread(sys.stdin.read)
        stop.set()
        await calls
    print(statistics.quantiles(durations, n=100)[98])


@asynccontextmanager
async def probed(url: str, name: str) -> AsyncIterator[None]:
    """Report what other calls take meanwhile, made by a process of their own."""
    process = started("--probe", url)
    yield
    out, _ = await asyncio.to_thread(process.communicate, "")
    row(f"p99 of other calls during {name}", f"{float(out) * 1000:.0f} ms", "< 50 ms")


async def layers_by_the_api() -> None:
    """One layer, then 16 at once."""
    async with server() as (url, pid), session_for(url) as session:
        service = session.service()
        await ecr.create_repository(service, ecr.CreateRepositoryRequest("app"))
        content = os.urandom(PART)
        async with probed(url, "an upload by the API"):
            began = time.perf_counter()
            await upload(service, content, 13)
            rate = 13 * PART / MIB / (time.perf_counter() - began)
        row("one layer of 260 MiB in by the API", f"{rate:.0f} MiB/s", ">= 100 MiB/s")
        async with probed(url, "16 uploads at once by the API"):
            contents = [number.to_bytes() + content[1:] for number in range(16)]
            began = time.perf_counter()
            await asyncio.gather(*(upload(service, each, 2) for each in contents))
            rate = 16 * 2 * PART / MIB / (time.perf_counter() - began)
        row("16 layers of 40 MiB at once by the API", f"{rate:.0f} MiB/s")
        row("the server's memory, at its peak", f"{peak(pid):.0f} MiB", "< 200 MiB")


async def layers_by_the_registry_protocol() -> None:
    """One layer in one request."""
    async with server() as (url, pid), session_for(url) as session, aiohttp.ClientSession() as client:
        service = session.service()
        await ecr.create_repository(service, ecr.CreateRepositoryRequest("app"))
        token = await ecr.get_authorization_token(service, ecr.GetAuthorizationTokenRequest())
        headers = {"Authorization": f"Basic {token.authorization_data[0].authorization_token}"}
        piece, pieces = os.urandom(4 * MIB), 256
        digest = sha256()
        for _ in range(pieces):
            digest.update(piece)

        async def body() -> AsyncIterator[bytes]:
            for _ in range(pieces):
                yield piece

        async with client.post(f"{url}/v2/app/blobs/uploads/", headers=headers) as begun:
            location = begun.headers["Location"]
        async with probed(url, "an upload by /v2/"):
            began = time.perf_counter()
            place = location if location.startswith("http") else url + location
            sent = {**headers, "Content-Length": str(len(piece) * pieces)}
            done = f"{place}?digest=sha256:{digest.hexdigest()}"
            async with client.put(done, data=body(), headers=sent) as response:
                assert response.status == 201, await response.text()
            rate = len(piece) * pieces / MIB / (time.perf_counter() - began)
        row("one layer of 1 GiB in by /v2/", f"{rate:.0f} MiB/s", ">= 300 MiB/s")
        row("the server's memory, at its peak", f"{peak(pid):.0f} MiB", "< 200 MiB")


def manifest(number: int) -> str:
    """Return an image's manifest; no two are the same."""
    blob = {"digest": f"sha256:{number:064x}", "size": 1000}
    media_type = "application/vnd.oci.image.manifest.v1+json"
    document: dict[str, Any] = {"schemaVersion": 2, "mediaType": media_type}
    return json.dumps({**document, "config": blob, "layers": [blob]})


async def growth(images: int, repositories: int) -> None:
    """What calls take with little and with much in the registry."""
    policy = json.dumps(
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
    for number in sorted({images // 10, images}):
        async with LocalECR(verify_layers=False, preview_polls=0) as local, local.session() as session:
            service = session.service()

            def requests(number: int = number) -> Iterator[Any]:
                yield ecr.CreateRepositoryRequest("app")
                for each in range(number):
                    yield ecr.PutImageRequest("app", manifest(each))

            await local.fill(requests())
            stop, durations = asyncio.Event(), list[float]()
            calls = asyncio.create_task(other_calls(service, stop, durations))
            began = time.perf_counter()
            start = ecr.StartLifecyclePolicyPreviewRequest("app", lifecycle_policy_text=policy)
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
    for number in sorted({repositories // 100, repositories - 100}):
        async with LocalECR() as local, local.session() as session:
            await local.fill(ecr.CreateRepositoryRequest(f"app-{each}") for each in range(number))
            began = time.perf_counter()
            for each in range(100):
                request = ecr.CreateRepositoryRequest(f"new-{each}")
                await ecr.create_repository(session.service(), request)
            each_call = (time.perf_counter() - began) * 10
            row(f"CreateRepository beside {number:,} others", f"{each_call:.2f} ms", "flat")


async def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--probe", help=argparse.SUPPRESS)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--repositories", type=int, default=100_000)
    options = parser.parse_args()
    if options.serve:
        await serve(LocalECR(), lambda local: print(local.endpoint_url, flush=True))
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
