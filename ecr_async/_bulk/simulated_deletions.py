"""A copy of a repository's list of images, on which deletions are simulated as ECR carries them out."""

from ecr_async.api.common import ImageIdentifier

__all__ = ["ImageListing"]


class ImageListing:
    """A repository's digests and tags, as far as they were added and not deleted."""

    def __init__(self) -> None:
        self._tags: dict[str, list[str]] = {}
        self._digests: dict[str, str] = {}

    def add(self, image_id: ImageIdentifier) -> None:
        """Add an image without tags, or a tag of an image."""
        digest, tag = image_id.image_digest or "", image_id.image_tag
        tags = self._tags.setdefault(digest, [])
        if tag is not None:
            tags.append(tag)
            self._digests[tag] = digest

    def rejection(self, image_id: ImageIdentifier) -> str | None:
        """Return the failure code of the deletion; None if it would succeed."""
        digest, tag = image_id.image_digest, image_id.image_tag
        if digest is None and tag is None:
            return "MissingDigestAndTag"
        found = digest if tag is None else self._digests.get(tag)
        if found not in self._tags:
            return "ImageNotFound"
        return None if digest in (None, found) else "ImageTagDoesNotMatchDigest"

    def delete(self, image_id: ImageIdentifier) -> list[ImageIdentifier]:
        """Delete a tag, or an image with all its tags; return what went."""
        tag = image_id.image_tag
        digest = image_id.image_digest or self._digests[tag or ""]
        gone = self._tags[digest].copy() if tag is None else [tag]
        for each in gone:
            self._tags[digest].remove(each)
            del self._digests[each]
        if not self._tags[digest]:
            del self._tags[digest]
        return [ImageIdentifier(digest, each) for each in gone or (None,)]
