"""The images of an index that are for certain platforms.

Of an image whose platform the index doesn't name, the configuration is read, as containerd does.
"""

from collections.abc import Sequence

import attrs

from ecr_async._bulk.concurrency import for_each
from ecr_async.oci.digests import hash_for
from ecr_async.oci.manifests import MAX_MANIFEST_BYTES, Descriptor, Manifest, Platform, read_platform
from ecr_async.oci.media_types import CONFIGS, INDEX_MEDIA_TYPES
from ecr_async.transfer.embedded_blob import blob_of
from ecr_async.transfer.errors import DigestMismatchError, PlatformNotFoundError
from ecr_async.transfer.indexes import read_listed
from ecr_async.transfer.source import Source

__all__ = ["choose_platforms"]

_ABOUT = "vnd.docker.reference.digest"
"""The annotation by which BuildKit's attestations name, in an index, the image that they are about."""

READ_AT_ONCE = 8
"""Configurations that are read at a time."""


async def choose_platforms(source: Source, image: Manifest, wanted: Sequence[Platform]) -> Manifest:
    """Return what there is of an image for some platforms.

    Of an index with several of them an index remains, with one of them that image alone. An image that is
    for no platform, such as a chart, is taken as it is.

    Raises `PlatformNotFoundError`, `ManifestError`, and what the source raises.
    """
    if not image.is_index:
        platform = await _platform_of(source, image)
        if platform is not None and not _is_one_of(wanted, platform):
            raise _not_found(wanted, [platform])
        return image
    indexes = await read_listed(source, image, INDEX_MEDIA_TYPES)
    listed = await _with_platforms(source, [each for index in indexes.values() for each in index.manifests])
    chosen = {each.digest: each for each in listed if _is_one_of(wanted, each.platform)}
    if not chosen:
        raise _not_found(
            wanted, [each.platform for each in listed if each.platform and _ABOUT not in each.annotations]
        )
    if len(chosen) == 1:
        (alone,) = await source.manifests(list(chosen.values()))
        return alone
    about = {each.digest for each in listed if each.annotations.get(_ABOUT) in chosen}
    if {each.digest for each in image.manifests} == chosen.keys() | about:
        return image
    nested = [each for each in indexes.values() if each is not image]
    return image.with_manifests({*chosen, *about}, nested)


async def _with_platforms(source: Source, listed: Sequence[Descriptor]) -> list[Descriptor]:
    """Return the descriptors, with the platforms that they don't name but the images do."""
    silent = [
        each
        for each in {each.digest: each for each in listed}.values()
        if each.platform is None
        and each.media_type not in INDEX_MEDIA_TYPES
        and _ABOUT not in each.annotations
    ]
    found: dict[str, Platform | None] = {}

    async def look(manifest: Manifest) -> None:
        found[manifest.digest] = await _platform_of(source, manifest)

    await for_each(await source.manifests(silent) if silent else (), look, READ_AT_ONCE)
    return [attrs.evolve(each, platform=each.platform or found.get(each.digest)) for each in listed]


async def _platform_of(source: Source, image: Manifest) -> Platform | None:
    """Return the platform that an image's configuration names; None for an artifact's."""
    config = image.config
    if config is None or config.media_type not in CONFIGS or config.size > MAX_MANIFEST_BYTES:
        return None
    pieces: list[bytes] = []
    await blob_of(source, config).feed(0, config.size, pieces.append)
    content = b"".join(pieces)
    hashed = hash_for(config.digest)
    hashed.update(content)
    if not config.digest.endswith(f":{hashed.hexdigest()}"):
        raise DigestMismatchError(config.digest, "another digest")
    return read_platform(content)


def _is_one_of(wanted: Sequence[Platform], platform: Platform | None) -> bool:
    return platform is not None and any(each.includes(platform) for each in wanted)


def _not_found(wanted: Sequence[Platform], available: Sequence[Platform]) -> PlatformNotFoundError:
    return PlatformNotFoundError(list(map(str, wanted)), list(map(str, available)))
