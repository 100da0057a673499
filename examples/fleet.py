"""A made-up company's registry: its repositories, and three years of pushes to them.

Everything but the date follows from the seed: names, tags, sizes and ages are the same on every run.
A repository's pipeline pushes in one of two ways:

    by commit   every build gets its commit's hash as a tag, which a repeated build takes over; now and
                then one is released, gets a version too, and `latest` moves to it
    by branch   every build takes over the tag of its branch; releases of `main` get a version too

A tag that moves leaves the image before it untagged, if it was the only one.
"""

import json
import math
import time
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import attrs

import ecr_async as ecr
from ecr_async.oci.media_types import OCI_MANIFEST

__all__ = ["Clock", "Fleet", "Push", "make_fleet"]

DAY = 86_400.0
YEARS = 3
SMALLEST, LARGEST = 5_000_000, 2_000_000_000

TEAMS = {
    "billing": ("invoices", "dunning", "tax", "subscriptions", "usage-meter"),
    "catalog": ("products", "prices", "media", "inventory", "suppliers"),
    "checkout": ("cart", "orders", "vouchers", "addresses", "delivery-slots"),
    "data": ("events", "warehouse-loader", "dashboards", "lineage", "exports"),
    "fleet": ("drivers", "routes", "depots", "telemetry", "handhelds"),
    "growth": ("campaigns", "referrals", "experiments", "emails", "landing"),
    "identity": ("login", "sessions", "consent", "directory", "audit-log"),
    "ml": ("ranking", "forecast", "embeddings", "vision", "feature-store"),
    "mobile": ("gateway", "push", "config", "crash-reports", "deep-links"),
    "payments": ("ledger", "payouts", "refunds", "settlement", "cards"),
    "platform": ("ingress", "secrets", "ci-runner", "cron", "status-page"),
    "risk": ("scoring", "rules", "chargebacks", "watchlists", "cases"),
    "search": ("indexer", "query", "suggest", "synonyms", "crawler"),
    "support": ("tickets", "chat", "macros", "surveys", "knowledge-base"),
}
KINDS = {"api": 110e6, "worker": 150e6, "web": 55e6, "migrations": 80e6}
"""What a subject consists of, and the median bytes of such an image."""
HEAVY = {"ml": 9.0, "data": 3.5}
"""Teams whose images carry more, and how much more."""


class Clock:
    """What time it is at the embedded ECR: the moment that is being replayed, and else the real one."""

    def __init__(self) -> None:
        self.replayed: float | None = None

    def __call__(self) -> float:
        return time.time() if self.replayed is None else self.replayed


@attrs.frozen
class Push:
    """A build of an image, pushed at a time under one or more tags."""

    at: float
    repository: str
    manifest: str
    tags: tuple[str, ...]


@attrs.frozen
class Fleet:
    """Repositories, and the pushes to them in the order of time."""

    repositories: Sequence[str]
    pushes: Sequence[Push]

    def creations(self) -> Iterator[Any]:
        """Give the requests that make the repositories."""
        for name in self.repositories:
            yield ecr.CreateRepositoryRequest(name)

    def replay(self, pushes: Sequence[Push], clock: Clock) -> Iterator[Any]:
        """Give the requests that make `pushes`, and set the clock to each of them."""
        for push in pushes:
            clock.replayed = push.at
            for tag in push.tags:
                yield ecr.PutImageRequest(push.repository, push.manifest, image_tag=tag)


def make_fleet(now: float, repositories: int = 216, images: int = 20_000, seed: int = 7) -> Fleet:
    """Make up that many repositories with that many images, pushed in the three years before `now`."""
    random = Random(seed)
    everything = [
        (team, f"{team}/{subject}-{kind}", size * HEAVY.get(team, 1.0))
        for team, subjects in TEAMS.items()
        for subject in subjects
        for kind, size in KINDS.items()
    ]
    chosen = sorted(random.sample(everything, repositories))
    pushes: list[Push] = []
    for (_, name, size), builds in zip(chosen, _shares(random, images, repositories), strict=True):
        pushes += _history(random, name, size, builds, now)
    return Fleet([name for _, name, _ in chosen], sorted(pushes, key=lambda push: push.at))


def _shares(random: Random, total: int, parts: int) -> list[int]:
    """Split a total as unevenly as teams push; at least 2 each."""
    weights = [random.lognormvariate(0, 1.1) for _ in range(parts)]
    scale = (total - 2 * parts) / sum(weights)
    edges = [round(sum(weights[:index]) * scale) for index in range(parts + 1)]
    return [2 + edges[index + 1] - edges[index] for index in range(parts)]


def _history(random: Random, repository: str, median: float, builds: int, now: float) -> Iterator[Push]:
    """Yield a repository's pushes, from its first to its last."""
    born = YEARS * DAY * 365 * random.betavariate(2.5, 1.5)
    quiet = DAY * random.uniform(200, 600) if random.random() < 0.15 else DAY * random.expovariate(1 / 4)
    last = min(quiet, born / 2)
    ages = sorted((last + (born - last) * random.random() ** 1.6 for _ in range(builds)), reverse=True)
    tags = _tags_by_commit(random) if random.random() < 0.7 else _tags_by_branch(random)
    typical = min(median * random.lognormvariate(0, 0.5), LARGEST)
    shared = typical * 0.6
    base = _base_layers(random, shared)
    for age in ages:
        own = max((typical - shared) * random.lognormvariate(0, 0.45), SMALLEST)
        size = min(own, LARGEST - shared)
        yield Push(now - age, repository, _manifest(random, base, size), next(tags))


def _versions(random: Random) -> Iterator[str]:
    major, minor, patch = 1, 0, 0
    while True:
        yield f"{major}.{minor}.{patch}"
        if random.random() < 0.6:
            patch += 1
        elif random.random() < 0.9:
            minor, patch = minor + 1, 0
        else:
            major, minor, patch = major + 1, 0, 0


def _tags_by_commit(random: Random) -> Iterator[tuple[str, ...]]:
    versions = _versions(random)
    commit = ""
    while True:
        if not commit or random.random() < 0.9:
            commit = f"{random.getrandbits(40):010x}"
        yield (commit, next(versions), "latest") if random.random() < 0.12 else (commit,)


def _tags_by_branch(random: Random) -> Iterator[tuple[str, ...]]:
    versions = _versions(random)
    change = random.randrange(100, 900)
    while True:
        if random.random() < 0.6:
            yield ("main", next(versions)) if random.random() < 0.12 else ("main",)
            continue
        if random.random() < 0.4:
            change += random.randrange(1, 9)
        yield (f"pr-{change}",)


def _base_layers(random: Random, size: float) -> list[dict[str, Any]]:
    """Return the layers that all images of a repository share."""
    return [_descriptor(random, "layer.v1.tar+gzip", size * share) for share in (0.45, 0.35, 0.2)]


def _manifest(random: Random, base: list[dict[str, Any]], size: float) -> str:
    """Return an OCI manifest of an image with layers of its own on top of the shared ones."""
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": _descriptor(random, "config.v1+json", random.uniform(2_000, 9_000)),
            "layers": [*base, _descriptor(random, "layer.v1.tar+gzip", size)],
        }
    )


def _descriptor(random: Random, kind: str, size: float) -> dict[str, Any]:
    return {
        "mediaType": f"application/vnd.oci.image.{kind}",
        "digest": f"sha256:{random.getrandbits(256):064x}",
        "size": math.ceil(size),
    }
