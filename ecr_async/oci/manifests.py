"""Manifests: documents that name an image's configuration and layers, or an index's images.

A manifest's own digest is that of its exact bytes, so they are kept beside what was read from them.

See https://github.com/opencontainers/image-spec/blob/main/manifest.md
and https://github.com/opencontainers/image-spec/blob/main/image-index.md
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Self

import attrs
import msgspec

from ecr_async.errors import ECRError
from ecr_async.oci.digests import InvalidDigestError, check_digest, digest_of
from ecr_async.oci.media_types import INDEX_MEDIA_TYPES, MANIFEST_MEDIA_TYPES, OCI_INDEX, OCI_MANIFEST

__all__ = [
    "MAX_BLOB_BYTES",
    "MAX_MANIFEST_BYTES",
    "Descriptor",
    "Manifest",
    "ManifestError",
    "Platform",
    "read_index",
    "read_platform",
]

MAX_MANIFEST_BYTES = 4 * 1024 * 1024
"""Bytes; the most that PutImage takes."""

MAX_BLOB_BYTES = 1 << 40
"""Bytes; far more than ECR stores as one layer, and few enough to add them up."""


_ARCHITECTURES = {"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64"}
_USUAL_VARIANTS = {"amd64": "v1", "arm64": "v8"}
"""Variants that go without saying.

See https://github.com/containerd/platforms/blob/main/database.go
"""


class ManifestError(ECRError, ValueError):
    """A manifest that is malformed, or of a kind that cannot be transferred."""


@attrs.frozen
class Platform:
    """The platform that an image runs on: `linux/arm64/v8`."""

    os: str
    architecture: str
    variant: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the platform in `os/architecture` or `os/architecture/variant`. Raises `ManifestError`."""
        parts = text.split("/")
        if not 2 <= len(parts) <= 3 or not all(parts):
            raise ManifestError(f"not a platform like linux/arm64: {text[:80]!r}")
        return cls(*parts)

    def includes(self, other: "Platform") -> bool:
        """Whether `other` is this platform; a platform without a variant includes all of its variants.

        As for docker `linux/arm64/v8` is `linux/arm64`, and `linux/x86_64` is `linux/amd64`.
        """
        this, that = self._normal(), other._normal()
        return this[:2] == that[:2] and this[2] in (None, that[2])

    def _normal(self) -> tuple[str, str, str | None]:
        architecture = _ARCHITECTURES.get(self.architecture, self.architecture)
        variant = None if self.variant == _USUAL_VARIANTS.get(architecture) else self.variant
        return self.os, architecture, variant

    def __str__(self) -> str:
        return "/".join(filter(None, (self.os, self.architecture, self.variant)))


@attrs.frozen
class Descriptor:
    """A manifest's reference to content: its digest, size and media type."""

    media_type: str
    digest: str
    size: int
    """Bytes."""
    platform: Platform | None = None
    """What the image runs on, in an index."""
    annotations: Mapping[str, str] = attrs.field(factory=dict[str, str], hash=False)
    artifact_type: str | None = None
    urls: tuple[str, ...] = ()
    """Where the content is, if not in the registry (a base layer of Windows, for instance)."""
    data: str | None = attrs.field(default=None, repr=False)
    """The content itself in base64, which small configurations are embedded as. It has not been verified."""


