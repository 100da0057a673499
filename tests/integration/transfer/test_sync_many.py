"""One source brought to many registries: to several services, and to a fleet's accounts and regions."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

import ecr_async as ecr
from ecr_async.local import Fault, LocalECR
from tests.integration.credentials.servers import RejectingSTS
from tests.integration.local.content import create
from tests.integration.subprocesses import COMMAND, environment, run
from tests.integration.transfer.layouts import Made, image, index, noise, write_layout

REGIONS = ("eu-west-1", "eu-central-1", "ap-south-1")
SHARED = noise(4000)
MADE = [image(SHARED, noise(100, number)) for number in range(3)]
BOTH = index({"linux/amd64": MADE[0], "linux/arm64": image(SHARED, architecture="arm64")})


@pytest.fixture
async def others(local: LocalECR) -> AsyncIterator[list[ecr.Service]]:
    """Registries in three other regions."""
    async with local.session() as session:
        yield [session.service(region) for region in REGIONS]


@pytest.fixture
async def filled(service: ecr.Service, tmp_path: Path) -> Mapping[str, Made]:
    """Two repositories with four images each."""
    images = {"v0": MADE[0], "v1": MADE[1], "v2": MADE[2], "both": BOTH}
    for name in ("team/app", "team/web"):
        await create(service, name)
        for tag, made in images.items():
            source = write_layout(tmp_path / name / tag, [(None, made)])
            await ecr.push_image(service, source, name, tags=[tag])
    return images


async def tags_of(service: ecr.Service, name: str) -> dict[str, str | None]:
    pages = ecr.paginate_list_images(service, ecr.ListImagesRequest(name))
    return {each.image_tag: each.image_digest async for each in pages if each.image_tag}


def counted(results: list[ecr.SyncResult]) -> Counter[tuple[str, str]]:
    """How many results of each kind each destination has."""
    return Counter(
        (each.service.region, each.status if isinstance(each, ecr.SyncedImage) else type(each).__name__)
        for each in results
    )


async def test_every_destination_gets_everything(
    service: ecr.Service, others: list[ecr.Service], filled: Mapping[str, Made]
) -> None:
    sync = ecr.sync_images(service, others, "team/*", create_repositories="like_source")
    results = [result async for result in sync]
    assert counted(results) == {
        (region, status): count for region in REGIONS for status, count in (("copied", 8), ("skipped", 2))
    }
    digests = {tag: made.digest for tag, made in filled.items()}
    for other in others:
        for name in ("team/app", "team/web"):
            assert await tags_of(other, name) == digests
    summary = sync.summary
    assert (summary.destinations, summary.repositories, summary.done, summary.created) == (3, 2, 2, 6)
    assert summary.complete


async def test_a_plan_for_each_destination(
    service: ecr.Service, others: list[ecr.Service], filled: Mapping[str, Made]
) -> None:
    async for _ in ecr.sync_images(service, others[0], create_repositories="like_source"):
        pass
    sync = ecr.sync_images(service, others, dry_run=True, create_repositories="like_source", tags="v*")
    results = [result async for result in sync]
    assert {key: count for key, count in counted(results).items() if key[1] != "skipped"} == {
        (REGIONS[0], "present"): 6,
        (REGIONS[1], "to_copy"): 6,
        (REGIONS[2], "to_copy"): 6,
    }
    assert sync.summary.bytes_to_copy == 2 * 2 * sum(sum(map(len, made.blobs.values())) for made in MADE)
    with pytest.raises(ecr.RepositoryNotFoundException):
        await tags_of(others[1], "team/app")


async def test_a_destination_that_fails_stops_no_other(
    service: ecr.Service, others: list[ecr.Service], filled: Mapping[str, Made], tmp_path: Path
) -> None:
    """Nor is the repository noted as done: the next run brings it to the one that is missing."""
    for other in others[:2]:
        await create(other, "team/app")
    checkpoint = tmp_path / "checkpoint"
    sync = ecr.sync_images(service, others, "team/app", checkpoint=checkpoint)
    results = [result async for result in sync]
    (failed,) = (each for each in results if isinstance(each, ecr.FailedRepository))
    assert (failed.service, failed.repository) == (others[2], "team/app")
    assert isinstance(failed.error, ecr.RepositoryNotFoundException)
    assert (sync.summary.copied, sync.summary.done, sync.summary.complete) == (8, 0, False)
    await create(others[2], "team/app")
    sync = ecr.sync_images(service, others, "team/app", checkpoint=checkpoint)
    results = [result async for result in sync]
    assert counted(results)[REGIONS[2], "copied"] == 4
    assert (sync.summary.copied, sync.summary.present, sync.summary.complete) == (4, 8, True)
    assert not checkpoint.exists()


async def test_the_checkpoint_is_for_these_destinations(
    service: ecr.Service, others: list[ecr.Service], filled: Mapping[str, Made], tmp_path: Path
) -> None:
    file = tmp_path / "checkpoint"
    async for _ in ecr.sync_images(service, others, checkpoint=file):
        pass
    async for _ in ecr.sync_images(service, reversed(others), checkpoint=file):  # whatever their order
        pass
    with pytest.raises(ecr.ConfigurationError, match=r"is of a sync from us-east-1 .* to ap-south-1"):
        async for _ in ecr.sync_images(service, others[:2], checkpoint=file):
            pass


async def test_a_fleet(tmp_path: Path) -> None:
    """An account that cannot be entered is reported for each region; the others are brought up to date."""
    accounts = ["111111111111", "222222222222"]
    sts = RejectingSTS("AccessDenied", lambda request: "no", rejected=":222222222222:")
    async with (
        LocalECR(keys={"ROLEKEY": ("s", accounts[0])}) as local,
        sts.serving() as url,
        local.session(sts_endpoint_url=url) as session,
    ):
        service = session.service()
        await create(service)
        source = write_layout(tmp_path / "in", [("v1", BOTH)])
        await ecr.push_image(service, source, "team/app", tags=["v1"])
        fleet = ecr.Fleet(session, accounts, "ecr-writer", REGIONS[:2])
        sync = ecr.sync_images(service, fleet, tags="v1", create_repositories="like_source")
        results = [result async for result in sync]
        entered = (await fleet.session(accounts[0])).service(REGIONS[0])
        assert await tags_of(entered, "team/app") == {"v1": BOTH.digest}
    found = Counter((each.service.account, type(each).__name__) for each in results)
    assert found == {(accounts[0], "SyncedImage"): 2 * 3, (accounts[1], "FailedListing"): 2}
    assert (sync.summary.copied, sync.summary.destinations, sync.summary.failed_listings) == (2, 4, 2)
    assert not sync.summary.complete


@pytest.mark.parametrize("destinations", ["eu-west-1", None, [None], 1])
def test_invalid_destinations(service: ecr.Service, destinations: object) -> None:
    with pytest.raises(ecr.ConfigurationError, match=r"^destinations.*: must be a Service"):
        ecr.sync_images(service, destinations)  # type: ignore[arg-type]


def test_an_invalid_source(service: ecr.Service) -> None:
    with pytest.raises(ecr.ConfigurationError, match="source: must be a Service, not list"):
        ecr.sync_images([service], service)  # type: ignore[arg-type]


async def test_the_command(
    local: LocalECR, service: ecr.Service, filled: Mapping[str, Made], tmp_path: Path
) -> None:
    env = environment(local, XDG_STATE_HOME=str(tmp_path))
    sides = ["sync", "--repository", "team/*", "--tag", "v*", "--create-like-source"]
    sides += [option for region in REGIONS[:2] for option in ("--to-region", region)]
    planned = await run(*COMMAND, *sides, "--dry-run", env=env)
    assert (planned.status, planned.err) == (0, "")
    lines = planned.out.splitlines()
    assert [line.partition("; ")[0] for line in lines] == [
        "eu-central-1: 6 to copy, 4 skipped",
        "eu-west-1: 6 to copy, 4 skipped",
        "12 to copy, 8 skipped",
    ]
    with local.inject(
        Fault(kind="error", operation="CreateRepository", status=400, code="LimitExceededException", times=1)
    ):
        failed = await run(*COMMAND, *sides, "--json", env=env)
    assert failed.status == 1
    *results, summary = map(json.loads, failed.out.splitlines())
    (wrong,) = (each for each in results if each.get("type") == "FailedRepository")
    assert wrong["region"] in REGIONS
    assert f"{wrong['region']}: {wrong['repository']}: CreateRepository: LimitExceeded" in failed.err
    assert {each["region"] for each in results} == set(REGIONS[:2])
    assert summary["summary"]["copied"] == 9
    done = await run(*COMMAND, *sides, env=env)
    assert done.status == 0
    assert done.out.splitlines()[-1].startswith("3 copied, 9 present, ")
