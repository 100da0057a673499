"""OCI image layouts, read: `oci-layout`, `index.json` and blobs under their digests.

See https://github.com/opencontainers/image-spec/blob/main/image-layout.md
"""

import asyncio
from collections.abc import Sequence

import msgspec

from ecr_async.oci.digests import hash_for, split_digest
from ecr_async.oci.manifests import MAX_MANIFEST_BYTES, Descriptor, Manifest, ManifestError, read_index
from ecr_async.oci.media_types import PLAIN_LAYERS
from ecr_async.transfer.blobs import Extent, FileBlob
from ecr_async.transfer.errors import DigestMismatchError, LayoutError, TransferError
from ecr_async.transfer.layouts.files import Files
from ecr_async.transfer.layouts.image_names import choose, not_one_image
from ecr_async.transfer.source import Artifact, cosign_subject, cosign_tags

__all__ = ["INDEX", "LAYOUT", "REF_NAME", "LayoutReader", "blob_name"]

INDEX = "index.json"
LAYOUT = "oci-layout"
MAX_MANIFESTS_BYTES = 64 * 1024 * 1024
"""Bytes of manifests that are read into memory at once; one has some thousands."""

REF_NAME = "org.opencontainers.image.ref.name"
"""The annotation in `index.json` that holds an image's tag."""
CONTAINERD_NAME = "io.containerd.image.name"
"""The annotation in which containerd and docker have the whole name, where the tag alone is not unique."""

MAX_LAYOUT_BYTES = 64 * 1024


def blob_name(digest: str) -> str:
    """Return the name of a blob's file in a layout. Raises `InvalidDigestError`."""
    algorithm, value = split_digest(digest)
    return f"blobs/{algorithm}/{value}"


class LayoutReader:
    """A source of the images in a layout."""

    def __init__(self, files: Files) -> None:
        """Read `index.json`. Raises `LayoutError`."""
        self._files = files
        self._listed: Sequence[Manifest] | None = None
        layout = files.find(LAYOUT)
        if layout is None:
            raise LayoutError(files.path, f"not an OCI image layout: there is no file {LAYOUT}")
        _check_version(layout, files)
        index = files.find(INDEX)
        if index is None:
            raise LayoutError(files.path, f"not an OCI image layout: there is no file {INDEX}")
        try:
            self.entries = read_index(index.read(MAX_MANIFEST_BYTES))
        except ManifestError as error:
            raise LayoutError(files.path, f"{INDEX}: {error}") from error

    async def manifests(self, descriptors: Sequence[Descriptor]) -> Sequence[Manifest]:
        """Return manifests, whose digests have been verified, in the same order."""
        size = sum(each.size for each in descriptors)
        if size > MAX_MANIFESTS_BYTES:
            raise LayoutError(
                self._files.path, f"{size:,} bytes of manifests, where {MAX_MANIFESTS_BYTES:,} are allowed"
            )
        return await asyncio.to_thread(lambda: [self._manifest(each) for each in descriptors])

    def blob(self, descriptor: Descriptor) -> FileBlob:
        """Return a configuration or a layer. Raises `LayoutError` if it isn't there or has another size."""
        return FileBlob(descriptor, self._extent(descriptor))

    async def referrers(self, manifest: Manifest) -> Sequence[Artifact]:
        """Return the artifacts that `index.json` lists and that are about an image."""
        wanted = cosign_tags(manifest.digest)
        found: list[Artifact] = []
        if self._listed is None:
            self._listed = await self.manifests(self.entries)
        for entry, artifact in zip(self.entries, self._listed, strict=True):
            tag = entry.annotations.get(REF_NAME)
            if tag in wanted:
                found.append(Artifact(artifact, (tag,)))
            elif artifact.subject and artifact.subject.digest == manifest.digest:
                found.append(Artifact(artifact))
        return found

    @property
    def is_uncompressed(self) -> bool:
        """Whether it lists only images whose layers are plain tar files. Reads their manifests."""
        try:
            manifests = [self._manifest(entry) for entry in self.entries]
        except TransferError:
            return False
        layers = [layer for manifest in manifests for layer in manifest.layers]
        return bool(layers) and all(layer.media_type in PLAIN_LAYERS for layer in layers)

    async def find(self, reference: str | None) -> Manifest:
        """Return the image that `index.json` lists under a name, a tag or a digest; without a reference
        the only one.

        Artifacts that are about another image of the layout don't count. Raises `LayoutError` if there is
        none, or more than one.
        """
        named = [(entry, _names(entry)) for entry in self.entries]
        entries = self.entries if reference is None else choose(reference, named)
        chosen = {entry.digest: entry for entry in entries}
        manifests = await self.manifests(list(chosen.values()))
        if reference is None:
            is_about = [
                await asyncio.to_thread(self._is_about, entry, each)
                for entry, each in zip(chosen.values(), manifests, strict=True)
            ]
            manifests = [each for each, other in zip(manifests, is_about, strict=True) if not other]
        if len(manifests) != 1:
            known = [_names(entry)[0] for entry in self.entries]
            raise not_one_image(self._files.path, len(manifests), reference, known)
        return manifests[0]

    def _is_about(self, entry: Descriptor, manifest: Manifest) -> bool:
        """Whether this is an artifact about another image of the layout."""
        tagged = cosign_subject(entry.annotations.get(REF_NAME, ""))
        subject = manifest.subject.digest if manifest.subject else tagged
        return subject is not None and self._files.find(blob_name(subject)) is not None

    def _manifest(self, descriptor: Descriptor) -> Manifest:
        content = self._extent(descriptor).read(MAX_MANIFEST_BYTES)
        hashed = hash_for(descriptor.digest)
        hashed.update(content)
        if hashed.hexdigest() != descriptor.digest.partition(":")[2]:
            raise DigestMismatchError(descriptor.digest, "another digest")
        return Manifest.parse(content, descriptor.media_type or None)

    def _extent(self, descriptor: Descriptor) -> Extent:
        extent = self._files.find(blob_name(descriptor.digest))
        if extent is None:
            raise LayoutError(self._files.path, f"there is no blob {descriptor.digest}")
        if extent.size != descriptor.size:
            raise LayoutError(
                self._files.path,
                f"the blob {descriptor.digest} has {extent.size:,} bytes, not {descriptor.size:,}",
            )
        return extent


class _Layout(msgspec.Struct):
    version: str = msgspec.field(name="imageLayoutVersion")


def _check_version(layout: Extent, files: Files) -> None:
    """Raise `LayoutError` for another version than 1: its files may mean something else."""
    try:
        version = msgspec.json.decode(layout.read(MAX_LAYOUT_BYTES), type=_Layout).version
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise LayoutError(files.path, f"{LAYOUT}: it names no imageLayoutVersion") from None
    if not version.startswith("1."):
        raise LayoutError(
            files.path,
            f"{LAYOUT}: imageLayoutVersion must be 1.0.0, which this library reads, not {version[:20]!r}",
        )


def _names(entry: Descriptor) -> tuple[str, ...]:
    """Return what an entry can be chosen by, the name that says most first."""
    annotated = (entry.annotations.get(name) for name in (CONTAINERD_NAME, REF_NAME))
    return (*filter(None, annotated), entry.digest)
