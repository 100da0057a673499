"""The contents of an image: manifests in the order in which they can be put, and blobs, each once."""

from collections.abc import Iterator, Mapping, Sequence

import attrs

from ecr_async.oci.manifests import Descriptor, Manifest, ManifestError, Platform
from ecr_async.oci.media_types import INDEX_MEDIA_TYPES
from ecr_async.transfer.errors import PlatformNotFoundError
from ecr_async.transfer.source import Artifact, Source

__all__ = ["Contents", "read_contents"]

MAX_DEPTH = 4
"""Indexes within indexes; in practice there are two."""

MAX_MANIFESTS = 10_000

_ABOUT = "vnd.docker.reference.digest"
"""The annotation by which BuildKit's attestations name, in an index, the image that they are about."""


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
        return tuple({blob.digest: blob for each in manifests for blob in each.blobs}.values())


async def read_contents(
    source: Source,
    image: Manifest,
    *,
    platforms: Sequence[str] | None = None,
    include_referrers: bool = False,
) -> Contents:
    """Read all manifests of an image.

    Of an index with several of the platforms, an index remains; with one of them, that image alone.

    Raises `PlatformNotFoundError`, `ManifestError`, and what the source raises.
    """
    if platforms is not None:
        image = await _chosen(source, image, [Platform.parse(text) for text in platforms])
    known = await _descendants(source, image)
    indexes = tuple(_indexes(image, known, set()))
    images = tuple(each for each in known.values() if not each.is_index)
    artifacts = await _artifacts(source, [*images, *indexes]) if include_referrers else ()
    return Contents(image, images, indexes, artifacts)


async def _descendants(source: Source, image: Manifest) -> dict[str, Manifest]:
    """Return an image and everything that it lists, by digest."""
    known = {image.digest: image}
    level = [image]
    for _ in range(MAX_DEPTH):
        listed = {each.digest: each for manifest in level for each in manifest.manifests}
        new = [each for digest, each in listed.items() if digest not in known]
        if not new:
            return known
        if len(known) + len(new) > MAX_MANIFESTS:
            break
        level = list(await source.manifests(new))
        known |= {each.digest: each for each in level}
    raise _too_large(image)


def _too_large(image: Manifest) -> ManifestError:
    return ManifestError(f"{image.digest} is an index of too many images, or too deeply nested")


def _indexes(manifest: Manifest, known: Mapping[str, Manifest], seen: set[str]) -> Iterator[Manifest]:
    """Yield an index after the indexes that it lists, each once. Digests make circles impossible."""
    if manifest.is_index and manifest.digest not in seen:
        seen.add(manifest.digest)
        for each in manifest.manifests:
            yield from _indexes(known[each.digest], known, seen)
        yield manifest


async def _chosen(source: Source, image: Manifest, wanted: Sequence[Platform]) -> Manifest:
    if not image.is_index:
        return image
    nested = await _nested(source, image)
    listed = [each for index in (image, *nested) for each in index.manifests]
    chosen = {each.digest: each for each in listed if _is_one_of(wanted, each.platform)}
    if not chosen:
        available = [
            str(each.platform) for each in listed if each.platform and _ABOUT not in each.annotations
        ]
        raise PlatformNotFoundError([str(each) for each in wanted], available)
    if len(chosen) == 1:
        (alone,) = await source.manifests(list(chosen.values()))
        return alone
    about = {each.digest for each in listed if each.annotations.get(_ABOUT) in chosen}
    if {each.digest for each in image.manifests} == chosen.keys() | about:
        return image
    return image.with_manifests({*chosen, *about}, nested)


async def _nested(source: Source, image: Manifest) -> list[Manifest]:
    """Return the indexes that an index lists, directly or not."""
    found: dict[str, Manifest] = {}
    level = [image]
    for _ in range(MAX_DEPTH):
        new = {
            each.digest: each
            for manifest in level
            for each in manifest.manifests
            if each.media_type in INDEX_MEDIA_TYPES and each.digest not in found
        }
        if len(found) + len(new) > MAX_MANIFESTS:
            raise _too_large(image)
        level = list(await source.manifests(list(new.values()))) if new else []
        found |= {each.digest: each for each in level}
    return list(found.values())


def _is_one_of(wanted: Sequence[Platform], platform: Platform | None) -> bool:
    return platform is not None and any(each.includes(platform) for each in wanted)


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
