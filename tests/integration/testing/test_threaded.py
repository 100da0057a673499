"""The embedded ECR on a thread of its own, and what tests put into it."""

import tarfile
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

import ecr_async as ecr
from ecr_async.lifecycle import LifecyclePolicy, Rule
from ecr_async.local import Fault, LocalECR
from ecr_async.oci.digests import digest_of
from ecr_async.testing import ThreadedLocalECR

DAY = timedelta(days=1)
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadedLocalECR]:
    """A server that all tests here share."""
    with ThreadedLocalECR(LocalECR(rates={"ListImages": "1000/s,burst=3"})) as server:
        yield server


@pytest.fixture
def local(server: ThreadedLocalECR) -> ThreadedLocalECR:
    """The server, empty."""
    server.reset()
    return server


async def images_of(
    local: ThreadedLocalECR, repository: str, region: str | None = None
) -> list[ecr.ImageDetail]:
    async with local.session() as session:
        pages = ecr.paginate_describe_images(session.service(region), ecr.DescribeImagesRequest(repository))
        return [image async for image in pages]


def test_nothing_is_left_of_it() -> None:
    before = set(threading.enumerate())
    with ThreadedLocalECR() as local:
        local.push_image("team/app", "v1")
    assert set(threading.enumerate()) == before
    with pytest.raises(RuntimeError, match="within its `with` block only"):
        local.push_image("team/app", "v1")


def test_a_start_that_fails_says_why_and_leaves_no_thread(server: ThreadedLocalECR) -> None:
    before = set(threading.enumerate())
    taken = int(server.endpoint_url.rpartition(":")[2])
    with (
        pytest.raises(ecr.ConfigurationError, match=r"Address already in use"),
        ThreadedLocalECR(LocalECR(port=taken)),
    ):
        pass
    assert set(threading.enumerate()) == before


async def test_a_pushed_image_can_be_pulled_and_unpacked(local: ThreadedLocalECR, tmp_path: Path) -> None:
    image = local.push_image("team/app", "v1", layers=[{"etc/a": b"first"}, {"etc/b": "second"}])
    async with local.session() as session:
        await ecr.pull_image(session.service(), "team/app", "v1", tmp_path / "layout")
    blobs = tmp_path / "layout" / "blobs" / "sha256"
    assert (blobs / image.digest.removeprefix("sha256:")).read_text() == image.manifest
    files: dict[str, bytes] = {}
    for blob in blobs.iterdir():
        if tarfile.is_tarfile(blob):
            with tarfile.open(blob) as archive:
                for member in archive:
                    content = archive.extractfile(member)
                    assert content is not None
                    files[member.name] = content.read()
    assert files == {"etc/a": b"first", "etc/b": b"second"}


async def test_images_without_layers_of_their_own_differ(local: ThreadedLocalECR) -> None:
    pushed = {local.push_image("team/app").digest, local.push_image("team/app").digest}
    assert {image.image_digest for image in await images_of(local, "team/app")} == pushed
    assert len(pushed) == 2


async def test_a_push_may_be_repeated_and_adds_tags(local: ThreadedLocalECR) -> None:
    layers = [{"etc/name": "same"}]
    first = local.push_image("team/app", "v1", layers=layers)
    again = local.push_image("team/app", "v1", "latest", layers=layers)
    [found] = await images_of(local, "team/app")
    assert first.digest == again.digest == found.image_digest == digest_of(first.manifest.encode())
    assert set(found.image_tags) == {"v1", "latest"}


async def test_a_layer_of_more_than_one_part(local: ThreadedLocalECR) -> None:
    local.push_image("team/app", "v1", layers=[{"data": Random(0).randbytes(12 * MIB)}])
    [found] = await images_of(local, "team/app")
    assert (found.image_size_in_bytes or 0) > 12 * MIB


