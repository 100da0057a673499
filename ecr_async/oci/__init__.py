"""Formats of the Open Container Initiative: digests, media types, image references and manifests.

No module here does I/O. The specifications:
https://github.com/opencontainers/image-spec and https://github.com/opencontainers/distribution-spec
"""

from typing import TYPE_CHECKING

from ecr_async._lazy import lazily

if TYPE_CHECKING:
    from ecr_async.oci.digests import InvalidDigestError, check_digest, digest_of
    from ecr_async.oci.manifests import Descriptor, Manifest, ManifestError, Platform
    from ecr_async.oci.references import ImageReference, RegistryHost

__all__ = [
    "Descriptor",
    "ImageReference",
    "InvalidDigestError",
    "Manifest",
    "ManifestError",
    "Platform",
    "RegistryHost",
    "check_digest",
    "digest_of",
]

_HOMES = {
    "Descriptor": "manifests",
    "ImageReference": "references",
    "InvalidDigestError": "digests",
    "Manifest": "manifests",
    "ManifestError": "manifests",
    "Platform": "manifests",
    "RegistryHost": "references",
    "check_digest": "digests",
    "digest_of": "digests",
}

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
