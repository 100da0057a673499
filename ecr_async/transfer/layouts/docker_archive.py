"""Archives as `docker save` writes them: `manifest.json`, configurations, and layers as plain tar files.

They have no manifest of the registry's kind, so one is made: the layers are compressed, always in the same
way, so that the same archive is the same image the next time. Newer versions of docker write an OCI layout
besides, which is then read instead, unless that has plain layers too.

See https://github.com/moby/docker-image-spec
"""

import asyncio
import hashlib
import zlib
from collections.abc import Sequence

import msgspec

from ecr_async.oci.digests import digest_of
from ecr_async.oci.manifests import MAX_MANIFEST_BYTES, Descriptor, Manifest
from ecr_async.oci.media_types import DOCKER_CONFIG, DOCKER_LAYER_GZIP, DOCKER_MANIFEST
from ecr_async.transfer.blobs import Extent, FileBlob
from ecr_async.transfer.errors import DigestMismatchError, LayoutError
from ecr_async.transfer.layouts.files import Files
from ecr_async.transfer.layouts.gunzip import GZIP_BITS, GZIP_MAGIC, Gunzip
from ecr_async.transfer.layouts.image_names import choose, not_one_image
from ecr_async.transfer.layouts.temporary_files import TemporaryFiles
from ecr_async.transfer.source import Artifact

__all__ = ["MANIFEST", "DockerArchive"]

MANIFEST = "manifest.json"


class DockerArchive:
    """A source of the images in a docker archive. Layers are compressed into temporary files."""

    def __init__(self, files: Files, temporary: TemporaryFiles, *, max_unpacked: int) -> None:
        """Read `manifest.json`. Raises `LayoutError`."""
        self._files = files
        self._max_unpacked = max_unpacked
        self._temporary = temporary
        self._extents: dict[str, Extent] = {}
        content = self._extent(MANIFEST).read(MAX_MANIFEST_BYTES)
        if content.lstrip().startswith(b"{"):
            reason = "the folder is in skopeo's own format; `skopeo copy dir:… oci:…` makes it a layout"
            raise LayoutError(files.path, reason)
        try:
            self._images = msgspec.json.decode(content, type=list[_SavedImage])
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            raise LayoutError(files.path, f"{MANIFEST}: {error}") from error

    async def find(self, reference: str | None) -> Manifest:
        """Return the image with a name (`app:v1`, or `v1` alone) or an ID; without a reference the only one.

        Its layers are compressed meanwhile. Raises `LayoutError` if there is none, or more than one.
        """
        named = [(image, (*image.names, image.id)) for image in self._images]
        chosen = self._images if reference is None else choose(reference, named)
        if len(chosen) != 1:
            known = [name for image in self._images for name in image.names or [image.id]]
            raise not_one_image(self._files.path, len(chosen), reference, known)
        return await self._manifest(chosen[0])

    async def manifests(self, descriptors: Sequence[Descriptor]) -> Sequence[Manifest]:
        """Raise `LayoutError`: there are no indexes here that could list any."""
        raise LayoutError(self._files.path, "a docker archive has no images of several platforms")

    def blob(self, descriptor: Descriptor) -> FileBlob:
        """Return a configuration or a layer of the image that was found."""
        return FileBlob(descriptor, self._extents[descriptor.digest])

    async def referrers(self, manifest: Manifest) -> Sequence[Artifact]:
        """Return nothing: there are no artifacts in a docker archive."""
        return ()

    async def _manifest(self, image: "_SavedImage") -> Manifest:
        extent = self._extent(image.config)
        content = await asyncio.to_thread(extent.read, MAX_MANIFEST_BYTES)
        config = Descriptor(DOCKER_CONFIG, digest_of(content), len(content))
        self._extents[config.digest] = extent
        diff_ids = self._diff_ids(content, len(image.layers))
        known: dict[str, Descriptor] = {}
        for name, diff_id in zip(image.layers, diff_ids, strict=True):
            if diff_id not in known:
                known[diff_id] = await asyncio.to_thread(self._layer, self._extent(name), diff_id)
        document = {
            "schemaVersion": 2,
            "mediaType": DOCKER_MANIFEST,
            "config": _document(config),
            "layers": [_document(known[diff_id]) for diff_id in diff_ids],
        }
        return Manifest.parse(msgspec.json.encode(document))

    def _diff_ids(self, config: bytes, count: int) -> list[str]:
        try:
            diff_ids = msgspec.json.decode(config, type=_Config).rootfs.diff_ids
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            raise LayoutError(self._files.path, f"the image's configuration: {error}") from error
        if len(diff_ids) != count:
            raise LayoutError(
                self._files.path, f"{count} layers, where the configuration has {len(diff_ids)}"
            )
        return diff_ids

    def _layer(self, extent: Extent, diff_id: str) -> Descriptor:
        """Return a layer, compressed if it isn't yet, once it is what the configuration says."""
        if _starts_with(extent, GZIP_MAGIC):
            layer: _Packed | _Plain = _Packed(extent, self._max_unpacked)
        else:
            layer = _Plain(extent, self._temporary)
        if layer.diff_id != diff_id:
            raise DigestMismatchError(diff_id, layer.diff_id)
        self._extents[layer.digest] = layer.extent
        return Descriptor(DOCKER_LAYER_GZIP, layer.digest, layer.extent.size)

    def _extent(self, name: str) -> Extent:
        extent = self._files.find(name)
        if extent is None:
            raise LayoutError(self._files.path, f"there is no file {name[:200]!r}")
        return extent


