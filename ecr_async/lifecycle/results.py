"""What an evaluated policy does to images, and what has to be known of an image for that."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Generic, Protocol, TypeVar, cast

import attrs

from ecr_async.errors import ValidationError
from ecr_async.lifecycle.rules import Action, Rule, StorageClass
from ecr_async.oci.media_types import INDEX_MEDIA_TYPES

__all__ = ["Evaluation", "Image", "ImageResult", "ImageT", "check_images", "storage_class_of"]


class Image(Protocol):
    """What is known of an image. `ecr_async.ImageDetail`, as `describe_images` returns it, is one."""

    @property
    def image_digest(self) -> str | None:
        """The manifest's digest."""
        ...

    @property
    def image_tags(self) -> Sequence[str]:
        """Its tags, none if it is untagged."""
        ...

    @property
    def image_pushed_at(self) -> datetime | None:
        """When it was pushed; aware."""
        ...

    @property
    def last_recorded_pull_time(self) -> datetime | None:
        """When it was last pulled; aware."""
        ...

    @property
    def image_size_in_bytes(self) -> int | None:
        """The compressed size of its layers; of a manifest list, that of its largest image."""
        ...

    @property
    def image_status(self) -> str | None:
        """`ACTIVE`, `ARCHIVED`, or `ACTIVATING` while it is being restored."""
        ...

    @property
    def last_archived_at(self) -> datetime | None:
        """When it was last archived; aware."""
        ...

    @property
    def last_activated_at(self) -> datetime | None:
        """When it was last restored from the archive; aware."""
        ...

    @property
    def image_manifest_media_type(self) -> str | None:
        """What the manifest is: an image, or a list of them."""
        ...

    @property
    def subject_manifest_digest(self) -> str | None:
        """The image that this one is an artifact of."""
        ...


ImageT = TypeVar("ImageT", bound=Image)


@attrs.frozen
class ImageResult(Generic[ImageT]):
    """An image and the rule that takes it; the properties are those of a preview of the service."""

    image: ImageT
    rule: Rule

    @property
    def image_digest(self) -> str | None:
        """The image's digest."""
        return self.image.image_digest

    @property
    def image_tags(self) -> tuple[str, ...]:
        """The image's tags."""
        return tuple(self.image.image_tags)

    @property
    def image_pushed_at(self) -> datetime | None:
        """When the image was pushed."""
        return self.image.image_pushed_at

    @property
    def action(self) -> Action:
        """What happens to the image."""
        return self.rule.action

    @property
    def applied_rule_priority(self) -> int:
        """The priority of the rule that takes it."""
        return self.rule.priority

    @property
    def storage_class(self) -> StorageClass:
        """Where the image is before the action."""
        return storage_class_of(self.image)


@attrs.frozen
class Evaluation(Generic[ImageT]):
    """What a policy does to a repository's images."""

    results: tuple[ImageResult[ImageT], ...]
    """The images that rules expire or archive: those in standard storage first, then the archived
    ones, each in the order in which they go, oldest first. An image's age counts from its push or
    its last restoring, an archived one's from its archiving."""
    artifacts: tuple[ImageResult[ImageT], ...] = ()
    """Signatures, SBOMs and the like that ECR removes within a day because their subject goes."""
    undetermined: tuple[ImageResult[ImageT], ...] = ()
    """Images that rules take, but that ECR may hold back: a manifest list stays of which `references` does
    not say what it refers to. Empty when `references` has every list; see `ecr_async.collect_references`."""

    @property
    def expiring_count(self) -> int:
        """How many images rules expire."""
        return sum(1 for _ in self._expiring())

    @property
    def expiring_bytes(self) -> int:
        """The sizes of the images that rules expire, added up.

        An upper bound of what becomes free: layers that other images share stay. Manifest lists
        count nothing, since their images are counted themselves.
        """
        return sum(
            result.image.image_size_in_bytes or 0
            for result in self._expiring()
            if result.image.image_manifest_media_type not in INDEX_MEDIA_TYPES
        )

    @property
    def transitioning_counts(self) -> dict[str, int]:
        """How many images rules move, by the storage class that they move to."""
        counts: dict[str, int] = {}
        for result in self.results:
            target = result.action.target_storage_class
            if target is not None:
                counts[target] = counts.get(target, 0) + 1
        return counts

    def _expiring(self) -> Iterator[ImageResult[ImageT]]:
        return (result for result in self.results if result.action.type == "expire")


def storage_class_of(image: Image) -> StorageClass:
    """Return the storage class that an image is in."""
    return "archive" if image.image_status == "ARCHIVED" else "standard"


def check_images(given: Iterable[ImageT]) -> list[ImageT]:
    """Return images as a list. Raises `ValidationError` for what isn't one, a digest for instance."""
    if isinstance(cast("object", given), str | bytes) or not isinstance(cast("object", given), Iterable):
        raise ValidationError("images", f"must be a list of images, not {type(given).__name__}")
    images = list(given)
    for index, image in enumerate(images):
        if not hasattr(image, "image_digest"):
            raise ValidationError(f"images[{index}]", f"must be an ImageDetail, not {type(image).__name__}")
    return images