@attrs.frozen
class Manifest:
    """A manifest's bytes, and what they say."""

    content: bytes = attrs.field(repr=False)
    digest: str
    media_type: str
    config: Descriptor | None = None
    layers: tuple[Descriptor, ...] = ()
    manifests: tuple[Descriptor, ...] = ()
    """The images of an index."""
    subject: Descriptor | None = None
    """The image that this artifact (a signature, an SBOM) is about."""
    artifact_type: str | None = None
    annotations: Mapping[str, str] = attrs.field(factory=dict[str, str], hash=False)

    @classmethod
    def parse(cls, content: bytes, media_type: str | None = None) -> Self:
        """Read a manifest; `media_type` is what it was delivered as, for one that doesn't say.

        Raises `ManifestError`.
        """
        if len(content) > MAX_MANIFEST_BYTES:
            raise ManifestError(f"a manifest can have at most {MAX_MANIFEST_BYTES:,} bytes")
        try:
            document = _DECODER.decode(content.decode())  # which also checks what the decoder skips
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            raise ManifestError(f"not a manifest: {error}") from None
        if document.media_type and media_type and document.media_type != media_type:
            shown = f"{document.media_type[:80]}, not {media_type[:80]}"
            raise ManifestError(f"the manifest says that its media type is {shown}")
        kind = document.media_type or media_type or _guessed(document)
        if document.schema_version != 2 or kind not in MANIFEST_MEDIA_TYPES:
            shown = f"{kind[:80]} of schema version {document.schema_version}"
            raise ManifestError(f"only manifests of schema version 2 can be transferred, not {shown}")
        return cls(
            content=content,
            digest=digest_of(content),
            media_type=kind,
            config=_descriptor(document.config) if document.config else None,
            layers=tuple(map(_descriptor, document.layers or document.blobs or ())),
            manifests=tuple(map(_descriptor, document.manifests or ())),
            subject=_descriptor(document.subject) if document.subject else None,
            artifact_type=document.artifact_type,
            annotations=document.annotations or {},
        )

    @property
    def is_index(self) -> bool:
        """Whether this lists images rather than layers."""
        return self.media_type in INDEX_MEDIA_TYPES

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """The configuration and the layers that a registry holds, each once."""
        if self.is_index:
            return ()
        named = (*((self.config,) if self.config else ()), *self.layers)
        return tuple({blob.digest: blob for blob in named if not blob.urls}.values())

    def descriptor(self, annotations: Mapping[str, str] | None = None) -> Descriptor:
        """Return a descriptor of this manifest."""
        return Descriptor(self.media_type, self.digest, len(self.content), annotations=annotations or {})

    def with_manifests(self, chosen: Collection[str], nested: Iterable["Manifest"] = ()) -> "Manifest":
        """Return this index with the images of these digests only, its own or those of indexes in it.

        It has another digest.
        """
        document = msgspec.json.decode(self.content)
        documents = [document, *(msgspec.json.decode(each.content) for each in nested)]
        listed = [entry for each in documents for entry in each.get("manifests") or ()]
        document["manifests"] = [entry for entry in listed if entry["digest"] in chosen]
        return Manifest.parse(msgspec.json.encode(document), self.media_type)


def read_index(content: bytes) -> tuple[Descriptor, ...]:
    """Return what a layout's `index.json` lists. Raises `ManifestError`."""
    return Manifest.parse(content, OCI_INDEX).manifests


def read_platform(configuration: bytes) -> Platform | None:
    """Return the platform that an image's configuration names, if it names one. Raises `ManifestError`."""
    try:
        found = msgspec.json.decode(configuration, type=_Platform)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise ManifestError(f"not the configuration of an image: {error}") from None
    return _platform(found) if found.os and found.architecture else None


class _Document(msgspec.Struct, rename="camel"):
    schema_version: int = 2
    media_type: str | None = None
    config: "_Content | None" = None
    layers: "list[_Content] | None" = None
    blobs: "list[_Content] | None" = None
    manifests: "list[_Content] | None" = None
    subject: "_Content | None" = None
    artifact_type: str | None = None
    annotations: dict[str, str] | None = None


class _Content(msgspec.Struct, rename="camel"):
    digest: str
    size: int
    media_type: str = ""
    platform: "_Platform | None" = None
    annotations: dict[str, str] | None = None
    artifact_type: str | None = None
    urls: list[str] | None = None
    data: str | None = None


class _Platform(msgspec.Struct):
    architecture: str = ""
    os: str = ""
    variant: str | None = None


_DECODER = msgspec.json.Decoder(_Document)


def _descriptor(content: _Content) -> Descriptor:
    try:
        digest = check_digest(content.digest)
    except InvalidDigestError as error:
        raise ManifestError(f"a descriptor's digest is {error}") from None
    if not 0 <= content.size <= MAX_BLOB_BYTES:
        raise ManifestError(f"the size of {digest} cannot be {content.size:,} bytes")
    return Descriptor(
        content.media_type,
        digest,
        content.size,
        _platform(content.platform) if content.platform else None,
        content.annotations or {},
        content.artifact_type,
        tuple(content.urls or ()),
        content.data,
    )


def _platform(platform: _Platform) -> Platform:
    return Platform(platform.os, platform.architecture, platform.variant or None)


def _guessed(document: _Document) -> str:
    """Return the media type of a manifest that nobody names, which OCI's earlier tools left out."""
    return OCI_INDEX if document.manifests is not None else OCI_MANIFEST
