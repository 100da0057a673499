"""The bulk scan over real HTTP, and killed in the middle of it."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

import ecr_async as ecr
from ecr_async.local import LocalECR
from tests.integration.local.content import manifest

REPOSITORIES = 12
IMAGES = 23
"""Images of each repository."""


def content() -> Iterator[Any]:
    for number in range(REPOSITORIES):
        name = f"team/app-{number}"
        yield ecr.CreateRepositoryRequest(name)
        for index in range(IMAGES):
            tag = f"v{index}" if index % 2 else None
            yield ecr.PutImageRequest(name, manifest(str(number * 1000 + index).encode()), image_tag=tag)


async def filled(local: LocalECR) -> set[tuple[str, str]]:
    """Fill the registry; return the repository and the digest of each image."""
    await local.fill(content())
    async with local.session() as session:
        service = session.service()
        return {
            (name, image.image_digest or "")
            for name in [f"team/app-{number}" for number in range(REPOSITORIES)]
            async for image in ecr.paginate_describe_images(service, ecr.DescribeImagesRequest(name))
        }


async def test_everything_is_found_in_pages_and_by_tag_status() -> None:
    async with LocalECR(verify_layers=False) as local, local.session() as session:
        everything = await filled(local)
        scan = ecr.scan_images([session.service()], "team/*", page_size=5)
        found = [(image.repository_name, image.image_digest) async for image in scan.images()]
        untagged = ecr.scan_images([session.service()], tag_status="UNTAGGED")
        assert {image.image_tags async for image in untagged.images()} == {()}
    assert len(found) == len(set(found))
    assert set(found) == everything
    assert scan.summary.scanned == scan.summary.repositories == REPOSITORIES
    assert untagged.summary.images == REPOSITORIES * ((IMAGES + 1) // 2)


async def test_regions_are_registries_of_their_own() -> None:
    async with LocalECR(verify_layers=False) as local, local.session() as session:
        await filled(local)
        here, there = session.service(), session.service("eu-west-1")
        scan = ecr.scan_images([here, there])
        services = {result.service async for result in scan}
    assert services == {here}
    assert scan.summary.complete


CHILD = """
import asyncio, sys
import ecr_async as ecr
from ecr_async._bulk.images import jsonlines

jsonlines.BATCH_IMAGES = 10
endpoint, key, secret, output, checkpoint = sys.argv[1:]

def wait_for_permission(result):
    print(flush=True)
    sys.stdin.readline()

async def main():
    async with ecr.Session(
        region="us-east-1", endpoint_url=endpoint, access_key_id=key, secret_access_key=secret
    ) as session:
        scan = ecr.scan_images([session.service()], page_size=5, concurrency=3, checkpoint=checkpoint)
        await ecr.write_jsonl(scan, output, on_result=wait_for_permission)

asyncio.run(main())
"""


async def killed(local: LocalECR, output: Path, checkpoint: Path, after: int) -> None:
    """Scan in a process that is killed between its results number `after` and `after` + 1."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", CHILD, local.endpoint_url, local.access_key_id, local.secret_access_key),
        *(str(output), str(checkpoint)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    for _ in range(after):
        assert await process.stdout.readline() == b"\n"
        process.stdin.write(b"\n")
    process.kill()
    assert await process.wait() < 0
    process.stdin.close()


async def test_a_scan_killed_again_and_again_writes_every_image_exactly_once(tmp_path: Path) -> None:
    output, checkpoint = tmp_path / "images.jsonl", tmp_path / "checkpoint"
    async with LocalECR(verify_layers=False) as local, local.session() as session:
        everything = await filled(local)
        for after in (1, 9, 17):
            await killed(local, output, checkpoint, after)
        scan = ecr.scan_images([session.service()], page_size=5, checkpoint=checkpoint)
        summary = await ecr.write_jsonl(scan, output)
    lines = [msgspec.json.decode(line) for line in output.read_bytes().splitlines()]
    written = [(line["repository"], line["digest"]) for line in lines]
    assert 0 < summary.images < len(everything)
    assert len(written) == len(everything)
    assert set(written) == everything
