"""The contents of made-up images: layers out of files, a configuration and a manifest. Nothing is random."""

import gzip
import io
import json
import tarfile
from collections.abc import Mapping
from typing import Any, Self

import attrs

from ecr_async import api
from ecr_async.local.embedded import LocalECR
from ecr_async.oci.digests import digest_of
from ecr_async.oci.media_types import OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST

__all__ = ["ImageContents", "upload"]

MAX_PART_BYTES = 10 * 1024 * 1024
"""Bytes that are uploaded at once."""


@attrs.frozen
class ImageContents:
    """The blobs of an image that can be pulled and unpacked."""

    config: bytes
    layers: tuple[bytes, ...]

    @classmethod
    def of_files(cls, *layers: Mapping[str, bytes | str]) -> Self:
        """Return an image with these layers, each of which is given by its files' paths and contents."""
        archives = [_archive(files) for files in layers]
        config = {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Cmd": ["/bin/app"]},
            "rootfs": {"type": "layers", "diff_ids": list(map(digest_of, archives))},
        }
        compressed = tuple(gzip.compress(archive, mtime=0) for archive in archives)
        return cls(json.dumps(config).encode(), compressed)

    @property
    def blobs(self) -> dict[str, bytes]:
        """The configuration and the layers by their digests: what must be there before the manifest."""
        return {digest_of(blob): blob for blob in (self.config, *self.layers)}

    def manifest(self, annotations: Mapping[str, str]) -> str:
        """Return a manifest of the image; other annotations make another image of the same blobs."""
        document = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": _descriptor(self.config, OCI_CONFIG),
            "layers": [_descriptor(layer, OCI_LAYER_GZIP) for layer in self.layers],
            "annotations": dict(annotations),
        }
        return json.dumps(document)


async def upload(
    local: LocalECR, repository: str, contents: ImageContents, *, region: str | None = None
) -> None:
    """Upload the blobs that a repository doesn't have yet, so that manifests can name them."""
    blobs = contents.blobs
    checked = await local.call(api.BatchCheckLayerAvailabilityRequest(repository, list(blobs)), region=region)
    for digest in [layer.layer_digest for layer in checked.layers if layer.layer_availability != "AVAILABLE"]:
        blob = blobs[digest]
        upload_id = (await local.call(api.InitiateLayerUploadRequest(repository), region=region)).upload_id
        for first in range(0, len(blob), MAX_PART_BYTES):
            part = blob[first : first + MAX_PART_BYTES]
            last = first + len(part) - 1
            await local.call(
                api.UploadLayerPartRequest(repository, upload_id, first, last, part), region=region
            )
        await local.call(api.CompleteLayerUploadRequest(repository, upload_id, [digest]), region=region)


def _archive(files: Mapping[str, bytes | str]) -> bytes:
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        for path, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(path)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return tar.getvalue()


def _descriptor(blob: bytes, media_type: str) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(blob), "size": len(blob)}
