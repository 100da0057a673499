"""Which images a policy would expire or archive, told without asking ECR.

Theory of operation. ECR documents its evaluator in
https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html#lp_evaluation_rules:

1. A rule *identifies* the images of its storage class that its tags ask for, taken or not.
2. It *marks* some of them: all but the newest, or those past an age.
3. An image belongs to the first rule, by priority, that identifies it. Only that rule's mark
   counts, so an image that the rule identifies and leaves alone is safe from all later rules.
4. An image that a manifest list refers to is *held back* while one such list stays.
5. Artifacts whose subject goes (signatures, SBOMs) follow it.

Images are sorted once, oldest first. Every rule then works on indices into that order: "all but
the newest" and "past an age" are slices of it, and cost is linear in images for each rule.
"""

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Generic, Protocol, TypeVar

import attrs

from ecr_async.lifecycle.policy import LifecyclePolicy
from ecr_async.lifecycle.rules import Action, Rule, Selection, StorageClass
from ecr_async.lifecycle.tags import identify, tag_text

__all__ = ["Evaluation", "Image", "ImageResult", "evaluate"]

EVER = datetime.min.replace(tzinfo=UTC)
MANIFEST_LISTS = frozenset(
    {
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.index.v1+json",
    }
)


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
        return _storage_class(self.image)


@attrs.frozen
class Evaluation(Generic[ImageT]):
    """What a policy does to a repository's images."""

    results: tuple[ImageResult[ImageT], ...]
    """The images that rules expire or archive: those in standard storage first, then the archived
    ones, each in the order in which they go, oldest first. An image's age counts from its push or
    its last restoring, an archived one's from its archiving."""
    artifacts: tuple[ImageResult[ImageT], ...] = ()
    """Artifacts that no rule takes, but that ECR removes within a day because their subject goes."""

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
            if result.image.image_manifest_media_type not in MANIFEST_LISTS
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


def evaluate(
    policy: LifecyclePolicy,
    images: Iterable[ImageT],
    *,
    now: datetime,
    references: Mapping[str, Iterable[str]] | None = None,
) -> Evaluation[ImageT]:
    """Return what `policy` does to a repository's images at the moment `now`, an aware datetime.

    `images` are all images of one repository. `references` maps a manifest list's digest to the
    digests that it refers to; those cannot go while such a list stays. The same images give the
    same answer in whatever order they come, and nothing is sent anywhere. It is work for the
    processor alone, linear in images and rules: with many thousands of images and an event loop to
    keep free, call it through `asyncio.to_thread`.

    Raises `LifecyclePolicyError` if ECR would refuse the policy, `ValueError` if `now` is naive.
    """
    policy.check()
    if now.tzinfo is None:
        raise ValueError("now must be an aware datetime")
    by_priority = sorted(policy.rules, key=lambda rule: rule.priority)
    everything = list(images)
    standard, archived = _shelve(everything, "standard", now), _shelve(everything, "archive", now)
    taken = [*_taken(by_priority, standard, now), *_taken(by_priority, archived, now)]
    if references:
        protecting = {image.image_digest for image in standard.images}
        held_back = _held_back(references, protecting, {result.image_digest for result in taken})
        taken = [result for result in taken if result.image_digest not in held_back]
    return Evaluation(tuple(taken), tuple(_following(taken, everything)))


@attrs.frozen
class _Shelf(Generic[ImageT]):
    """The images of one storage class, oldest first, in lists with the same indices."""

    storage_class: StorageClass
    images: list[ImageT]
    moments: list[datetime]
    """What orders them."""
    texts: list[str]
    """Their tags, as `ecr_async.lifecycle.tags` wants them."""


def _storage_class(image: Image) -> StorageClass:
    return "archive" if image.image_status == "ARCHIVED" else "standard"


def _restored_at(image: Image, now: datetime) -> datetime | None:
    # An image that is being restored will have been restored just now.
    return now if image.image_status == "ACTIVATING" else image.last_activated_at


