"""Manifests, read for what a registry has to know of them.

The forms: https://github.com/opencontainers/image-spec/blob/main/manifest.md,
https://github.com/opencontainers/image-spec/blob/main/image-index.md and
https://distribution.github.io/distribution/spec/manifest-v2-2/
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from ecr_async.local.json_values import as_list, as_object, parse
from ecr_async.local.rules import messages, quotas
from ecr_async.local.state.digests import DIGEST, digest_of
from ecr_async.oci.manifests import MAX_BLOB_BYTES
from ecr_async.oci.media_types import INDEX_MEDIA_TYPES

__all__ = ["Manifest", "ManifestError", "annotations"]


MEDIA_TYPE = re.compile("[!-~](?:[ -~]{0,253}[!-~])?")
"""What a client can be sent as a media type again."""


class ManifestError(ValueError):
    """Why a text is not a manifest that a registry can hold."""


@attrs.frozen
class Manifest:
    """A manifest's text and what follows from it."""

    text: str
    digest: str
    media_type: str
    artifact_media_type: str | None
    """The media type of the configuration, which says what kind of artifact this is."""
    artifact_type: str | None
    subject: str | None
    """The digest of the manifest that this one is about."""
    layers: Mapping[str, str | None]
    """The digests of the configuration and of the layers that the registry holds, and their media types."""
    members: tuple[str, ...]
    """The digests of the manifests in an index, each once."""
    size: int
    """The bytes of the configuration and the layers."""

    @classmethod
    def parse(cls, text: str, media_type: str | None, algorithm: str = "sha256") -> "Manifest":
        """Return what a manifest holds; `media_type` is what it was sent as. Raises `ManifestError`.

        `algorithm` is that of its digest.
        """
        try:
            document = parse(text)
        except ValueError:
            raise ManifestError(messages.NOT_JSON) from None
        if document is None:
            raise ManifestError(messages.NOT_JSON)
        if document.get("schemaVersion") != 2:
            raise ManifestError(messages.OTHER_SCHEMA)
        written = _text(document, "mediaType")
        if media_type and written and media_type != written:
            raise ManifestError(messages.other_media_type(written, media_type))
        media_type = media_type or written
        if not media_type:
            raise ManifestError(messages.NOT_JSON)  # so says ECR
        if not MEDIA_TYPE.fullmatch(media_type):
            raise ManifestError(messages.UNUSABLE_MEDIA_TYPE)
        is_index = media_type in INDEX_MEDIA_TYPES
        members = [*_descriptors(document, "manifests")] if is_index else []
        blobs = [] if is_index else [*_descriptors(document, "config"), *_descriptors(document, "layers")]
        _check_layers(document, media_type)
        subject = next(_descriptors(document, "subject"), None)
        config = next(_descriptors(document, "config"), None)
        return cls(
            text=text,
            digest=digest_of(text.encode(), algorithm),
            media_type=media_type,
            artifact_media_type=_text(config, "mediaType") if config else None,
            artifact_type=_text(document, "artifactType"),
            subject=subject["digest"] if subject else None,
            layers={blob["digest"]: _text(blob, "mediaType") for blob in blobs if not blob.get("urls")},
            members=tuple(dict.fromkeys(member["digest"] for member in members)),
            size=sum(blob.get("size", 0) for blob in blobs),
        )


def _check_layers(document: Mapping[str, Any], media_type: str) -> None:
    if media_type in INDEX_MEDIA_TYPES:
        return
    number = len(as_list(document.get("layers", [])))
    if not number:
        raise ManifestError(messages.NO_LAYERS)
    if number > quotas.MAX_LAYERS:
        raise ManifestError(messages.TOO_MANY_LAYERS)


def annotations(text: str) -> Mapping[str, str]:
    """Return the annotations of a manifest that is known to be one, without those that aren't text."""
    found = as_object((parse(text) or {}).get("annotations")) or {}
    return {name: value for name, value in found.items() if isinstance(value, str)}


def _descriptors(document: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    """Yield the descriptors in a member, which is one or a list."""
    for value in as_list(document.get(name, [])):
        descriptor = as_object(value)
        digest = descriptor and descriptor.get("digest")
        if descriptor is None or not isinstance(digest, str) or not DIGEST.fullmatch(digest):
            raise ManifestError(messages.no_digest_in(name))
        size = descriptor.get("size", 0)
        if not isinstance(size, int) or not 0 <= size <= MAX_BLOB_BYTES:
            raise ManifestError(messages.no_size_in(name))
        yield descriptor


def _text(document: Mapping[str, Any], name: str) -> str | None:
    value = document.get(name)
    if value is not None and not isinstance(value, str):
        raise ManifestError(messages.not_text(name))
    return value
