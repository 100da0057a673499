"""Blobs whose content is embedded in their descriptor, as that of small configurations may be.

See https://github.com/opencontainers/image-spec/blob/main/descriptor.md#embedded-content
"""

import asyncio
import base64
import binascii
from typing import Self

import attrs

from ecr_async.oci.digests import hash_for
from ecr_async.oci.manifests import Descriptor
from ecr_async.transfer.blobs import Blob, Take
from ecr_async.transfer.source import Source

__all__ = ["EmbeddedBlob", "blob_of"]


@attrs.frozen
class EmbeddedBlob:
    """A blob in its own descriptor."""

    descriptor: Descriptor
    content: bytes = attrs.field(repr=False)

    @classmethod
    def of(cls, descriptor: Descriptor) -> Self | None:
        """Return what is embedded; None if there is nothing, or something else than the digest says."""
        try:
            content = base64.b64decode(descriptor.data or "", validate=True)
        except (binascii.Error, ValueError):
            return None
        hashed = hash_for(descriptor.digest)
        hashed.update(content)
        is_genuine = content and descriptor.digest.endswith(f":{hashed.hexdigest()}")
        return cls(descriptor, content) if is_genuine else None

    async def feed(self, first: int, end: int, take: Take) -> None:
        """Hand over the bytes from `first` up to `end`, on a thread."""
        await asyncio.to_thread(take, self.content[first:end])


def blob_of(source: Source, descriptor: Descriptor) -> Blob:
    """Return a blob from its descriptor if it is embedded there, or else from the source."""
    return EmbeddedBlob.of(descriptor) or source.blob(descriptor)
