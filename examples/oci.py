"""Real images, small ones: layers that are gzipped tar archives, a configuration and a manifest.

`push` takes one through the layer operations as `docker push` would: it asks which layers the
repository lacks, uploads those in parts, and puts the manifest last.
"""

import gzip
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from hashlib import sha256

import attrs

import ecr_async as ecr

__all__ = ["BuiltImage", "Layer", "build", "digest", "layer", "push"]

LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@attrs.frozen
class Layer:
    """A layer as it is uploaded, and the digest of what it unpacks to."""

    blob: bytes = attrs.field(repr=False)
    diff_id: str


@attrs.frozen
class BuiltImage:
    """What makes up an image: blobs, the configuration among them, and the manifest that names them."""

    manifest: str
    blobs: Mapping[str, bytes] = attrs.field(repr=False)


def layer(files: Mapping[str, bytes]) -> Layer:
    """Return the layer that adds these files."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    unpacked = archive.getvalue()
    return Layer(gzip.compress(unpacked, compresslevel=1, mtime=0), digest(unpacked))


def build(layers: Sequence[Layer], labels: Mapping[str, str]) -> BuiltImage:
    """Return the image that consists of these layers."""
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Labels": labels},
            "rootfs": {"type": "layers", "diff_ids": [each.diff_id for each in layers]},
        }
    ).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": _descriptor(CONFIG, config),
        "layers": [_descriptor(LAYER, each.blob) for each in layers],
    }
    blobs = [config, *(each.blob for each in layers)]
    return BuiltImage(json.dumps(manifest), {digest(blob): blob for blob in blobs})


async def push(service: ecr.Service, repository: str, image: BuiltImage, tags: Sequence[str]) -> int:
    """Push an image; return how many bytes of blobs the repository didn't have yet."""
    known = await ecr.batch_check_layer_availability(
        service, ecr.BatchCheckLayerAvailabilityRequest(repository, list(image.blobs))
    )
    missing = [each.layer_digest for each in known.layers if each.layer_availability != "AVAILABLE"]
    blobs = [image.blobs[each] for each in missing if each is not None]
    for blob in blobs:
        await _upload(service, repository, blob)
    for tag in tags:
        await ecr.put_image(service, ecr.PutImageRequest(repository, image.manifest, image_tag=tag))
    return sum(len(blob) for blob in blobs)


async def _upload(service: ecr.Service, repository: str, blob: bytes) -> None:
    upload = await ecr.initiate_layer_upload(service, ecr.InitiateLayerUploadRequest(repository))
    assert upload.upload_id is not None
    assert upload.part_size is not None
    for first in range(0, len(blob), upload.part_size):
        part = blob[first : first + upload.part_size]
        await ecr.upload_layer_part(
            service,
            ecr.UploadLayerPartRequest(repository, upload.upload_id, first, first + len(part) - 1, part),
        )
    await ecr.complete_layer_upload(
        service, ecr.CompleteLayerUploadRequest(repository, upload.upload_id, [digest(blob)])
    )


def digest(content: bytes) -> str:
    """Return the name of these bytes."""
    return f"sha256:{sha256(content).hexdigest()}"


def _descriptor(media_type: str, blob: bytes) -> dict[str, str | int]:
    return {"mediaType": media_type, "digest": digest(blob), "size": len(blob)}
