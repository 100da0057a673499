"""The contents of an image: manifests in the order in which they can be put, and blobs, each once."""

from collections.abc import Iterator, Mapping, Sequence

import attrs

from ecr_async.oci.manifests import Descriptor, Manifest, Platform
from ecr_async.transfer.indexes import MAX_MANIFESTS, read_listed
from ecr_async.transfer.platforms import choose_platforms
from ecr_async.transfer.source import Artifact, Source

__all__ = ["Contents", "read_contents"]


@attrs.frozen
class Contents:
    """An image with everything that it refers to."""

    image: Manifest
    images: tuple[Manifest, ...]
    """All manifests that have layers: the image itself, or those of the index."""
    indexes: tuple[Manifest, ...] = ()
    """All indexes, each after those that it lists."""
    artifacts: tuple[Artifact, ...] = ()
    """Artifacts about the image or its parts, each after its own subject."""
    is_present: bool = False
    """Whether the destination has everything but the artifacts."""

    @property
    def manifests(self) -> tuple[Manifest, ...]:
        """All manifests: those that others refer to come first."""
        return (*self.images, *self.indexes, *(each.manifest for each in self.artifacts))

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """The configurations and layers to move, each once however many manifests share it."""
        artifacts = [each.manifest for each in self.artifacts]
        manifests = artifacts if self.is_present else self.manifests
        found: dict[str, Descriptor] = {}
        for blob in (blob for each in manifests for blob in each.blobs):
            if blob.data is not None or blob.digest not in found:
                found[blob.digest] = blob
        return tuple(found.values())


async def read_contents(
    source: Source,
    image: Manifest,
    *,
    platforms: Sequence[str] | None = None,
    include_referrers: bool = False,
) -> Contents:
    """Read all manifests of an image.

    Of an index with several of the platforms, an index remains; with one of them, that image alone.

    Raises `PlatformNotFoundError`, `ManifestError`, `UnsupportedDigestError`, and what the source raises.
    """
    if platforms is not None:
        image = await choose_platforms(source, image, [Platform.parse(text) for text in platforms])
    known = await read_listed(source, image)
    indexes = tuple(_indexes(image, known, set()))
    images = tuple(each for each in known.values() if not each.is_index)
    artifacts = await _artifacts(source, [*images, *indexes]) if include_referrers else ()
    return Contents(image, images, indexes, artifacts)


def _indexes(manifest: Manifest, known: Mapping[str, Manifest], seen: set[str]) -> Iterator[Manifest]:
    """Yield an index after the indexes that it lists, each once. Digests make circles impossible."""
    if manifest.is_index and manifest.digest not in seen:
        seen.add(manifest.digest)
        for each in manifest.manifests:
            yield from _indexes(known[each.digest], known, seen)
        yield manifest


async def _artifacts(source: Source, subjects: Sequence[Manifest]) -> tuple[Artifact, ...]:
    """Return the artifacts about these manifests, and the artifacts about those."""
    known = {each.digest for each in subjects}
    found: list[Artifact] = []
    waiting = list(subjects)
    while waiting:
        for artifact in await source.referrers(waiting.pop(0)):
            if artifact.manifest.digest not in known and len(known) < MAX_MANIFESTS:
                known.add(artifact.manifest.digest)
                found.append(artifact)
                waiting.append(artifact.manifest)
    return tuple(found)
