"""Whole repositories brought from one registry to another."""

import re
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import attrs
import pytest

import ecr_async as ecr
from ecr_async.local import LocalECR
from tests.integration.local.content import create
from tests.integration.transfer.layouts import Made, artifact, image, index, noise, write_layout

NAMES = ("team/app", "team/web", "other/app")


@pytest.fixture
async def other(local: LocalECR) -> AsyncIterator[ecr.Service]:
    """A registry in another region."""
    async with local.session(region="eu-west-1") as session:
        yield session.service()


async def push(service: ecr.Service, folder: Path, name: str, made: Made, *tags: str) -> None:
    await ecr.push_image(service, write_layout(folder / made.digest[7:19], [(None, made)]), name, tags=tags)


@pytest.fixture
async def filled(service: ecr.Service, tmp_path: Path) -> dict[str, list[Made]]:
    """Three repositories of three images each, which share a layer; the third is an index."""
    shared = noise(5000)
    filled: dict[str, list[Made]] = {}
    for number, name in enumerate(NAMES):
        await create(service, name)
        first, second = (image(shared, noise(100, 10 * number + each)) for each in (1, 2))
        third = index({"linux/amd64": second, "linux/arm64": image(shared, noise(100, 10 * number + 3))})
        filled[name] = [first, second, third]
        for tag, made in zip(("v1", "v2", "v3"), filled[name], strict=True):
            await push(service, tmp_path, name, made, tag)
    return filled


async def run(sync: ecr.Sync) -> list[ecr.SyncResult]:
    return [result async for result in sync]


def statuses(results: Iterable[ecr.SyncResult]) -> Counter[str]:
    return Counter(
        result.status if isinstance(result, ecr.SyncedImage) else type(result).__name__ for result in results
    )


async def tags_of(service: ecr.Service, name: str) -> dict[str, str]:
    pages = ecr.paginate_list_images(service, ecr.ListImagesRequest(name))
    return {each.image_tag: each.image_digest or "" async for each in pages if each.image_tag}


async def test_everything_is_copied_once(
    service: ecr.Service, other: ecr.Service, filled: dict[str, list[Made]]
) -> None:
    sync = ecr.sync_images(service, other, create_repositories="like_source")
    results = await run(sync)
    assert statuses(results) == {"copied": 9, "skipped": 3}  # an index's other image has no tag
    assert sync.summary.complete
    assert (sync.summary.repositories, sync.summary.done, sync.summary.created) == (3, 3, 3)
    for name in NAMES:
        assert await tags_of(other, name) == await tags_of(service, name)
    again = ecr.sync_images(service, other)
    assert statuses(await run(again)) == {"present": 9, "skipped": 3}
    assert again.summary.bytes_moved == 0


async def test_a_dry_run_counts_images_and_bytes_and_does_nothing(
    service: ecr.Service, other: ecr.Service, filled: dict[str, list[Made]]
) -> None:
    sync = ecr.sync_images(service, other, "team/*", create_repositories="like_source", dry_run=True)
    assert statuses(await run(sync)) == {"to_copy": 6, "skipped": 2}
    assert sync.summary.bytes_to_copy > 6 * 5000
    assert (sync.summary.dry_run, sync.summary.created, sync.summary.bytes_moved) == (True, 2, 0)
    listed = await ecr.describe_repositories(other, ecr.DescribeRepositoriesRequest())
    assert listed.repositories == ()


@pytest.mark.parametrize(
    ("tags", "newest", "expected"),
    [
        ("v1", None, {"v1"}),
        (["v1", "v3"], None, {"v1", "v3"}),
        ("v*", 2, {"v2", "v3"}),
        (re.compile("v[12]"), None, {"v1", "v2"}),
        (re.compile("v"), None, set[str]()),
        (lambda tag: tag > "v1", None, {"v2", "v3"}),
        (None, 1, {"v3"}),
    ],
)
async def test_which_images(
    service: ecr.Service,
    other: ecr.Service,
    filled: dict[str, list[Made]],
    tags: ecr.TagSelection,
    newest: int | None,
    expected: set[str],
) -> None:
    await create(other, "team/app")
    sync = ecr.sync_images(service, other, "team/app", tags=tags, newest=newest)
    counts = statuses(await run(sync))
    assert counts["copied"] == len(expected)
    assert counts.total() == 4  # every image is accounted for
    assert set(await tags_of(other, "team/app")) == expected


