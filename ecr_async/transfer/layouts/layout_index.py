"""The `index.json` of a layout, edited as a document. Nothing here does I/O."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import msgspec

from ecr_async.oci.manifests import Manifest, ManifestError
from ecr_async.oci.media_types import OCI_INDEX
from ecr_async.transfer.errors import LayoutError
from ecr_async.transfer.layouts.layout_reader import INDEX, REF_NAME

__all__ = ["LAYOUT_VERSION", "check_index", "list_image"]

LAYOUT_VERSION = b'{"imageLayoutVersion": "1.0.0"}'
"""The content of the file `oci-layout`."""


def list_image(index: bytes | None, image: Manifest, tags: Sequence[str]) -> bytes:
    """Return an index that lists an image under these tags, or under none.

    A tag is taken from the image that had it; everything else stays. Raises `ManifestError`.
    """
    document: dict[str, Any] = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}
    if index is not None:
        Manifest.parse(index, OCI_INDEX)
        document |= cast("dict[str, Any]", msgspec.json.decode(index))
    entries: list[dict[str, Any]] = document["manifests"] or []
    kept = [entry for entry in entries if _tag(entry) not in tags]
    is_listed = any(entry["digest"] == image.digest for entry in kept)
    descriptor = {"mediaType": image.media_type, "digest": image.digest, "size": len(image.content)}
    if image.artifact_type:
        descriptor["artifactType"] = image.artifact_type
    added = [{**descriptor, "annotations": {REF_NAME: tag}} for tag in tags]
    if not tags and not is_listed:
        added = [descriptor]
    document["manifests"] = [*kept, *added]
    return msgspec.json.format(msgspec.json.encode(document), indent=2)


def check_index(path: Path, index: bytes) -> None:
    """Raise `LayoutError` for the `index.json` of a layout at `path` that cannot be added to."""
    try:
        Manifest.parse(index, OCI_INDEX)
    except ManifestError as error:
        raise LayoutError(path, f"{INDEX}: {error}") from error


def _tag(entry: dict[str, Any]) -> str | None:
    annotations = cast("dict[str, str] | None", entry.get("annotations"))
    return annotations.get(REF_NAME) if annotations else None
