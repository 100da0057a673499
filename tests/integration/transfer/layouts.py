"""Images made here, and the layouts and archives that hold them."""

import gzip
import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from random import Random
from typing import Any

import attrs

from ecr_async.oci import digest_of
from ecr_async.oci.media_types import OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST

REF_NAME = "org.opencontainers.image.ref.name"


@attrs.frozen
class Made:
    """A manifest and every blob and manifest that it needs, by digest."""

    content: bytes
    blobs: Mapping[str, bytes]
    media_type: str = OCI_MANIFEST

    @property
    def digest(self) -> str:
        return digest_of(self.content)

    def descriptor(self, **members: Any) -> dict[str, Any]:
        return describe(self.content, self.media_type) | members

    @property
    def all(self) -> dict[str, bytes]:
        return {**self.blobs, self.digest: self.content}


def describe(content: bytes, media_type: str = OCI_LAYER_GZIP) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}


def noise(size: int, seed: int = 0) -> bytes:
    return Random(seed).randbytes(size)


def tarball(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def image(*layers: bytes, architecture: str = "amd64", **members: Any) -> Made:
    """An image of these layers, which are taken as they are."""
    config = json.dumps({"os": "linux", "architecture": architecture, "rootfs": {"type": "layers"}}).encode()
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": describe(config, OCI_CONFIG),
        "layers": [describe(layer) for layer in layers],
        **members,
    }
    return Made(json.dumps(document).encode(), {digest_of(each): each for each in (config, *layers)})


def index(platforms: Mapping[str, Made], **members: Any) -> Made:
    manifests: list[dict[str, Any]] = []
    blobs: dict[str, bytes] = {}
    for platform, made in platforms.items():
        os, architecture, *variant = platform.split("/")
        described = {"os": os, "architecture": architecture, **({"variant": variant[0]} if variant else {})}
        manifests.append(made.descriptor(platform=described))
        blobs |= made.all
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests, **members}
    return Made(json.dumps(document).encode(), blobs, OCI_INDEX)


def index_of(*listed: dict[str, Any], blobs: Mapping[str, bytes]) -> Made:
    """An index of these descriptors."""
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(listed)}
    return Made(json.dumps(document).encode(), blobs, OCI_INDEX)


def artifact(subject: Made, content: bytes = b"signature") -> Made:
    """A signature of an image, as notation and oras make them."""
    return image(content, subject=subject.descriptor(), artifactType="application/vnd.example.signature")


def write_layout(folder: Path, entries: Iterable[tuple[str | None, Made]]) -> Path:
    """Write a layout that lists images, each under a tag or none."""
    listed: list[dict[str, Any]] = []
    for tag, made in entries:
        listed.append(made.descriptor(**({"annotations": {REF_NAME: tag}} if tag else {})))
        for digest, content in made.all.items():
            path = folder / "blobs" / digest.replace(":", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    folder.mkdir(exist_ok=True)
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": listed}))
    return folder


def pack(folder: Path, archive: Path, mode: str = "w") -> Path:
    """Put a folder's files into a tar archive, as `tar -C folder -cf archive .` does."""
    with tarfile.open(archive, mode) as tar:  # type: ignore[call-overload]
        tar.add(folder, arcname=".")
    return archive


def write_docker_archive(archive: Path, layers: Iterable[Mapping[str, bytes]], tags: list[str]) -> Path:
    """Write what `docker save` does, of layers that have these files."""
    plain = [tarball(layer) for layer in layers]
    config = json.dumps(
        {
            "os": "linux",
            "architecture": "amd64",
            "rootfs": {"type": "layers", "diff_ids": [digest_of(each) for each in plain]},
        }
    ).encode()
    name = digest_of(config)[7:] + ".json"
    files = {f"{number}/layer.tar": layer for number, layer in enumerate(plain)}
    saved = [{"Config": name, "RepoTags": tags, "Layers": list(files)}]
    content = tarball({**files, name: config, "manifest.json": json.dumps(saved).encode()})
    archive.write_bytes(gzip.compress(content) if archive.suffix == ".gz" else content)
    return archive


def files_of(folder: Path) -> dict[str, bytes]:
    """Return a folder's files by name."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
