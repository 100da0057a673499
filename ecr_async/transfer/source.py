"""Where an image comes from: a layout, an archive or a repository."""

from collections.abc import Sequence
from typing import Protocol

import attrs

from ecr_async.oci.digests import is_digest
from ecr_async.oci.manifests import Descriptor, Manifest
from ecr_async.transfer.blobs import Blob

__all__ = ["COSIGN_SUFFIXES", "Artifact", "Source", "cosign_subject", "cosign_tags"]

COSIGN_SUFFIXES = (".sig", ".att", ".sbom")
"""cosign's signatures, attestations and SBOMs may have no subject, but a tag made of the image's digest.

See https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md
"""


def cosign_tags(digest: str) -> tuple[str, ...]:
    """Return the tags by which cosign finds its artifacts about an image: `sha256-….sig` and the others."""
    return tuple(digest.replace(":", "-") + suffix for suffix in COSIGN_SUFFIXES)


def cosign_subject(tag: str) -> str | None:
    """Return the digest of the image that a tag of cosign's is made of, None for other tags."""
    name, dot, suffix = tag.rpartition(".")
    digest = name.replace("-", ":", 1)
    return digest if dot + suffix in COSIGN_SUFFIXES and is_digest(digest) else None


@attrs.frozen
class Artifact:
    """An artifact about an image, such as a signature; `tags` are those without which it isn't found."""

    manifest: Manifest
    tags: tuple[str, ...] = ()


class Source(Protocol):
    """Manifests and blobs by descriptor."""

    async def manifests(self, descriptors: Sequence[Descriptor]) -> Sequence[Manifest]:
        """Return manifests, whose digests have been verified, in the same order."""
        ...

    def blob(self, descriptor: Descriptor) -> Blob:
        """Return a configuration or a layer."""
        ...

    async def referrers(self, manifest: Manifest) -> Sequence[Artifact]:
        """Return the artifacts (signatures, SBOMs) that are about an image."""
        ...
