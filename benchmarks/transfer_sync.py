"""The sync of 2,000 small images of which 1,900 are there, at ECR's rate limits, for `make bench-transfer`.

The layers of the images that are there exist nowhere, so that one that were read would end in an error. The
server is a process of its own and throttles as ECR does; the client's requests are counted, by operation.
"""

import argparse
import asyncio
import hashlib
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import ecr_async as ecr
from ecr_async.local import LocalECR

IMAGES, PRESENT, REPOSITORIES = 2000, 1900, 10
REGION, ELSEWHERE = "us-east-1", "eu-west-1"
KEYS = {"access_key_id": "AKIALOCALECR00000000", "secret_access_key": "local-ecr-secret-key"}
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
RATES = {
    "PutImage": "10/s",
    "BatchGetImage": "2000/s",
    "BatchCheckLayerAvailability": "1000/s",
    "GetDownloadUrlForLayer": "3000/s",
    "UploadLayerPart": "500/s",
    "InitiateLayerUpload": "100/s",
    "CompleteLayerUpload": "100/s",
    "Describe*": "20/s",
}
"""ECR's default quotas; those of Describe* and List* are not published.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html
"""


def manifest_of(number: int) -> tuple[str, list[bytes]]:
    """Return an image's manifest, and its blobs: a configuration and a layer of its own."""
    blobs = [f'{{"number": {number}}}'.encode(), f"layer {number} ".encode() * 1000]
    config, layer = (
        {"digest": f"sha256:{hashlib.sha256(blob).hexdigest()}", "size": len(blob), "mediaType": media_type}
        for blob, media_type in zip(
            blobs,
            ("application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar"),
            strict=True,
        )
    )
    document = {"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": config, "layers": [layer]}
    return json.dumps(document), blobs


def repository_of(number: int) -> str:
    return f"team/app-{number % REPOSITORIES}"


async def serve() -> None:
    """Serve an embedded ECR that has the images, and print its URL."""
    async with LocalECR(verify_layers=False, rates=RATES) as local:
        images = [manifest_of(number) for number in range(IMAGES)]
        for region, count in ((REGION, IMAGES), (ELSEWHERE, PRESENT)):
            for number in range(REPOSITORIES):
                await local.call(ecr.CreateRepositoryRequest(repository_of(number)), region=region)
            requests = (
                ecr.PutImageRequest(repository_of(number), images[number][0], image_tag=f"v{number}")
                for number in range(count)
            )
            await local.fill(requests, region=region)
        for number in range(PRESENT, IMAGES):
            for blob in images[number][1]:
                await upload(local, repository_of(number), blob)
        print(local.endpoint_url, flush=True)
        await asyncio.Event().wait()


async def upload(local: LocalECR, repository: str, blob: bytes) -> None:
    """Put a blob into a repository, past the rate limits."""
    begun = await local.call(ecr.InitiateLayerUploadRequest(repository), region=REGION)
    part = ecr.UploadLayerPartRequest(repository, begun.upload_id, 0, len(blob) - 1, blob)
    await local.call(part, region=REGION)
    digest = f"sha256:{hashlib.sha256(blob).hexdigest()}"
    complete = ecr.CompleteLayerUploadRequest(repository, begun.upload_id, [digest])
    await local.call(complete, region=REGION)


class Counting:
    """Telemetry that counts the attempts of each operation."""

    def __init__(self) -> None:
        self.attempts = Counter[str]()

    @contextmanager
    def call(self, operation: str, region: str, url: Any) -> Generator[None, None, None]:
        """Do nothing about a call."""
        yield

    def attempt(self, record: Any) -> None:
        """Count an attempt."""
        self.attempts[record.operation] += 1


async def measure(url: str) -> None:
    """Sync, and print what that took and whether it did what it should."""
    counting = Counting()
    async with ecr.Session(endpoint_url=url, telemetry=counting, **KEYS) as session:
        source, destination = session.service(REGION), session.service(ELSEWHERE)
        began, used = time.perf_counter(), time.process_time()
        sync = ecr.sync_images(source, destination)
        statuses = Counter([result.status async for result in sync if isinstance(result, ecr.SyncedImage)])
        seconds, cpu = time.perf_counter() - began, time.process_time() - used
        attempts = dict(counting.attempts)
        found = [await tags_of(destination, repository_of(number)) for number in range(REPOSITORIES)]
    missing = IMAGES - PRESENT
    print(f"{IMAGES:,} images, {PRESENT:,} of them there; PutImage at {RATES['PutImage']}")
    print(f"{'sync, ecr-async':28} {seconds:6.2f} s  {cpu:6.2f} s CPU  {dict(statuses)}")
    print(
        f"{'':28} {sync.summary.calls:,} requests, {sync.summary.throttles:,} of them throttled: {attempts}"
    )
    everything = {f"v{number}" for number in range(IMAGES)}
    checks = {
        "every image is there": set().union(*found) == everything,
        "each was reported once": statuses == {"copied": missing, "present": PRESENT},
        "no manifest of those present was read": attempts["BatchGetImage"] <= missing,
        "no layer of those present was read": attempts["GetDownloadUrlForLayer"] == 2 * missing,
    }
    for what, holds in checks.items():
        print(f"{'':28} {'yes' if holds else 'NO'}: {what}")
    if not all(checks.values()):
        raise SystemExit(1)


async def tags_of(service: ecr.Service, repository: str) -> set[str]:
    pages = ecr.paginate_list_images(service, ecr.ListImagesRequest(repository))
    return {each.image_tag async for each in pages if each.image_tag}


def run() -> None:
    """Run the server and the client, each in a process of its own."""
    command = [sys.executable, __file__, "--serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            url = server.stdout.readline().strip()
            subprocess.run([sys.executable, __file__, "--client", url], check=True)
        finally:
            server.terminate()


def main() -> None:
    """Run the benchmark, or the part of it that a process of it does."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--client", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        asyncio.run(serve())
    elif arguments.client:
        asyncio.run(measure(arguments.client))
    else:
        run()


if __name__ == "__main__":
    main()
