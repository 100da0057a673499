"""Images: listed, described, pulled and deleted."""

from datetime import UTC, datetime

import pytest

from ecr_async import api as ecr
from ecr_async.local import LocalECR
from ecr_async.oci.media_types import DOCKER_MANIFEST, OCI_MANIFEST
from ecr_async.service import Service
from tests.integration.local.content import UNKNOWN_DIGEST, create, digest_of, index, manifest, push, put

Id = ecr.ImageIdentifier


@pytest.fixture
async def repository(service: Service) -> str:
    return await create(service)


async def listed(
    service: Service, filter: ecr.ListImagesFilter | None = None
) -> list[tuple[str | None, str | None]]:
    pager = ecr.paginate_list_images(service, ecr.ListImagesRequest("team/app", filter=filter))
    return [(image_id.image_digest, image_id.image_tag) async for image_id in pager]


# ---------------------------------------------------------------------------- list and describe


async def test_a_list_has_an_item_for_each_tag_and_each_untagged_image(
    service: Service, repository: str
) -> None:
    tagged = await push(service, b"one", "v1", "v1.0")
    untagged = await push(service, b"two")
    assert await listed(service) == [(tagged, "v1"), (tagged, "v1.0"), (untagged, None)]
    assert await listed(service, filter=ecr.ListImagesFilter("TAGGED")) == [(tagged, "v1"), (tagged, "v1.0")]
    assert await listed(service, filter=ecr.ListImagesFilter("UNTAGGED")) == [(untagged, None)]


async def test_a_page_may_end_between_two_tags_of_an_image(service: Service, repository: str) -> None:
    digest = await push(service, b"one", "a", "b", "c")
    other = await push(service, b"two")
    pager = ecr.paginate_list_images(service, ecr.ListImagesRequest(repository, max_results=2))
    pages = [page async for page in pager.pages()]
    assert [page.image_ids for page in pages] == [
        (Id(digest, "a"), Id(digest, "b")),
        (Id(digest, "c"), Id(other)),
    ]


async def test_pages_of_descriptions_cover_everything_once(service: Service, repository: str) -> None:
    digests = [await push(service, f"layer {number}".encode(), f"v{number}") for number in range(7)]
    pager = ecr.paginate_describe_images(service, ecr.DescribeImagesRequest(repository, max_results=3))
    pages = [page async for page in pager.pages()]
    assert [len(page.image_details) for page in pages] == [3, 3, 1]
    assert [image.image_digest for page in pages for image in page.image_details] == digests


async def test_descriptions_can_be_filtered(service: Service, repository: str) -> None:
    tagged, untagged = await push(service, b"one", "v1"), await push(service, b"two")

    async def found(status: ecr.TagStatus) -> list[str | None]:
        request = ecr.DescribeImagesRequest(repository, filter=ecr.DescribeImagesFilter(status))
        return [image.image_digest for image in (await ecr.describe_images(service, request)).image_details]

    assert await found("TAGGED") == [tagged]
    assert await found("UNTAGGED") == [untagged]
    assert await found("ANY") == [tagged, untagged]


async def test_named_images_are_described_once_each(service: Service, repository: str) -> None:
    first, second = await push(service, b"one", "v1", "v2"), await push(service, b"two")
    request = [Id(image_tag="v2"), Id(second), Id(first)]
    response = await ecr.describe_images(service, ecr.DescribeImagesRequest(repository, image_ids=request))
    assert [image.image_digest for image in response.image_details] == [first, second]


@pytest.mark.parametrize(
    ("image_id", "error"),
    [
        (Id(image_tag="absent"), ecr.ImageNotFoundException),
        (Id(UNKNOWN_DIGEST), ecr.ImageNotFoundException),
        (Id(UNKNOWN_DIGEST, "v1"), ecr.ImageNotFoundException),
        (Id(), ecr.InvalidParameterException),
        (Id("no:digest"), ecr.InvalidParameterException),
        (Id(image_tag="no tag"), ecr.InvalidParameterException),
    ],
)
async def test_descriptions_of_what_is_not_there(
    service: Service, repository: str, image_id: ecr.ImageIdentifier, error: type[Exception]
) -> None:
    await push(service, b"one", "v1")
    with pytest.raises(error):
        await ecr.describe_images(service, ecr.DescribeImagesRequest(repository, image_ids=[image_id]))


async def test_a_missing_image_is_named_in_the_error(service: Service, repository: str) -> None:
    with pytest.raises(ecr.ImageNotFoundException) as raised:
        await ecr.describe_images(
            service, ecr.DescribeImagesRequest(repository, image_ids=[Id(image_tag="x")])
        )
    assert raised.value.message == (
        "The image with imageId {imageDigest:'null', imageTag:'x'} does not exist within the repository "
        "with name 'team/app' in the registry with id '123456789012'"
    )


async def test_no_repository_no_images(service: Service) -> None:
    for call in (
        ecr.list_images(service, ecr.ListImagesRequest("none/such")),
        ecr.describe_images(service, ecr.DescribeImagesRequest("none/such")),
        ecr.batch_get_image(service, ecr.BatchGetImageRequest("none/such", [Id(UNKNOWN_DIGEST)])),
        ecr.batch_delete_image(service, ecr.BatchDeleteImageRequest("none/such", [Id(UNKNOWN_DIGEST)])),
    ):
        with pytest.raises(ecr.RepositoryNotFoundException, match="none/such"):
            await call


