"""Lifecycle policies: checked when they are put, and previewed against the images of the moment."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from ecr_async import api as ecr
from ecr_async.local import LocalECR
from ecr_async.local.json_values import compacted
from ecr_async.service import Service
from ecr_async.waiters import PollDelays, wait_until_lifecycle_policy_preview_complete
from tests.integration.local.content import REGISTRY, create, index, manifest, put

DAY = 86_400
START = datetime(2024, 1, 1, tzinfo=UTC).timestamp()


def policy(*rules: dict[str, object]) -> str:
    return json.dumps({"rules": rules}, indent=1)


def rule(priority: int, tag_status: str, **selection: object) -> dict[str, object]:
    return {
        "rulePriority": priority,
        "description": "as the tests want it",
        "selection": {"tagStatus": tag_status, **selection},
        "action": {"type": "expire"},
    }


KEEP_ONE = policy(rule(1, "any", countType="imageCountMoreThan", countNumber=1))
WEEK_OLD_UNTAGGED = policy(rule(1, "untagged", countType="sinceImagePushed", countUnit="days", countNumber=7))
ARCHIVE_UNPULLED = policy(
    {
        "rulePriority": 7,
        "selection": {
            "tagStatus": "any",
            "countType": "sinceImagePulled",
            "countUnit": "days",
            "countNumber": 3,
        },
        "action": {"type": "transition", "targetStorageClass": "archive"},
    }
)


class Calendar:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now

    def pass_days(self, days: int) -> None:
        self.now += days * DAY


@pytest.fixture
def calendar() -> Calendar:
    return Calendar()


@pytest.fixture
async def service(calendar: Calendar) -> AsyncIterator[Service]:
    """A service whose server lives by the calendar, with an empty repository."""
    async with LocalECR(clock=calendar, verify_layers=False) as local, local.session() as session:
        service = session.service()
        await create(service)
        yield service


async def start(service: Service, text: str | None = None) -> ecr.StartLifecyclePolicyPreviewResponse:
    request = ecr.StartLifecyclePolicyPreviewRequest("team/app", lifecycle_policy_text=text)
    return await ecr.start_lifecycle_policy_preview(service, request)


async def get(service: Service) -> ecr.GetLifecyclePolicyPreviewResponse:
    request = ecr.GetLifecyclePolicyPreviewRequest("team/app")
    return await ecr.get_lifecycle_policy_preview(service, request)


async def preview(service: Service, text: str) -> ecr.GetLifecyclePolicyPreviewResponse:
    await start(service, text)
    return await wait_until_lifecycle_policy_preview_complete(
        service, ecr.GetLifecyclePolicyPreviewRequest("team/app"), delays=PollDelays(0, 1, 0)
    )


# ---------------------------------------------------------------------------- policies


async def test_a_policy_is_put_read_and_deleted(service: Service) -> None:
    put = await ecr.put_lifecycle_policy(service, ecr.PutLifecyclePolicyRequest("team/app", KEEP_ONE))
    got = await ecr.get_lifecycle_policy(service, ecr.GetLifecyclePolicyRequest("team/app"))
    deleted = await ecr.delete_lifecycle_policy(service, ecr.DeleteLifecyclePolicyRequest("team/app"))
    assert [
        (one.registry_id, one.repository_name, one.lifecycle_policy_text) for one in (put, got, deleted)
    ] == [(REGISTRY, "team/app", compacted(KEEP_ONE))] * 3
    assert got.last_evaluated_at == datetime(1970, 1, 1, tzinfo=UTC)
    with pytest.raises(ecr.LifecyclePolicyNotFoundException):
        await ecr.get_lifecycle_policy(service, ecr.GetLifecyclePolicyRequest("team/app"))
    with pytest.raises(ecr.LifecyclePolicyNotFoundException):
        await ecr.delete_lifecycle_policy(service, ecr.DeleteLifecyclePolicyRequest("team/app"))


async def test_a_rejected_policy_names_the_rule_that_is_wrong(service: Service) -> None:
    wrong = policy(rule(3, "untagged", countType="sinceImagePushed", countNumber=7))
    with pytest.raises(ecr.InvalidParameterException, match=r"rule 1 \(priority 3\).*countUnit"):
        await ecr.put_lifecycle_policy(service, ecr.PutLifecyclePolicyRequest("team/app", wrong))
    with pytest.raises(ecr.InvalidParameterException, match="countUnit"):
        await start(service, wrong)
    with pytest.raises(ecr.InvalidParameterException, match="JSON"):
        await ecr.put_lifecycle_policy(service, ecr.PutLifecyclePolicyRequest("team/app", "no JSON " * 20))


async def test_no_repository_no_lifecycle(service: Service) -> None:
    name = "none/such"
    for call in (
        ecr.put_lifecycle_policy(service, ecr.PutLifecyclePolicyRequest(name, KEEP_ONE)),
        ecr.get_lifecycle_policy(service, ecr.GetLifecyclePolicyRequest(name)),
        ecr.delete_lifecycle_policy(service, ecr.DeleteLifecyclePolicyRequest(name)),
        ecr.start_lifecycle_policy_preview(service, ecr.StartLifecyclePolicyPreviewRequest(name)),
        ecr.get_lifecycle_policy_preview(service, ecr.GetLifecyclePolicyPreviewRequest(name)),
    ):
        with pytest.raises(ecr.RepositoryNotFoundException):
            await call


# ---------------------------------------------------------------------------- previews


async def test_a_preview_is_in_progress_before_it_is_complete(service: Service) -> None:
    started = await start(service, KEEP_ONE)
    assert (started.status, started.lifecycle_policy_text) == ("IN_PROGRESS", KEEP_ONE)
    first, second = await get(service), await get(service)
    assert (first.status, first.summary, first.preview_results) == ("IN_PROGRESS", None, ())
    assert second.status == "COMPLETE"
    assert second.summary is not None
    assert second.summary.expiring_image_total_count == 0


async def test_a_preview_must_end_before_the_next_one(service: Service) -> None:
    await start(service, KEEP_ONE)
    with pytest.raises(ecr.LifecyclePolicyPreviewInProgressException):
        await start(service, KEEP_ONE)
    await get(service)
    await start(service, WEEK_OLD_UNTAGGED)
    assert (await get(service)).lifecycle_policy_text == WEEK_OLD_UNTAGGED


async def test_how_long_a_preview_takes_can_be_set() -> None:
    async with LocalECR(preview_polls=3) as local, local.session() as session:
        service = session.service()
        await create(service)
        await start(service, KEEP_ONE)
        assert [(await get(service)).status for _ in range(4)] == ["IN_PROGRESS"] * 3 + ["COMPLETE"]


async def test_without_a_text_the_repositorys_policy_is_tried(service: Service) -> None:
    with pytest.raises(ecr.LifecyclePolicyNotFoundException):
        await start(service)
    await ecr.put_lifecycle_policy(service, ecr.PutLifecyclePolicyRequest("team/app", KEEP_ONE))
    assert (await start(service)).lifecycle_policy_text == compacted(KEEP_ONE)


async def test_there_is_no_preview_before_one_is_started(service: Service) -> None:
    with pytest.raises(ecr.LifecyclePolicyPreviewNotFoundException):
        await get(service)


async def test_what_would_expire(service: Service, calendar: Calendar) -> None:
    old = await put(service, manifest(b"old"))
    await put(service, manifest(b"old but tagged"), "v1")
    calendar.pass_days(8)
    await put(service, manifest(b"new"))
    found = await preview(service, WEEK_OLD_UNTAGGED)
    assert found.summary == ecr.LifecyclePolicyPreviewSummary(expiring_image_total_count=1)
    assert found.preview_results == (
        ecr.LifecyclePolicyPreviewResult(
            image_digest=old,
            image_pushed_at=datetime(2024, 1, 1, tzinfo=UTC),
            action=ecr.LifecyclePolicyRuleAction("EXPIRE"),
            applied_rule_priority=1,
            storage_class="STANDARD",
        ),
    )
    listed = await ecr.list_images(service, ecr.ListImagesRequest("team/app"))
    assert len(listed.image_ids) == 3


async def test_what_would_be_archived(service: Service, calendar: Calendar) -> None:
    pulled, unpulled = await put(service, manifest(b"1"), "v1"), await put(service, manifest(b"2"), "v2")
    calendar.pass_days(4)
    wanted = [ecr.ImageIdentifier(pulled)]
    await ecr.batch_get_image(service, ecr.BatchGetImageRequest("team/app", wanted))
    found = await preview(service, ARCHIVE_UNPULLED)
    [result] = found.preview_results
    assert (result.image_digest, result.image_tags) == (unpulled, ("v2",))
    assert result.action == ecr.LifecyclePolicyRuleAction("TRANSITION", "ARCHIVE")
    assert found.summary is not None
    assert found.summary.expiring_image_total_count == 0
    assert found.summary.transitioning_image_total_counts == (ecr.TransitioningImageTotalCount("ARCHIVE", 1),)


async def test_an_image_of_a_kept_index_is_kept(service: Service, calendar: Calendar) -> None:
    member = manifest(b"member")
    await put(service, member)
    await put(service, manifest(b"stray"))
    await put(service, index(member), "multi")
    calendar.pass_days(8)
    found = await preview(service, WEEK_OLD_UNTAGGED)
    assert found.summary is not None
    assert found.summary.expiring_image_total_count == 1


async def test_results_come_in_pages_and_by_filter(service: Service, calendar: Calendar) -> None:
    for number in range(130):
        calendar.now += 1
        await put(service, manifest(str(number).encode()), f"v{number}" if number % 2 else None)
    await preview(service, KEEP_ONE)
    everything = ecr.GetLifecyclePolicyPreviewRequest("team/app")
    pages = [page async for page in ecr.paginate_get_lifecycle_policy_preview(service, everything).pages()]
    assert [len(page.preview_results) for page in pages] == [100, 29]
    assert [page.summary.expiring_image_total_count for page in pages if page.summary] == [129, 129]
    digests = [result.image_digest for page in pages for result in page.preview_results]
    assert len(set(digests)) == 129
    untagged = ecr.GetLifecyclePolicyPreviewRequest(
        "team/app", max_results=50, filter=ecr.LifecyclePolicyPreviewFilter("UNTAGGED")
    )
    found = [result async for result in ecr.paginate_get_lifecycle_policy_preview(service, untagged)]
    assert (len(found), {result.image_tags for result in found}) == (65, {()})
    named = [ecr.ImageIdentifier(digests[5]), ecr.ImageIdentifier(image_tag="v1")]
    request = ecr.GetLifecyclePolicyPreviewRequest("team/app", image_ids=named)
    picked = await ecr.get_lifecycle_policy_preview(service, request)
    assert {result.image_digest for result in picked.preview_results} >= {digests[5]}
    assert len(picked.preview_results) == 2


async def test_a_preview_is_of_the_moment_when_it_was_started(service: Service, calendar: Calendar) -> None:
    await put(service, manifest(b"1"))
    await start(service, WEEK_OLD_UNTAGGED)
    calendar.pass_days(30)
    await get(service)
    assert (await get(service)).preview_results == ()
