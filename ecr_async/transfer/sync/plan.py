"""What has to be done so that a repository has another one's images. Nothing here does I/O."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

import attrs

from ecr_async.api.images import ImageDetail
from ecr_async.transfer.source import cosign_subject
from ecr_async.transfer.sync.selection import TagSelector

__all__ = ["Plan", "PlannedImage", "make_plan"]

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@attrs.frozen
class PlannedImage:
    """An image of the source, and what is to become of it."""

    digest: str
    tags: tuple[str, ...] = ()
    """The tags that the destination is to have."""
    size: int = 0
    """Bytes; of an index, those of its largest image."""
    missing_tags: tuple[str, ...] = ()
    """Those of the tags that the destination doesn't have on this image."""
    is_present: bool = False
    """Whether the destination has the image."""
    reason: str | None = None
    """Why the image is left out; None if it isn't."""


@attrs.frozen
class Plan:
    """What is to be done in one repository."""

    to_copy: tuple[PlannedImage, ...] = ()
    present: tuple[PlannedImage, ...] = ()
    skipped: tuple[PlannedImage, ...] = ()
    to_prune: tuple[PlannedImage, ...] = ()
    """Tags of the destination that the source doesn't have, by the images that have them."""


def make_plan(
    source: Iterable[ImageDetail],
    destination: Iterable[ImageDetail],
    selector: TagSelector,
    *,
    include_referrers: bool = False,
    prune: bool = False,
) -> Plan:
    """Compare two repositories.

    Images without a selected tag are left out: those of an index come with it, and artifacts come with their
    subject. A tag is pruned if the selection would take it and the source no longer has it; nothing is pruned
    where the source has no selected image at all, since that is more likely a mistake.
    """
    listed = list(source)
    there = {image.image_digest or "": image for image in destination}
    selected = {image.image_digest or "": _selected(image, selector) for image in listed}
    wanted = _newest([image for image in listed if selected[image.image_digest or ""]], selector.newest)
    to_copy: list[PlannedImage] = []
    already: list[PlannedImage] = []
    skipped: list[PlannedImage] = []
    for image in listed:
        digest = image.image_digest or ""
        tags = selected[digest]
        planned = PlannedImage(digest, tags, image.image_size_in_bytes or 0)
        if digest not in wanted:
            skipped.append(attrs.evolve(planned, reason=_reason(image, tags)))
            continue
        present = there.get(digest)
        missing = tuple(tag for tag in tags if present is None or tag not in present.image_tags)
        planned = attrs.evolve(planned, missing_tags=missing, is_present=present is not None)
        is_done = not missing and not include_referrers
        (already if is_done else to_copy).append(planned)
    to_prune = _extra(there, wanted, selected, selector) if prune and wanted else ()
    return Plan(tuple(to_copy), tuple(already), tuple(skipped), to_prune)


def _selected(image: ImageDetail, selector: TagSelector) -> tuple[str, ...]:
    """Return an image's tags that are to be brought along. Those that cosign made come with their image."""
    return tuple(tag for tag in image.image_tags if cosign_subject(tag) is None and selector.includes(tag))


def _newest(images: Sequence[ImageDetail], count: int | None) -> frozenset[str]:
    ordered = sorted(images, key=lambda image: image.image_pushed_at or _LONG_AGO, reverse=True)
    return frozenset(image.image_digest or "" for image in ordered[:count])


def _reason(image: ImageDetail, tags: Sequence[str]) -> str:
    if tags:
        return "older than the newest"
    if image.image_tags:
        return "no selected tag"
    if image.subject_manifest_digest is not None:
        return "an artifact: it comes along with what it is about, if referrers are included"
    return "untagged: it comes along with an index that lists it"


def _extra(
    there: Mapping[str, ImageDetail],
    wanted: frozenset[str],
    selected: Mapping[str, Sequence[str]],
    selector: TagSelector,
) -> tuple[PlannedImage, ...]:
    kept = {tag for digest in wanted for tag in selected[digest]}
    extra: list[PlannedImage] = []
    for digest, image in there.items():
        tags = tuple(tag for tag in _selected(image, selector) if tag not in kept)
        if tags:
            extra.append(PlannedImage(digest, tags, image.image_size_in_bytes or 0))
    return tuple(extra)
