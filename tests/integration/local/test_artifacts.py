"""Artifacts that refer to images, and images that are archived."""

from datetime import UTC, datetime

import pytest

from ecr_async import api as ecr
from ecr_async.local import LocalECR
from ecr_async.oci.media_types import OCI_MANIFEST
from ecr_async.service import Service
from tests.integration.local.content import UNKNOWN_DIGEST, create, manifest, push, put

NOW = datetime(2024, 1, 1, tzinfo=UTC)


def about(subject: str, content: bytes, artifact_type: str) -> str:
    """Return the manifest of an artifact that refers to an image."""
    reference = {"mediaType": OCI_MANIFEST, "digest": subject, "size": 1}
    annotations = {"by": "tests", "number": 1, "none": None, "list": ["text"]}
    return manifest(content, subject=reference, artifactType=artifact_type, annotations=annotations)


async def referrers(service: Service, subject: str, **settings: ecr.ListImageReferrersFilter) -> list[str]:
    request = ecr.ListImageReferrersRequest(
        "team/app", ecr.SubjectIdentifier(subject), filter=settings.get("filter"), max_results=1
    )
    return [referrer.digest async for referrer in ecr.paginate_list_image_referrers(service, request)]


async def test_referrers_are_found_by_their_subject() -> None:
    async with LocalECR(verify_layers=False) as local, local.session() as session:
        service = session.service()
        await create(service)
        image = await put(service, manifest(b"image"), "v1")
        sbom = await put(service, about(image, b"sbom", "application/spdx+json"))
        signature = await put(service, about(image, b"signature", "application/vnd.cncf.notary.signature"))
        await put(service, about(sbom, b"other", "application/spdx+json"))
        assert await referrers(service, image) == [sbom, signature]
        only = ecr.ListImageReferrersFilter(artifact_types=["application/spdx+json"])
        assert await referrers(service, image, filter=only) == [sbom]
        archived = ecr.ListImageReferrersFilter(artifact_status="ARCHIVED")
        assert await referrers(service, image, filter=archived) == []
        request = ecr.ListImageReferrersRequest("team/app", ecr.SubjectIdentifier(image))
        described = (await ecr.list_image_referrers(service, request)).referrers[0]
    assert described.artifact_type == "application/spdx+json"
    assert described.annotations == {"by": "tests"}, "those that aren't text are left out"
    assert described.media_type == OCI_MANIFEST


async def test_a_subject_without_referrers_has_none(service: Service) -> None:
    await create(service)
    assert await referrers(service, UNKNOWN_DIGEST) == []
    with pytest.raises(ecr.ValidationException):
        await referrers(service, "none:such")


async def test_an_archived_image_is_out_of_sight_and_reach_until_it_is_restored() -> None:
    async with LocalECR(clock=NOW.timestamp) as local, local.session() as session:
        service = session.service()
        await create(service)
        digest = await push(service, b"layer", "v1")
        named = ecr.ImageIdentifier(digest)

        async def move(target: ecr.TargetStorageClass) -> ecr.UpdateImageStorageClassResponse:
            request = ecr.UpdateImageStorageClassRequest("team/app", named, target)
            return await ecr.update_image_storage_class(service, request)

        async def described(status: ecr.ImageStatusFilter | None) -> tuple[ecr.ImageDetail, ...]:
            request = ecr.DescribeImagesRequest(
                "team/app", filter=ecr.DescribeImagesFilter(image_status=status)
            )
            return (await ecr.describe_images(service, request)).image_details

        assert (await move("ARCHIVE")).image_status == "ARCHIVED"
        assert await described(None) == ()
        [archived] = await described("ARCHIVED")
        assert (archived.image_status, archived.last_archived_at) == ("ARCHIVED", NOW)
        assert (await ecr.list_images(service, ecr.ListImagesRequest("team/app"))).image_ids == ()
        pulled = await ecr.batch_get_image(service, ecr.BatchGetImageRequest("team/app", [named]))
        assert [failure.failure_code for failure in pulled.failures] == ["ImageInaccessible"]
        assert (await move("STANDARD")).image_status == "ACTIVE"
        [restored] = await described(None)
        assert (restored.image_status, restored.last_activated_at) == ("ACTIVE", NOW)


async def test_only_images_that_are_there_can_be_archived(service: Service) -> None:
    await create(service)
    request = ecr.UpdateImageStorageClassRequest("team/app", ecr.ImageIdentifier(UNKNOWN_DIGEST), "ARCHIVE")
    with pytest.raises(ecr.ImageNotFoundException):
        await ecr.update_image_storage_class(service, request)