async def test_times_are_the_servers_own() -> None:
    now = [datetime(2024, 2, 29, 12, tzinfo=UTC).timestamp()]
    async with LocalECR(clock=lambda: now[0], verify_layers=False) as local, local.session() as session:
        service = session.service()
        await create(service)
        digest = await put(service, manifest(b"one"))
        now[0] += 3600
        await ecr.batch_get_image(service, ecr.BatchGetImageRequest("team/app", [Id(digest)]))
        described = await ecr.describe_images(service, ecr.DescribeImagesRequest("team/app"))
    [image] = described.image_details
    assert image.image_pushed_at == datetime(2024, 2, 29, 12, tzinfo=UTC)
    assert image.last_recorded_pull_time == datetime(2024, 2, 29, 13, tzinfo=UTC)


# ---------------------------------------------------------------------------- pull


async def test_manifests_are_handed_out_as_they_were_put(service: Service, repository: str) -> None:
    digest = await push(service, b"one", "v1")
    response = await ecr.batch_get_image(
        service, ecr.BatchGetImageRequest(repository, [Id(image_tag="v1"), Id(digest)])
    )
    assert [image.image_manifest for image in response.images] == [manifest(b"one")] * 2
    assert [image.image_id for image in response.images] == [Id(digest, "v1"), Id(digest)]
    assert response.images[0].image_manifest_media_type == OCI_MANIFEST
    assert response.failures == ()


async def test_a_manifest_of_a_type_that_is_not_accepted_is_not_handed_out(
    service: Service, repository: str
) -> None:
    digest = await push(service, b"one")

    async def get(*types: str) -> ecr.BatchGetImageResponse:
        request = ecr.BatchGetImageRequest(repository, [Id(digest)], accepted_media_types=types)
        return await ecr.batch_get_image(service, request)

    assert len((await get(DOCKER_MANIFEST, OCI_MANIFEST)).images) == 1
    rejected = await get(DOCKER_MANIFEST)
    assert [failure.failure_code for failure in rejected.failures] == ["ImageNotFound"]


@pytest.mark.parametrize(
    ("image_id", "code"),
    [
        (Id(), "MissingDigestAndTag"),
        (Id("no:digest"), "InvalidImageDigest"),
        (Id(image_tag="no tag"), "InvalidImageTag"),
        (Id(UNKNOWN_DIGEST), "ImageNotFound"),
        (Id(image_tag="absent"), "ImageNotFound"),
        (Id(UNKNOWN_DIGEST, "v1"), "ImageTagDoesNotMatchDigest"),
    ],
)
async def test_a_batch_reports_what_it_cannot_find(
    service: Service, repository: str, image_id: ecr.ImageIdentifier, code: str
) -> None:
    good = await push(service, b"one", "v1")
    got = await ecr.batch_get_image(service, ecr.BatchGetImageRequest(repository, [image_id, Id(good)]))
    assert [(failure.image_id, failure.failure_code) for failure in got.failures] == [(image_id, code)]
    assert len(got.images) == 1
    gone = await ecr.batch_delete_image(
        service, ecr.BatchDeleteImageRequest(repository, [image_id, Id(good)])
    )
    assert [(failure.image_id, failure.failure_code) for failure in gone.failures] == [(image_id, code)]
    assert gone.image_ids == (Id(good, "v1"),)


# ---------------------------------------------------------------------------- delete


async def delete(service: Service, *image_ids: ecr.ImageIdentifier) -> ecr.BatchDeleteImageResponse:
    return await ecr.batch_delete_image(service, ecr.BatchDeleteImageRequest("team/app", image_ids))


async def test_a_tag_goes_and_the_image_stays(service: Service, repository: str) -> None:
    digest = await push(service, b"one", "v1", "v2")
    assert (await delete(service, Id(image_tag="v1"))).image_ids == (Id(digest, "v1"),)
    assert await listed(service) == [(digest, "v2")]


async def test_the_image_goes_with_its_last_tag(service: Service, repository: str) -> None:
    digest = await push(service, b"one", "v1")
    assert (await delete(service, Id(image_tag="v1"))).image_ids == (Id(digest, "v1"),)
    assert await listed(service) == []


async def test_all_tags_go_with_the_image(service: Service, repository: str) -> None:
    digest = await push(service, b"one", "v1", "v2")
    assert (await delete(service, Id(digest))).image_ids == (Id(digest, "v1"), Id(digest, "v2"))
    assert await listed(service) == []


async def test_an_untagged_image_goes_by_digest(service: Service, repository: str) -> None:
    digest = await push(service, b"one")
    assert (await delete(service, Id(digest))).image_ids == (Id(digest),)


async def test_an_image_cannot_go_before_the_index_that_refers_to_it(
    service: Service, repository: str
) -> None:
    member = await push(service, b"one", "linux")
    text = index(manifest(b"one"))
    listing = await put(service, text, "multi")
    for image_id in (Id(member), Id(image_tag="linux")):
        response = await delete(service, image_id)
        assert response.image_ids == ()
        assert [failure.failure_code for failure in response.failures] == ["ImageReferencedByManifestList"]
        assert listing in str(response.failures[0].failure_reason)
    response = await delete(service, Id(digest_of(text)), Id(member))
    assert response.failures == ()
    assert await listed(service) == []


async def test_what_is_deleted_can_be_pushed_again(service: Service, repository: str) -> None:
    digest = await push(service, b"one", "v1")
    await delete(service, Id(digest))
    assert await put(service, manifest(b"one"), "v1") == digest
