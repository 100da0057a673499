"""What manifest lists refer to, read once ever, and what that makes of a policy's evaluation."""

from collections.abc import AsyncIterator

import pytest

import ecr_async as ecr
from ecr_async.lifecycle import LifecyclePolicy, Rule, evaluate
from ecr_async.local import LocalECR
from tests.integration.local.content import create, digest_of, index, manifest, put
from tests.unit.fake_registry import FakeRegistry

ARM, AMD, LONE = manifest(b"arm"), manifest(b"amd"), manifest(b"lone")
INDEX = index(ARM, AMD)


@pytest.fixture
async def service() -> AsyncIterator[ecr.Service]:
    """A repository with a tagged index of two untagged images, and a third untagged one."""
    async with LocalECR(verify_layers=False) as local, local.session() as session:
        service = session.service()
        await create(service)
        for text in (ARM, AMD, LONE):
            await put(service, text)
        await put(service, INDEX, "v1")
        yield service


async def described(service: ecr.Service) -> list[ecr.ImageDetail]:
    pager = ecr.paginate_describe_images(service, ecr.DescribeImagesRequest("team/app"))
    return [image async for image in pager]


async def test_each_list_has_the_digests_that_it_refers_to(service: ecr.Service) -> None:
    references = await ecr.collect_references(service, "team/app", await described(service))
    assert references == {digest_of(INDEX): (digest_of(ARM), digest_of(AMD))}


async def test_what_is_known_is_not_read_again(service: ecr.Service) -> None:
    images = await described(service)
    known: dict[str, tuple[str, ...]] = {}
    references = await ecr.collect_references(service, "team/app", images, known=known)
    assert known == references
    async with FakeRegistry({}).session() as session:  # which has no operation to read images with
        again = await ecr.collect_references(session.service(), "team/app", images, known=known)
    assert again == references


async def test_a_list_that_is_gone_refers_to_nothing(service: ecr.Service) -> None:
    images = await described(service)
    deleted = [ecr.ImageIdentifier(image_digest=digest_of(INDEX))]
    await ecr.delete_images(service, "team/app", deleted, dry_run=False)
    assert await ecr.collect_references(service, "team/app", images) == {digest_of(INDEX): ()}


async def test_a_call_that_fails_is_raised(service: ecr.Service) -> None:
    images = await described(service)
    with pytest.raises(ecr.RepositoryNotFoundException):
        await ecr.collect_references(service, "team/none", images)


async def test_with_them_a_policy_leaves_alone_what_ecr_holds_back(service: ecr.Service) -> None:
    images = await described(service)
    references = await ecr.collect_references(service, "team/app", images)
    policy = LifecyclePolicy([Rule.expire(1, "untagged", keep_newest=1)])
    pushed = [image.image_pushed_at for image in images if image.image_pushed_at]
    outcome = evaluate(policy, images, now=max(pushed), references=references)
    assert outcome.undetermined == ()
    await ecr.start_lifecycle_policy_preview(
        service, ecr.StartLifecyclePolicyPreviewRequest("team/app", lifecycle_policy_text=policy.to_json())
    )
    preview = await ecr.wait_until_lifecycle_policy_preview_complete(
        service, ecr.GetLifecyclePolicyPreviewRequest("team/app")
    )
    assert [result.image_digest for result in outcome.results] == [
        result.image_digest for result in preview.preview_results
    ]
