"""Real images, small ones: layers that are gzipped tar archives, a configuration and a manifest.

`push` writes one into an OCI image layout, and pushes that.
"""

import gzip
import io
import json
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

import attrs

import ecr_async as ecr
from ecr_async.oci.media_types import OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST

__all__ = ["BuiltImage", "Layer", "build", "digest", "layer", "push", "write_layout"]


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
        "mediaType": OCI_MANIFEST,
        "config": _descriptor(OCI_CONFIG, config),
        "layers": [_descriptor(OCI_LAYER_GZIP, each.blob) for each in layers],
    }
    blobs = [config, *(each.blob for each in layers)]
    return BuiltImage(json.dumps(manifest), {digest(blob): blob for blob in blobs})


async def push(service: ecr.Service, repository: str, image: BuiltImage, tags: Sequence[str]) -> int:
    """Push an image; return how many bytes of blobs the repository didn't have yet."""
    with tempfile.TemporaryDirectory() as folder:
        layout = write_layout(Path(folder), image)
        pushed = await ecr.push_image(service, layout, repository, tags=tags, resume=False)
    return pushed.bytes_moved


def write_layout(folder: Path, image: BuiltImage) -> Path:
    """Write an image into a folder as an OCI image layout."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    manifest = image.manifest.encode()
    for name, blob in {**image.blobs, digest(manifest): manifest}.items():
        (blobs / name.removeprefix("sha256:")).write_bytes(blob)
    index = {"schemaVersion": 2, "manifests": [_descriptor(OCI_MANIFEST, manifest)]}
    (folder / "index.json").write_text(json.dumps(index))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return folder


def digest(content: bytes) -> str:
    """Return the name of these bytes."""
    return f"sha256:{sha256(content).hexdigest()}"


def _descriptor(media_type: str, blob: bytes) -> dict[str, str | int]:
    return {"mediaType": media_type, "digest": digest(blob), "size": len(blob)}