async def test_a_repository_is_created_like_its_source(service: ecr.Service, other: ecr.Service) -> None:
    made = await ecr.create_repository(
        service,
        ecr.CreateRepositoryRequest(
            "team/app",
            tags=[ecr.Tag("owner", "team")],
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration=ecr.ImageScanningConfiguration(scan_on_push=True),
        ),
    )
    policy = ecr.lifecycle.LifecyclePolicy([ecr.lifecycle.Rule.expire(1, "untagged", days_since_pushed=7)])
    await ecr.put_lifecycle_policy(service, ecr.PutLifecyclePolicyRequest("team/app", policy.to_json()))
    await run(
        ecr.sync_images(
            service, other, rename=lambda name: f"mirror/{name}", create_repositories="like_source"
        )
    )
    (copy,) = (await ecr.describe_repositories(other, ecr.DescribeRepositoriesRequest())).repositories
    assert made.repository is not None
    assert copy.repository_name == "mirror/team/app"
    assert copy.image_tag_mutability == "IMMUTABLE"
    assert copy.image_scanning_configuration == made.repository.image_scanning_configuration
    request = ecr.ListTagsForResourceRequest(copy.repository_arn or "")
    assert (await ecr.list_tags_for_resource(other, request)).tags == (ecr.Tag("owner", "team"),)
    lifecycle = await ecr.get_lifecycle_policy(other, ecr.GetLifecyclePolicyRequest("mirror/team/app"))
    assert lifecycle.lifecycle_policy_text == policy.to_json()


async def test_a_repository_is_created_from_a_template(
    service: ecr.Service, other: ecr.Service, filled: dict[str, list[Made]]
) -> None:
    template = ecr.CreateRepositoryRequest("template", image_tag_mutability="IMMUTABLE")
    await run(ecr.sync_images(service, other, "team/app", create_repositories=template))
    (copy,) = (await ecr.describe_repositories(other, ecr.DescribeRepositoriesRequest())).repositories
    assert (copy.repository_name, copy.image_tag_mutability) == ("team/app", "IMMUTABLE")


async def test_one_failure_ends_nothing(
    service: ecr.Service, other: ecr.Service, filled: dict[str, list[Made]], tmp_path: Path
) -> None:
    """skopeo's issues 1009 and 1466: one image that cannot be copied ends the whole sync."""
    await create(other, "team/app", image_tag_mutability="IMMUTABLE")
    await push(other, tmp_path, "team/app", image(b"another"), "v2")
    await create(other, "other/app")
    sync = ecr.sync_images(service, other, ["team/app", "team/web", "other/app", "team/gone"])
    results = await run(sync)
    assert statuses(results) == {
        "copied": 5,
        "failed": 1,
        "skipped": 2,
        "FailedRepository": 1,
        "VanishedRepository": 1,
    }
    (failed,) = (each for each in results if isinstance(each, ecr.SyncedImage) and each.error)
    assert isinstance(failed.error, ecr.ImmutableTagError)
    assert (failed.repository, failed.tags) == ("team/app", ("v2",))
    assert not sync.summary.complete


async def test_prune_removes_what_the_source_no_longer_has(
    service: ecr.Service, other: ecr.Service, filled: dict[str, list[Made]], tmp_path: Path
) -> None:
    await create(other, "team/app")
    await push(other, tmp_path, "team/app", image(b"old"), "v0", "kept")
    planned = ecr.sync_images(service, other, "team/app", tags="v*", prune=True, dry_run=True)
    assert statuses(await run(planned)) == {"to_copy": 3, "skipped": 1, "to_prune": 1}
    results = await run(ecr.sync_images(service, other, "team/app", tags="v*", prune=True))
    (pruned,) = (each for each in results if isinstance(each, ecr.SyncedImage) and each.status == "pruned")
    assert pruned.tags == ("v0",)
    assert set(await tags_of(other, "team/app")) == {"v1", "v2", "v3", "kept"}


