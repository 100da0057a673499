"""What an index lists, directly or through other indexes."""

from collections.abc import Collection

from ecr_async.oci.manifests import Manifest, ManifestError
from ecr_async.transfer.errors import check_sha256
from ecr_async.transfer.source import Source

__all__ = ["MAX_MANIFESTS", "read_listed"]

MAX_DEPTH = 4
"""Indexes within indexes; in practice there are two."""

MAX_MANIFESTS = 10_000


async def read_listed(
    source: Source, image: Manifest, media_types: Collection[str] | None = None
) -> dict[str, Manifest]:
    """Return an image and everything that it lists, by digest; or what it lists of some media types.

    Raises `ManifestError`, `UnsupportedDigestError`, and what the source raises.
    """
    known = {image.digest: image}
    level = [image]
    for _ in range(MAX_DEPTH):
        new = {
            each.digest: each
            for manifest in level
            for each in manifest.manifests
            if each.digest not in known and (media_types is None or each.media_type in media_types)
        }
        if not new:
            return known
        if len(known) + len(new) > MAX_MANIFESTS:
            break
        check_sha256(new)
        level = list(await source.manifests(list(new.values())))
        known |= {each.digest: each for each in level}
    raise ManifestError(f"{image.digest} is an index of too many images, or too deeply nested")