class _Packed:
    """A layer that is compressed already; its digests."""

    def __init__(self, extent: Extent, limit: int) -> None:
        packed, plain = hashlib.sha256(), hashlib.sha256()
        gunzip = Gunzip(extent.path, limit)

        def take(data: bytes) -> None:
            packed.update(data)
            for content in gunzip.unpack(data):
                plain.update(content)

        extent.feed(0, extent.size, take)
        gunzip.finish()
        self.extent = extent
        self.digest = f"sha256:{packed.hexdigest()}"
        self.diff_id = f"sha256:{plain.hexdigest()}"


class _Plain:
    """A layer that is compressed into a temporary file; its digests."""

    def __init__(self, extent: Extent, temporary: TemporaryFiles) -> None:
        packed, plain = hashlib.sha256(), hashlib.sha256()
        packer = zlib.compressobj(6, zlib.DEFLATED, GZIP_BITS)
        size = 0
        with temporary.create() as file:

            def write(data: bytes) -> None:
                nonlocal size
                packed.update(data)
                file.write(data)
                size += len(data)

            def take(data: bytes) -> None:
                plain.update(data)
                write(packer.compress(data))

            extent.feed(0, extent.size, take)
            write(packer.flush())
        self.extent = Extent(file.path, 0, size)
        self.digest = f"sha256:{packed.hexdigest()}"
        self.diff_id = f"sha256:{plain.hexdigest()}"


class _SavedImage(msgspec.Struct, rename="pascal"):
    config: str
    layers: list[str]
    repo_tags: list[str] | None = None

    @property
    def names(self) -> list[str]:
        return self.repo_tags or []

    @property
    def id(self) -> str:
        """The digest of the configuration, which its file's name has: what `docker image ls` shows."""
        name = self.config.rpartition("/")[2].removesuffix(".json")
        return name if ":" in name else f"sha256:{name}"  # crane writes the digest as it is


class _RootFs(msgspec.Struct):
    diff_ids: list[str]


class _Config(msgspec.Struct):
    rootfs: _RootFs


def _starts_with(extent: Extent, magic: bytes) -> bool:
    found: list[bytes] = []
    extent.feed(0, min(len(magic), extent.size), found.append)
    return b"".join(found) == magic


def _document(descriptor: Descriptor) -> dict[str, str | int]:
    return {"mediaType": descriptor.media_type, "size": descriptor.size, "digest": descriptor.digest}