async def test_a_selection_that_takes_nothing_prunes_nothing(
    service: ecr.Service, other: ecr.Service, filled: dict[str, list[Made]], tmp_path: Path
) -> None:
    await create(other, "team/app")
    await push(other, tmp_path, "team/app", image(b"old"), "release-1")
    results = await run(ecr.sync_images(service, other, "team/app", tags="release-*", prune=True))
    assert statuses(results) == {"skipped": 4}


async def test_signatures_follow_images_that_are_there(
    service: ecr.Service, other: ecr.Service, filled: dict[str, list[Made]], tmp_path: Path
) -> None:
    await create(other, "team/app")
    await run(ecr.sync_images(service, other, "team/app"))
    signature = artifact(filled["team/app"][0])
    await push(service, tmp_path, "team/app", signature)
    sync = ecr.sync_images(service, other, "team/app", include_referrers=True)
    results = await run(sync)
    assert statuses(results)["copied"] == 1
    reasons = {each.digest: each.reason for each in results if isinstance(each, ecr.SyncedImage)}
    assert reasons[signature.digest] == (
        "an artifact: it comes along with what it is about, if referrers are included"
    )
    request = ecr.ListImageReferrersRequest("team/app", ecr.SubjectIdentifier(filled["team/app"][0].digest))
    assert [each.digest for each in (await ecr.list_image_referrers(other, request)).referrers] == [
        signature.digest
    ]


async def test_the_quota_is_looked_at_first(
    service: ecr.Service, other: ecr.Service, filled: dict[str, list[Made]]
) -> None:
    await create(other, "team/app")
    results = await run(ecr.sync_images(service, other, "team/app", max_images=2))
    assert statuses(results) == {"copied": 2, "failed": 1, "skipped": 1}
    (failed,) = (each for each in results if isinstance(each, ecr.SyncedImage) and each.error)
    assert isinstance(failed.error, ecr.ImageQuotaError)


async def test_a_checkpoint_leaves_out_what_is_done(
    service: ecr.Service, other: ecr.Service, filled: dict[str, list[Made]], tmp_path: Path
) -> None:
    file = tmp_path / "checkpoint"
    await create(other, "team/app")
    first = ecr.sync_images(service, other, checkpoint=file)
    assert statuses(await run(first))["FailedRepository"] == 2
    file.write_bytes(file.read_bytes() + b'"team/')  # a line that was cut off
    second = ecr.sync_images(service, other, checkpoint=file, create_repositories="like_source")
    results = await run(second)
    assert {each.repository for each in results if isinstance(each, ecr.SyncedImage)} == {
        "team/web",
        "other/app",
    }
    assert (second.summary.done_before, second.summary.complete) == (1, True)
    assert not file.exists()


async def test_the_checkpoint_of_another_sync(
    service: ecr.Service, other: ecr.Service, filled: dict[str, list[Made]], tmp_path: Path
) -> None:
    file = tmp_path / "checkpoint"
    await run(ecr.sync_images(service, other, checkpoint=file))
    with pytest.raises(ecr.ConfigurationError, match="is of a sync from us-east-1"):
        await run(ecr.sync_images(service, other, tags="v1", checkpoint=file))
    file.write_text("nothing of ours\n")
    with pytest.raises(ecr.ConfigurationError, match="not the checkpoint"):
        await run(ecr.sync_images(service, other, checkpoint=file))


@pytest.mark.parametrize("options", [{"newest": 0}, {"concurrency": 0}])
def test_what_makes_no_sense(service: ecr.Service, options: dict[str, Any]) -> None:
    with pytest.raises(ecr.ValidationError):
        ecr.sync_images(service, service, **options)


async def test_leaving_early_leaves_no_task(
    service: ecr.Service, other: ecr.Service, filled: dict[str, list[Made]]
) -> None:
    async with ecr.sync_images(service, other, create_repositories="like_source") as sync:
        async for _ in sync:
            break
    assert attrs.asdict(sync.summary)["dry_run"] is False
