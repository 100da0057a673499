"""The figures of a scan: images, bytes and ages by repository, by registry, and of everything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import attrs

from ecr_async._bulk.images import ScannedPage
from ecr_async._bulk.images.rows import NAMES, rows

__all__ = ["Figures", "Totals"]


@attrs.define
class Figures:
    """Figures of the images of a repository, or of several."""

    name: str
    """The repository's name; a registry's, for all of its repositories."""
    registry: str = ""
    """Which registry it is in: a region's name, or what distinguishes registries of one region."""
    repositories: int = 0
    failures: int = 0
    """Repositories that could not be scanned, and listings that could not be read."""
    images: int = 0
    untagged: int = 0
    bytes: int = 0
    """The sum of the images' sizes; a layer that several images share counts for each of them."""
    untagged_bytes: int = 0
    oldest: datetime | None = None
    """When the oldest image was pushed."""
    months: Counter[str] = attrs.field(factory=Counter[str], repr=False)
    """Bytes by the month in which they were pushed, as `2026-11`."""
    findings: Counter[str] = attrs.field(factory=Counter[str], repr=False)
    """Findings of vulnerability scans by severity."""

    @property
    def untagged_share(self) -> float:
        """How much of the images has no tag, from 0 to 1."""
        return self.untagged / self.images if self.images else 0.0

    def add(self, row: Mapping[str, Any]) -> None:
        """Count an image."""
        size = row["size"] or 0
        self.images += 1
        self.bytes += size
        if not row["tags"]:
            self.untagged += 1
            self.untagged_bytes += size
        pushed_at = row["pushed_at"]
        if pushed_at is not None:
            self.oldest = min(self.oldest or pushed_at, pushed_at)
            self.months[f"{pushed_at:%Y-%m}"] += size
        self.findings.update(row["findings"] or {})

    def add_figures(self, other: Figures) -> None:
        """Add another's images."""
        self.repositories += other.repositories
        self.failures += other.failures
        self.images += other.images
        self.untagged += other.untagged
        self.bytes += other.bytes
        self.untagged_bytes += other.untagged_bytes
        self.oldest = min(filter(None, (self.oldest, other.oldest)), default=None)
        self.months.update(other.months)
        self.findings.update(other.findings)


class Totals:
    """The figures of a scan. It holds some numbers for each repository, and no image.

    `registries` are named even if nothing is found in them.
    """

    def __init__(self, registries: Iterable[str] = ()) -> None:
        self._registries = {name: Figures(name, name) for name in registries}
        self._repositories: dict[tuple[str, str], Figures] = {}

    def add_page(self, page: ScannedPage, registry: str) -> None:
        """Count a page's images. An empty repository has a page without any."""
        figures = self._figures(registry, page.repository)
        for row in rows(page):
            figures.add(dict(zip(NAMES, row, strict=True)))

    def add_row(self, row: Mapping[str, Any], registry: str) -> None:
        """Count an image of a scan's file."""
        self._figures(registry, row["repository"]).add(row)

    def add_failure(self, registry: str) -> None:
        """Count a repository that could not be scanned, or a listing that could not be read."""
        self._registry(registry).failures += 1

    def _registry(self, name: str) -> Figures:
        return self._registries.setdefault(name, Figures(name, name))

    def _figures(self, registry: str, name: str) -> Figures:
        key = registry, name
        figures = self._repositories.get(key)
        if figures is None:
            self._registry(registry)
            figures = self._repositories[key] = Figures(name, registry, repositories=1)
        return figures

    def repositories(self) -> list[Figures]:
        """Return every repository, the one with the most bytes first."""
        return sorted(self._repositories.values(), key=_largest_first)

    def largest(self, count: int) -> list[Figures]:
        """Return the repositories with the most bytes, the largest first."""
        return self.repositories()[:count]

    def registries(self) -> list[Figures]:
        """Return the sum of each registry, the largest first; those without a repository are among them."""
        sums = {
            name: Figures(name, name, failures=registry.failures)
            for name, registry in self._registries.items()
        }
        for figures in self._repositories.values():
            sums[figures.registry].add_figures(figures)
        return sorted(sums.values(), key=_largest_first)

    def total(self) -> Figures:
        """Return the sum of everything."""
        total = Figures("total")
        for registry in self.registries():
            total.add_figures(registry)
        return total


def _largest_first(figures: Figures) -> tuple[int, str]:
    return -figures.bytes, figures.name
