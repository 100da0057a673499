"""Images as `describe_images` would return them, a while after they were pushed."""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from ecr_async.api.images import ImageDetail
from ecr_async.lifecycle import LifecyclePolicy, evaluate

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
"""When every policy in these tests is evaluated."""


def digest(name: str) -> str:
    return f"sha256:{hashlib.sha256(name.encode()).hexdigest()}"


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def image(name: str, tags: Iterable[str] = (), *, pushed: float = 0, **details: Any) -> ImageDetail:
    """Return the image called `name`, pushed that many days ago."""
    return ImageDetail(
        image_digest=digest(name),
        image_tags=tuple(tags),
        image_pushed_at=ago(pushed),
        image_size_in_bytes=details.pop("size", 1000),
        **details,
    )


def archived(name: str, tags: Iterable[str] = (), *, pushed: float = 1000, days: float = 0) -> ImageDetail:
    """Return an image that was archived so many days ago."""
    return image(name, tags, pushed=pushed, image_status="ARCHIVED", last_archived_at=ago(days))


def names(digests: Iterable[str | None], among: str = "ABCDEFGH") -> str:
    """Return the one-letter names that were given to `image`, in the digests' order."""
    known = {digest(name): name for name in among}
    return "".join(known[found or ""] for found in digests)


def taken(
    policy: LifecyclePolicy, images: Iterable[ImageDetail], references: dict[str, list[str]] | None = None
) -> str:
    """Return the names of the images that the policy takes, in order; `references` is by name too."""
    by_digest = {digest(name): list(map(digest, children)) for name, children in (references or {}).items()}
    evaluation = evaluate(policy, images, now=NOW, references=by_digest)
    return names(result.image_digest for result in evaluation.results)
