"""Deleting in batches, tried first: a dry run foretells what really happens, and changes nothing."""

from collections.abc import Sequence

import pytest

import ecr_async as ecr
from ecr_async.local import LocalECR
from tests.integration.local.content import manifest


async def images(service: ecr.Service) -> dict[str, tuple[str, ...]]:
    """Return the tags of each image."""
    pager = ecr.paginate_describe_images(service, ecr.DescribeImagesRequest("team/app"))
    return {image.image_digest or "": image.image_tags async for image in pager}


async def filled(local: LocalECR, service: ecr.Service) -> list[str]:
    """Put 5 images: with no tag, with `one`, with `two` and `three`, with `four`, with no tag; return the
    digests.
    """
    await local.fill([ecr.CreateRepositoryRequest("team/app")])
    content = [(0, None), (1, "one"), (2, "two"), (2, "three"), (3, "four"), (4, None)]
    await local.fill(
        ecr.PutImageRequest("team/app", manifest(str(number).encode()), image_tag=tag)
        for number, tag in content
    )
    return list(await images(service))


CASES = {
    "an image without tags": [(0, None)],
    "an image with its only tag": [(1, None)],
    "an image's only tag": [(None, "one")],
    "an image with all its tags": [(2, None)],
    "one of two tags": [(None, "two")],
    "both tags": [(None, "three"), (None, "two")],
    "a tag, then its image": [(None, "two"), (2, None)],
    "an image, then its tag": [(2, None), (None, "two")],
    "a tag with its digest": [(2, "three")],
    "a tag with another's digest": [(1, "three")],
    "a tag that isn't there": [(None, "nine"), (0, "nine")],
    "a digest that isn't there": [(9, None)],
    "neither": [(None, None)],
    "many": [(0, None), (None, "one"), (2, "two"), (3, None), (None, "four"), (4, None)],
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
async def test_a_dry_run_foretells_what_deleting_does(case: Sequence[tuple[int | None, str | None]]) -> None:
    async with LocalECR(verify_layers=False) as local, local.session() as session:
        service = session.service()
        digests = [*await filled(local, service), *["sha256:" + "9" * 64] * 5]
        before = await images(service)
        ids = [
            ecr.ImageIdentifier(digests[number] if number is not None else None, tag) for number, tag in case
        ]
        previewed = await ecr.delete_images(service, "team/app", ids)
        assert await images(service) == before
        happened = await ecr.delete_images(service, "team/app", ids, dry_run=False)
        after = await images(service)

    assert set(happened.done) == set(previewed.done)
    assert [(each.id, each.code) for each in happened.failures] == [
        (each.id, each.code) for each in previewed.failures
    ]
    left = {(digest, tag) for digest, of_image in after.items() for tag in of_image or (None,)}
    had = {(digest, tag) for digest, of_image in before.items() for tag in of_image or (None,)}
    assert had - left == {(each.image_digest, each.image_tag) for each in happened.done}


async def test_a_repository_that_is_not_there() -> None:
    async with LocalECR() as local, local.session() as session:
        service = session.service()
        ids = [ecr.ImageIdentifier(image_tag="v1")]
        with pytest.raises(ecr.RepositoryNotFoundException):
            await ecr.delete_images(service, "team/none", ids)
        result = await ecr.delete_images(service, "team/none", ids, dry_run=False)
    assert [(failure.id, failure.code) for failure in result.failures] == [
        (ids[0], "RepositoryNotFoundException")
    ]
