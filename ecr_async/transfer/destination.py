"""Where an image goes: a repository, a layout or an archive."""

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from ecr_async.oci.manifests import Descriptor, Manifest
from ecr_async.transfer.blobs import Blob

__all__ = ["Destination"]


class Destination(Protocol):
    """Takes blobs first, then the manifests that name them."""

    async def missing(self, blobs: Sequence[Descriptor]) -> Collection[str]:
        """Return the digests of the blobs that aren't there yet."""
        ...

    async def store(self, blob: Blob, on_progress: Callable[[int], object]) -> int:
        """Store a blob and return how many bytes were moved; `on_progress` gets the bytes that are there."""
        ...

    async def put(self, manifest: Manifest, tags: Sequence[str], *, is_listed: bool) -> None:
        """Store a manifest under its digest and these tags.

        `is_listed` distinguishes the image itself and its referrers from the images of an index.
        """
        ...