def _shelve(images: Iterable[ImageT], storage_class: StorageClass, now: datetime) -> _Shelf[ImageT]:
    # A time that is not known counts as now: what may be new is not taken for old.
    def moment(image: Image) -> datetime:
        if storage_class == "archive":
            return image.last_archived_at or now
        return _restored_at(image, now) or image.image_pushed_at or now

    unordered = [image for image in images if _storage_class(image) == storage_class]
    when = list(map(moment, unordered))
    order = sorted(range(len(when)), key=when.__getitem__)
    moments = [when[index] for index in order]
    ordered = [unordered[index] for index in order]
    # Ties are few, and cheaper to order afterwards than by a longer key for every image.
    for tied in {later for earlier, later in pairwise(moments) if earlier == later}:
        run = slice(bisect_left(moments, tied), bisect_right(moments, tied))
        ordered[run] = sorted(ordered[run], key=lambda image: image.image_digest or "")
    return _Shelf(storage_class, ordered, moments, [tag_text(image.image_tags) for image in ordered])


def _taken(by_priority: Iterable[Rule], shelf: _Shelf[ImageT], now: datetime) -> list[ImageResult[ImageT]]:
    """Return what rules take from a shelf, oldest first."""
    claimed = bytearray(len(shelf.images))
    takers: list[Rule | None] = [None] * len(shelf.images)
    for rule in by_priority:
        if rule.selection.effective_storage_class == shelf.storage_class:
            identified = identify(rule.selection, shelf.texts)
            for index in _marked(rule.selection, identified, shelf, now):
                if not claimed[index]:
                    takers[index] = rule
            for index in identified:
                claimed[index] = True
    pairs = zip(shelf.images, takers, strict=True)
    return [ImageResult(image, rule) for image, rule in pairs if rule is not None]


def _marked(
    selection: Selection, identified: Sequence[int], shelf: _Shelf[ImageT], now: datetime
) -> Sequence[int]:
    """Return those of the identified images that are too many or too old."""
    number = selection.count_number
    if selection.count_type == "imageCountMoreThan":
        return identified[: max(0, len(identified) - number)]
    cutoff = _days_before(now, number)
    if selection.count_type == "sinceImagePulled":
        return [index for index in identified if _last_used(shelf, index, now) < cutoff]
    return identified[: bisect_left(identified, bisect_left(shelf.moments, cutoff))]


def _last_used(shelf: _Shelf[ImageT], index: int, now: datetime) -> datetime:
    """Return when an image was pulled or, if it never was since it is there, since when it is there."""
    image = shelf.images[index]
    pulled, restored = image.last_recorded_pull_time, _restored_at(image, now)
    if pulled is None or (restored is not None and pulled < restored):
        return shelf.moments[index]
    return pulled


def _days_before(now: datetime, days: int) -> datetime:
    try:
        return now - timedelta(days=days)
    except OverflowError:
        return EVER


def _held_back(
    references: Mapping[str, Iterable[str]], protecting: Container[str | None], taken: Container[str | None]
) -> set[str]:
    """Return the digests that are taken and have to stay, because a manifest list stays."""
    held_back: set[str] = set()
    staying = [digest for digest in references if digest in protecting and digest not in taken]
    while staying:
        for digest in references.get(staying.pop(), ()):
            if digest in taken and digest not in held_back:
                held_back.add(digest)
                if digest in protecting:
                    staying.append(digest)
    return held_back


def _following(
    taken: Iterable[ImageResult[ImageT]], images: Iterable[ImageT]
) -> Iterator[ImageResult[ImageT]]:
    """Yield the artifacts that go with what is taken, and the artifacts of those."""
    artifacts: dict[str, list[ImageT]] = {}
    for image in images:
        if image.subject_manifest_digest is not None:
            artifacts.setdefault(image.subject_manifest_digest, []).append(image)
    if not artifacts:
        return
    going = {result.image_digest for result in taken}
    subjects = deque(result for result in taken if result.image_digest in artifacts)
    while subjects:
        subject = subjects.popleft()
        for image in artifacts.get(subject.image_digest or "", ()):
            already_there = subject.action.target_storage_class == _storage_class(image)
            if image.image_digest not in going and not already_there:
                going.add(image.image_digest)
                result = ImageResult(image, subject.rule)
                subjects.append(result)
                yield result
