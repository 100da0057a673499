"""A made-up registry to try things out on: repositories of images that can be pulled, the same every time."""

import gzip
import io
import json
import tarfile
from collections.abc import Iterator
from random import Random
from typing import Any

import attrs

import ecr_async.api as ecr
from ecr_async.local.embedded import LocalECR
from ecr_async.oci.digests import digest_of
from ecr_async.oci.media_types import OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST
from ecr_async.service import Service

__all__ = ["fill_with_samples"]

TEAMS = ("billing", "catalog", "checkout", "identity", "payments", "platform", "search", "shipping")
PARTS = ("api", "worker", "web", "jobs", "proxy", "reports", "events", "admin")
IMAGES_EACH = 50
"""Images in a repository, about."""
UNTAGGED = 10
"""One image in so many has lost its tag to a newer one."""


@attrs.frozen
class _Repository:
    """A repository and how many images it is to have."""

    name: str
    images: int


async def fill_with_samples(local: LocalECR, images: int) -> None:
    """Push so many images to the server's default registry, in as many repositories as that takes."""
    async with local.session() as session:
        service = session.service()
        for repository in _repositories(images):
            try:
                await ecr.create_repository(service, ecr.CreateRepositoryRequest(repository.name))
            except ecr.RepositoryAlreadyExistsException:
                continue  # a former run has filled it
            blobs = _blobs(repository.name)
            for blob in blobs:
                await _push(service, repository.name, blob)
            await local.fill(_pushes(repository, *blobs))


def _repositories(images: int) -> Iterator[_Repository]:
    names = [f"{team}/{part}" for team in TEAMS for part in PARTS]
    number = -(-images // IMAGES_EACH)
    for index in range(number):
        cycle, place = divmod(index, len(names))
        name = names[place] + (f"-{cycle + 1}" if cycle else "")
        yield _Repository(name, images // number + (index < images % number))


def _blobs(name: str) -> tuple[bytes, bytes]:
    """Return the configuration and the only layer of a repository's images: a file that says its name."""
    content, tar = f"{name}\n".encode(), io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        member = tarfile.TarInfo("etc/name")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Cmd": ["/bin/app"]},
        "rootfs": {"type": "layers", "diff_ids": [digest_of(tar.getvalue())]},
    }
    return json.dumps(config).encode(), gzip.compress(tar.getvalue(), mtime=0)


async def _push(service: Service, name: str, blob: bytes) -> None:
    begun = await ecr.initiate_layer_upload(service, ecr.InitiateLayerUploadRequest(name))
    assert begun.upload_id is not None
    await ecr.upload_layer_part(
        service, ecr.UploadLayerPartRequest(name, begun.upload_id, 0, len(blob) - 1, blob)
    )
    await ecr.complete_layer_upload(
        service, ecr.CompleteLayerUploadRequest(name, begun.upload_id, [digest_of(blob)])
    )


def _pushes(repository: _Repository, config: bytes, layer: bytes) -> Iterator[ecr.PutImageRequest]:
    """Yield the pushes to a repository: each image with its version, some of which move on."""
    chance = Random(repository.name)  # noqa: S311 - it is to be foreseen
    major, minor = chance.randrange(1, 5), 0
    for number in range(repository.images):
        if chance.randrange(UNTAGGED) or not number:
            minor += 1
        yield ecr.PutImageRequest(
            repository.name, _manifest(config, layer, number), image_tag=f"{major}.{minor}.0"
        )


def _manifest(config: bytes, layer: bytes, number: int) -> str:
    def descriptor(blob: bytes, media_type: str) -> dict[str, Any]:
        return {"mediaType": media_type, "digest": digest_of(blob), "size": len(blob)}

    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(config, OCI_CONFIG),
        "layers": [descriptor(layer, OCI_LAYER_GZIP)],
        "annotations": {"org.opencontainers.image.revision": f"{number:040x}"},
    }
    return json.dumps(document)
