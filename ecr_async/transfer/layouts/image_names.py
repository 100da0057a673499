"""Which of several images in a layout or an archive a reference means. Nothing here does I/O."""

import re
from collections.abc import Iterable, Sequence
from typing import TypeVar

from ecr_async.transfer.errors import LayoutError

__all__ = ["choose", "not_one_image"]

ItemT = TypeVar("ItemT")

MAX_LISTED = 20
"""Names that an error message lists."""

_DOCKER_HUB = re.compile(r"(index\.)?docker\.io/(library/)?")
"""What docker leaves out of a name when it shows it."""


def choose(reference: str, named: Iterable[tuple[ItemT, Sequence[str]]]) -> list[ItemT]:
    """Return the items with a name: those that have the whole name, or else those that have it as their tag.

    Tools disagree on what a name is: `v1` for umoci, `app:v1` for docker, `docker.io/library/app:v1` for
    podman and containerd.
    """
    items = list(named)
    wanted = _familiar(reference)
    exact = [item for item, names in items if wanted in map(_familiar, names)]
    return exact or [item for item, names in items if reference in map(_tag, names)]


def not_one_image(path: object, count: int, reference: str | None, names: Iterable[str]) -> LayoutError:
    """Return the error for a reference to no image or to several, or for none where one is needed."""
    listed = ", ".join(sorted(set(names))[:MAX_LISTED]) or "no names"
    if reference is not None:
        return LayoutError(path, f"{count} images where {reference!r} is expected; it has {listed}")
    if not count:
        return LayoutError(path, "there is no image in it")
    return LayoutError(path, f"{count} images; `reference` must choose one of {listed}")


def _familiar(name: str) -> str:
    return _DOCKER_HUB.sub("", name, count=1) if _DOCKER_HUB.match(name) else name


def _tag(name: str) -> str:
    return name.rpartition("/")[2].partition(":")[2]
