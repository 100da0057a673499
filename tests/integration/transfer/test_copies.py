"""Images copied between repositories, registries and regions."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import ecr_async as ecr
from ecr_async.local import LocalECR
from tests.integration.local.content import create
from tests.integration.transfer.layouts import artifact, files_of, image, index, noise, write_layout

MIB = 1024 * 1024
AMD = image(noise(3000, 1), noise(25 * MIB, 2))
BOTH = index({"linux/amd64": AMD, "linux/arm64": image(noise(3000, 1), architecture="arm64")})


@pytest.fixture
async def other(local: LocalECR) -> AsyncIterator[ecr.Service]:
    """A registry in another region."""
    async with local.session(region="eu-west-1") as session:
        yield session.service()


@pytest.fixture
async def pushed(service: ecr.Service, repository: str, tmp_path: Path) -> str:
    """A repository with an index as v1."""
    source = write_layout(tmp_path / "in", [("v1", BOTH), (None, artifact(AMD)), (None, artifact(BOTH))])
    await ecr.push_image(service, source, repository, tags=["v1"])
    return repository


async def test_a_copy_is_the_same_bytes(
    service: ecr.Service, other: ecr.Service, pushed: str, tmp_path: Path
) -> None:
    await create(other, "mirror/app")
    copied = await ecr.copy_image(service, pushed, "v1", other, "mirror/app")
    assert (copied.digest, copied.tags) == (BOTH.digest, ("v1",))
    assert copied.bytes_moved == copied.bytes > 25 * MIB
    await ecr.pull_image(service, pushed, "v1", tmp_path / "one")
    await ecr.pull_image(other, "mirror/app", "v1", tmp_path / "two")
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")
    again = await ecr.copy_image(service, pushed, "v1", other, "mirror/app")
    assert (again.digest, again.blobs_moved, again.bytes_moved) == (BOTH.digest, 0, 0)


async def test_an_index_goes_again_and_again_to_where_tags_are_immutable(
    service: ecr.Service, other: ecr.Service, pushed: str, tmp_path: Path
) -> None:
    """Others write the index once more, or its images under its tag.

    See https://github.com/docker/buildx/issues/1660 and
    https://github.com/containers/container-libs/issues/918.
    """
    await create(other, "mirror/app", image_tag_mutability="IMMUTABLE")
    for _ in range(2):
        copied = await ecr.copy_image(service, pushed, "v1", other, "mirror/app")
        assert (copied.digest, copied.tags) == (BOTH.digest, ("v1",))
        results = [
            each async for each in ecr.sync_images(service, other, pushed, rename=lambda _: "mirror/app")
        ]
        assert {getattr(each, "status", None) for each in results} <= {"skipped", "present"}
    layout = write_layout(tmp_path / "again", [("v1", BOTH)])
    assert (await ecr.push_image(other, layout, "mirror/app", tags=["v1"])).bytes_moved == 0


async def test_within_a_repository_it_is_a_new_tag(service: ecr.Service, pushed: str) -> None:
    copied = await ecr.copy_image(service, pushed, "v1", service, pushed, tags=["stable", "v1"])
    assert (copied.digest, copied.tags, copied.bytes_moved) == (BOTH.digest, ("stable", "v1"), 0)
    identifier = ecr.ImageIdentifier(image_tag="stable")
    described = await ecr.describe_images(service, ecr.DescribeImagesRequest(pushed, image_ids=[identifier]))
    assert described.image_details[0].image_digest == BOTH.digest


@pytest.mark.parametrize(("setting", "is_mounted"), [("ENABLED", True), ("DISABLED", False)])
async def test_layers_are_mounted_where_the_registry_allows_it(
    service: ecr.Service, pushed: str, setting: str, is_mounted: bool
) -> None:
    await ecr.put_account_setting(service, ecr.PutAccountSettingRequest("BLOB_MOUNTING", setting))
    await create(service, "team/other")
    copied = await ecr.copy_image(service, pushed, "v1", service, "team/other")
    assert copied.blobs_moved == copied.blobs
    assert (copied.bytes_moved == 0) is is_mounted


async def test_by_digest_without_a_tag(service: ecr.Service, other: ecr.Service, pushed: str) -> None:
    await create(other, "mirror/app")
    copied = await ecr.copy_image(service, pushed, AMD.digest, other, "mirror/app")
    assert (copied.digest, copied.tags) == (AMD.digest, ())


async def test_one_platform(service: ecr.Service, other: ecr.Service, pushed: str) -> None:
    await create(other, "mirror/app")
    copied = await ecr.copy_image(service, pushed, "v1", other, "mirror/app", platforms=["linux/amd64"])
    assert (copied.digest, copied.tags) == (AMD.digest, ("v1",))


async def test_signatures_go_along_on_request(service: ecr.Service, other: ecr.Service, pushed: str) -> None:
    await create(other, "mirror/app")
    plain = await ecr.copy_image(service, pushed, "v1", other, "mirror/app")
    assert len(plain.manifests) == 3
    signed = await ecr.copy_image(service, pushed, "v1", other, "mirror/app", include_referrers=True)
    assert set(signed.manifests) == {*plain.manifests, artifact(AMD).digest, artifact(BOTH).digest}
    assert signed.bytes_moved < 1000
    request = ecr.ListImageReferrersRequest("mirror/app", ecr.SubjectIdentifier(AMD.digest))
    listed = await ecr.list_image_referrers(other, request)
    assert [each.digest for each in listed.referrers] == [artifact(AMD).digest]


async def test_what_is_not_there(service: ecr.Service, other: ecr.Service, pushed: str) -> None:
    with pytest.raises(ecr.ImageNotFoundException):
        await ecr.copy_image(service, pushed, "v2", other, "mirror/app")
    with pytest.raises(ecr.RepositoryNotFoundException):
        await ecr.copy_image(service, pushed, "v1", other, "mirror/app")
