"""The permissions that the guide lists for a function are those of the operations that it calls."""

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

import ecr_async as ecr
from ecr_async.lifecycle import LifecyclePolicy, Rule
from ecr_async.local import LocalECR
from tests.integration.local.content import create
from tests.integration.subprocesses import ROOT
from tests.integration.transfer.layouts import artifact, image, write_layout
from tests.operations import Operations

PAGE = ROOT / "docs" / "guide" / "permissions.md"

POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}],
    }
)

LISTED = {
    row[1]: [set(re.findall(r"`([A-Z]\w+)`", cell)) for cell in row[2].split("|")]
    for row in re.finditer(r"^\| `(\w+)`.*? \| (.*) \|$", PAGE.read_text(), re.MULTILINE)
}
"""What each function may have to call, where it reads and, for two functions, where it writes."""


@attrs.frozen
class Place:
    """Two regions, with an image and its signature in `team/app` of the first and in a layout."""

    service: ecr.Service
    other: ecr.Service
    layout: Path
    digest: str
    folder: Path

    @property
    def images(self) -> list[ecr.ImageIdentifier]:
        return [ecr.ImageIdentifier(image_digest=self.digest)]


async def everything(results: Any) -> None:
    async for _ in results:
        pass


async def scan(place: Place) -> None:
    await everything(ecr.scan_images(place.service))


async def findings(place: Place) -> None:
    await everything(ecr.scan_findings(place.service, [("team/app", place.images[0])], start=True))


async def get(place: Place) -> None:
    await ecr.get_images(place.service, "team/app", place.images)


async def delete(place: Place) -> None:
    for dry_run in (True, False):
        await ecr.delete_images(place.service, "team/app", place.images, dry_run=dry_run)


async def check(place: Place) -> None:
    await ecr.check_layers(place.service, "team/app", [place.digest])


async def references(place: Place) -> None:
    detail = ecr.ImageDetail(
        image_digest=place.digest, image_manifest_media_type="application/vnd.oci.image.index.v1+json"
    )
    await ecr.collect_references(place.service, "team/app", [detail])


async def push(place: Place) -> None:
    for _ in range(2):
        await ecr.push_image(place.service, place.layout, "team/new", tags=["v1"])


async def pull(place: Place) -> None:
    for _ in range(2):
        await ecr.pull_image(place.service, "team/app", "v1", place.folder / "pulled", include_referrers=True)


async def copy(place: Place) -> None:
    for _ in range(2):  # the second time it is there
        await ecr.copy_image(
            place.service, "team/app", "v1", place.other, "team/new", tags=["v1"], include_referrers=True
        )


async def sync(place: Place) -> None:
    for _ in range(2):  # the second finds everything there
        sync = ecr.sync_images(
            place.service, place.other, include_referrers=True, create_repositories="like_source", prune=True
        )
        await everything(sync)
        assert sync.summary.complete


async def login(place: Place) -> None:
    await ecr.registry_credentials(place.service)


CALLS: dict[str, Callable[[Place], Awaitable[None]]] = {
    "scan_images": scan,
    "scan_findings": findings,
    "get_images": get,
    "delete_images": delete,
    "check_layers": check,
    "collect_references": references,
    "push_image": push,
    "pull_image": pull,
    "copy_image": copy,
    "sync_images": sync,
    "registry_credentials": login,
}


@pytest.fixture
async def operations() -> Operations:
    return Operations()


@pytest.fixture
async def place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operations: Operations
) -> AsyncIterator[Place]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    made = image(b"a layer")
    layout = write_layout(tmp_path / "layout", [("v1", made), (None, artifact(made))])
    old = write_layout(tmp_path / "old", [("v0", image(b"another layer"))])
    policy = LifecyclePolicy([Rule.expire(1, "untagged", days_since_pushed=14)]).to_json()
    async with (
        LocalECR() as local,
        local.session() as session,
        local.session(telemetry=operations) as watched,
    ):
        here, there = session.service(), session.service("eu-west-3")
        for name in ("team/app", "team/new"):
            await create(here, name)
            await create(there, name)
        await ecr.push_image(here, layout, "team/app", tags=["v1"])
        await ecr.push_image(there, old, "team/app", tags=["v0"])  # which a sync prunes
        await create(here, "team/only-here")
        await ecr.put_lifecycle_policy(here, ecr.PutLifecyclePolicyRequest("team/only-here", policy))
        await ecr.set_repository_policy(here, ecr.SetRepositoryPolicyRequest("team/only-here", POLICY))
        yield Place(watched.service(), watched.service("eu-west-3"), layout, made.digest, tmp_path)


@pytest.mark.parametrize("name", CALLS)
async def test_a_function_calls_what_is_listed(name: str, place: Place, operations: Operations) -> None:
    await CALLS[name](place)
    called = [operations.called[region] for region in (place.service.region, place.other.region)]
    assert [each for each in called if each] == LISTED[name]


def test_every_row_is_tried() -> None:
    assert set(LISTED) == set(CALLS)