async def test_ages_by_the_servers_clock(local: ThreadedLocalECR) -> None:
    new_year = datetime(2026, 1, 1, tzinfo=UTC)
    with local.clock.frozen(new_year):
        made = local.make_images("team/app", [DAY * 2, DAY * 0, DAY * 1], tags=["old", None, "middle"])
        pushed = local.push_image("team/app", "oldest", age=DAY * 3)
        assert local.clock.now == new_year
    found = {image.image_digest: image for image in await images_of(local, "team/app")}
    assert [found[image.digest].image_pushed_at for image in made] == [
        new_year - DAY * 2,
        new_year,
        new_year - DAY,
    ]
    assert [found[image.digest].image_tags for image in made] == [("old",), (), ("middle",)]
    assert found[pushed.digest].image_pushed_at == pushed.pushed_at == new_year - DAY * 3


async def test_the_youngest_image_keeps_a_tag(local: ThreadedLocalECR) -> None:
    made = local.make_images("team/app", [DAY * 0, DAY * 1], tags=["main", "main"])
    found = {image.image_digest: image.image_tags for image in await images_of(local, "team/app")}
    assert [found[image.digest] for image in made] == [("main",), ()]


async def test_more_images_of_one_repository_are_others(local: ThreadedLocalECR) -> None:
    local.make_images("team/app", [DAY] * 600)
    local.make_images("team/app", [DAY] * 600)
    assert len(await images_of(local, "team/app")) == 1200


async def test_another_region(local: ThreadedLocalECR) -> None:
    pushed = local.push_image("team/app", "v1", region="eu-west-1")
    made = local.make_images("team/app", [DAY], region="eu-west-1")
    found = await images_of(local, "team/app", "eu-west-1")
    assert {image.image_digest for image in found} == {pushed.digest, made[0].digest}
    with pytest.raises(ecr.RepositoryNotFoundException):
        await images_of(local, "team/app")


async def test_requests_of_the_api_in_one_transaction(local: ThreadedLocalECR) -> None:
    local.fill(ecr.CreateRepositoryRequest(f"team/app-{number}") for number in range(3))
    async with local.session() as session:
        found = await ecr.describe_repositories(session.service(), ecr.DescribeRepositoriesRequest())
    assert len(found.repositories) == 3


async def test_faults_strike_clients_and_not_the_test(local: ThreadedLocalECR) -> None:
    async with local.session(max_attempts=1) as session:
        with local.inject(Fault(kind="throttle")):
            local.push_image("team/app", "v1")
            with pytest.raises(ecr.ServiceError) as caught:
                await ecr.list_images(session.service(), ecr.ListImagesRequest("team/app"))
        assert caught.value.code == "ThrottlingException"
        assert (await ecr.list_images(session.service(), ecr.ListImagesRequest("team/app"))).image_ids


async def test_lifecycle_policies_run_by_the_servers_clock(local: ThreadedLocalECR) -> None:
    local.make_images("team/app", [DAY * days for days in (1, 15, 40)])
    policy = LifecyclePolicy([Rule.expire(1, "any", days_since_pushed=30)])
    local.fill([ecr.PutLifecyclePolicyRequest("team/app", policy.to_json())])
    assert local.run_lifecycle_policies() == 1
    local.clock.advance(DAY * 20)
    assert local.run_lifecycle_policies() == 1
    assert len(await images_of(local, "team/app")) == 1


def test_a_reset_undoes_all(local: ThreadedLocalECR) -> None:
    digest = local.push_image("team/app").digest
    with local.inject(Fault(kind="drop")):
        local.clock.advance(timedelta(days=30))
        local.clock.stop()
        local.reset()
    assert not local.clock.is_stopped
    assert abs(local.clock.now - datetime.now(UTC)) < DAY
    assert local.push_image("team/app").digest == digest


def test_what_is_wrong_with_an_image_is_raised(local: ThreadedLocalECR) -> None:
    with pytest.raises(ecr.ValidationError, match="repository_name"):
        local.push_image("Team/App", "v1")
    with pytest.raises(ecr.InvalidParameterException, match="imageTag"):
        local.push_image("team/app", "not a tag")
