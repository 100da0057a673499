"""Results of pushing, pulling and copying images."""

from pathlib import Path

import attrs

__all__ = ["CopiedImage", "MovedImage", "PulledImage", "PushedImage"]


@attrs.frozen
class MovedImage:
    """An image that is at its destination now, and what that took."""

    digest: str
    """The digest of the image's manifest."""
    media_type: str
    """The media type of the image's manifest."""
    tags: tuple[str, ...]
    """The tags that point at the image now, of those that were requested."""
    manifests: tuple[str, ...]
    """The digests of all manifests: images of an index first, then the image, then its referrers."""
    blobs: int
    """Configurations and layers of all manifests, each counted once."""
    blobs_moved: int
    """Those of them that the destination didn't have."""
    bytes: int
    """The size of all blobs."""
    bytes_moved: int
    """Bytes of blobs that were transferred, without those that an interrupted transfer had left."""


@attrs.frozen
class PushedImage(MovedImage):
    """An image that was pushed into a repository."""

    repository: str


@attrs.frozen
class PulledImage(MovedImage):
    """An image that was pulled into a layout."""

    path: Path
    """The layout's folder or archive."""


@attrs.frozen
class CopiedImage(MovedImage):
    """An image that was copied into a repository."""

    repository: str
