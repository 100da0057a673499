"""Which images a policy would expire or archive, evaluated offline.

Theory of operation. ECR documents its evaluator in
https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html#lp_evaluation_rules:

1. A rule *identifies* the images of its storage class that its tags select, taken or not.
2. It *marks* some of them: all but the newest, or those past an age. A day is 24 hours.
3. An image belongs to the first rule, by priority, that identifies it. Only that rule's mark
   counts, so an image that the rule identifies and leaves alone is safe from all later rules.
4. An image that a manifest list refers to is *held back* while one such list stays.
5. Artifacts (signatures, SBOMs) are identified by no rule while their subject is in the repository:
   they follow it.

What a manifest list refers to is in its manifest, which `describe_images` does not return. So without
`references`, an image that rules take may be one that ECR holds back. It is then *undetermined*, if it can
be: a list is pushed after all images that it refers to, so an image pushed later is none of them.

Images are sorted once, oldest first. Every rule then works on indices into that order: "all but
the newest" and "past an age" are slices of it, and cost is linear in images for each rule.
"""

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Generic, cast

import attrs

from ecr_async._arguments import check_kinds
from ecr_async.errors import ValidationError
from ecr_async.lifecycle.policy import LifecyclePolicy
from ecr_async.lifecycle.results import Evaluation, Image, ImageResult, ImageT, check_images, storage_class_of
from ecr_async.lifecycle.rules import Rule, Selection, StorageClass
from ecr_async.lifecycle.tags import identify, tag_text
from ecr_async.oci.media_types import INDEX_MEDIA_TYPES

__all__ = ["evaluate"]

EVER = datetime.min.replace(tzinfo=UTC)


def evaluate(
    policy: LifecyclePolicy,
    images: Iterable[ImageT],
    *,
    now: datetime,
    references: Mapping[str, Iterable[str]] | None = None,
) -> Evaluation[ImageT]:
    """Return what `policy` does to a repository's images at the moment `now`, an aware datetime.

    `images` are all images of one repository. `references` maps a manifest list's digest to the digests
    that it refers to; those cannot go while such a list stays. `ecr_async.collect_references` reads them.
    Without them, images that may be held back are among the evaluation's `undetermined`, not its `results`.
    The same images give the same evaluation in whatever order they come, and nothing is sent anywhere. The
    work is linear in images and rules, and keeps the processor busy: with many thousands of images and an
    event loop to keep free, call it through `asyncio.to_thread`.

    Raises `LifecyclePolicyError` if ECR would reject the policy, and `ValidationError`, a `ValueError`, for a
    naive datetime.
    """
    if not isinstance(cast("object", policy), LifecyclePolicy):
        kind = type(policy).__name__
        raise ValidationError(
            "policy", f"must be a LifecyclePolicy, not {kind}; LifecyclePolicy.from_json reads text"
        )
    check_kinds(Mapping | None, references=references)
    policy.check()
    now = _in_utc(now, "now")
    by_priority = sorted(policy.rules, key=lambda rule: rule.priority)
    everything = check_images(images)
    here = {image.image_digest for image in everything}
    judged = [
        image
        for image in everything
        if image.subject_manifest_digest not in here or image.subject_manifest_digest == image.image_digest
    ]
    standard, archived = _shelve(judged, "standard", now), _shelve(judged, "archive", now)
    taken = [*_taken(by_priority, standard, now), *_taken(by_priority, archived, now)]
    references = references or {}
    protecting = {image.image_digest for image in standard.images}
    held_back = _held_back(references, protecting, {result.image_digest for result in taken})
    taken = [result for result in taken if result.image_digest not in held_back]
    unsure = _unsure(taken, standard, references)
    certain = [result for result in taken if result.image_digest not in unsure]
    return Evaluation(
        tuple(certain),
        tuple(_following(certain, everything)),
        tuple(result for result in taken if result.image_digest in unsure),
    )


@attrs.frozen
class _Shelf(Generic[ImageT]):
    """The images of one storage class, oldest first, in lists with the same indices."""

    storage_class: StorageClass
    images: list[ImageT]
    moments: list[datetime]
    """What orders them."""
    texts: list[str]
    """Their tags, as `ecr_async.lifecycle.tags` wants them."""


def _restored_at(image: Image, now: datetime) -> datetime | None:
    # An image that is being restored will have been restored just now.
    return now if image.image_status == "ACTIVATING" else _time_of(image, "last_activated_at")


def _time_of(image: Image, name: str) -> datetime | None:
    moment: datetime | None = getattr(image, name)
    if moment is None or moment.tzinfo is UTC:
        return moment
    return _in_utc(moment, f"{name} of {image.image_digest}")


def _in_utc(moment: Any, name: str) -> datetime:
    # Two datetimes of one zone are compared and subtracted by their wall clocks, which daylight saving turns
    # back.
    if not isinstance(moment, datetime) or moment.utcoffset() is None:
        raise ValidationError(name, "must be an aware datetime, such as one in UTC")
    return moment.astimezone(UTC)


def _shelve(images: Iterable[ImageT], storage_class: StorageClass, now: datetime) -> _Shelf[ImageT]:
    # A time that is not known counts as now: what may be new is not taken for old.
    def moment(image: Image) -> datetime:
        if storage_class == "archive":
            return _time_of(image, "last_archived_at") or now
        return _restored_at(image, now) or _time_of(image, "image_pushed_at") or now

    unordered = [image for image in images if storage_class_of(image) == storage_class]
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
    pulled, restored = _time_of(image, "last_recorded_pull_time"), _restored_at(image, now)
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


def _unsure(
    taken: Sequence[ImageResult[ImageT]], standard: _Shelf[ImageT], references: Mapping[str, Iterable[str]]
) -> set[str | None]:
    """Return the digests that are taken and may have to stay, because of lists with unknown references."""
    going = {result.image_digest for result in taken}
    staying = [
        image
        for image in standard.images
        if image.image_manifest_media_type in INDEX_MEDIA_TYPES
        and image.image_digest not in going
        and image.image_digest not in references
    ]
    if not staying:
        return set()
    pushed = [_time_of(image, "image_pushed_at") for image in staying]
    latest = None if None in pushed else max(filter(None, pushed))
    unsure: set[str | None] = set()
    for result in taken:
        own = _time_of(result.image, "image_pushed_at")
        if latest is None or own is None or own <= latest:
            unsure.add(result.image_digest)
    # A list that may stay may hold back in its turn.
    waiting = list(unsure)
    while waiting:
        for digest in references.get(waiting.pop() or "", ()):
            if digest in going and digest not in unsure:
                unsure.add(digest)
                waiting.append(digest)
    return unsure


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
            already_there = subject.action.target_storage_class == storage_class_of(image)
            if image.image_digest not in going and not already_there:
                going.add(image.image_digest)
                result = ImageResult(image, subject.rule)
                subjects.append(result)
                yield result
