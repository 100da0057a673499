"""Scans: started by request or by a push, in progress for a while, and always with the same findings."""

from collections import Counter

import pytest

from ecr_async import api as ecr
from ecr_async.local import LocalECR
from ecr_async.service import Service
from tests.integration.local.content import UNKNOWN_DIGEST, create, index, manifest, push, put

DAY = 86_400
PATTERN = ecr.ScanningRepositoryFilter("team*", "WILDCARD")


async def findings(service: Service, digest: str) -> ecr.DescribeImageScanFindingsResponse:
    request = ecr.DescribeImageScanFindingsRequest("team/app", ecr.ImageIdentifier(digest))
    return await ecr.describe_image_scan_findings(service, request)


async def scan(service: Service, digest: str) -> ecr.StartImageScanResponse:
    return await ecr.start_image_scan(
        service, ecr.StartImageScanRequest("team/app", ecr.ImageIdentifier(digest))
    )


def status(response: ecr.DescribeImageScanFindingsResponse | ecr.StartImageScanResponse) -> str | None:
    return response.image_scan_status.status if response.image_scan_status else None


async def test_a_scan_is_in_progress_before_it_is_complete(service: Service) -> None:
    await create(service)
    digest = await push(service, b"layer", "v1")
    with pytest.raises(ecr.ScanNotFoundException, match=digest):
        await findings(service, digest)
    assert status(await scan(service, digest)) == "IN_PROGRESS"
    assert status(await findings(service, digest)) == "IN_PROGRESS"
    complete = await findings(service, digest)
    assert status(complete) == "COMPLETE"
    found = complete.image_scan_findings
    assert found is not None
    assert found.finding_severity_counts == Counter(str(one.severity) for one in found.findings)
    assert (await findings(service, digest)) == complete


async def test_different_images_have_different_findings() -> None:
    async with LocalECR(verify_layers=False, scan_polls=0) as local, local.session() as session:
        service = session.service()
        await create(service)
        digests = [await put(service, manifest(str(number).encode())) for number in range(5)]
        for digest in digests:
            await scan(service, digest)
        found = [(await findings(service, digest)).image_scan_findings for digest in digests]
    assert len({len(one.findings) for one in found if one}) > 1


async def test_findings_come_in_pages(service: Service) -> None:
    await create(service)
    digest = await push(service, b"layer")
    await scan(service, digest)
    await findings(service, digest)
    request = ecr.DescribeImageScanFindingsRequest("team/app", ecr.ImageIdentifier(digest))
    whole = await ecr.describe_image_scan_findings(service, request)
    assert whole.image_scan_findings is not None
    everything = whole.image_scan_findings.findings
    half = len(everything) // 2 + 1
    first = await ecr.describe_image_scan_findings(
        service,
        ecr.DescribeImageScanFindingsRequest("team/app", ecr.ImageIdentifier(digest), max_results=half),
    )
    rest = await ecr.describe_image_scan_findings(
        service,
        ecr.DescribeImageScanFindingsRequest(
            "team/app", ecr.ImageIdentifier(digest), next_token=first.next_token, max_results=half
        ),
    )
    assert first.image_scan_findings is not None
    assert rest.image_scan_findings is not None
    assert first.image_scan_findings.findings + rest.image_scan_findings.findings == everything
    assert rest.next_token is None


async def test_an_image_is_scanned_once_a_day() -> None:
    now = [1_700_000_000.0]
    async with LocalECR(clock=lambda: now[0]) as local, local.session() as session:
        service = session.service()
        await create(service)
        digest = await push(service, b"layer")
        await scan(service, digest)
        now[0] += DAY - 1
        with pytest.raises(ecr.LimitExceededException):
            await scan(service, digest)
        now[0] += 1
        await scan(service, digest)


async def test_what_cannot_be_scanned(service: Service) -> None:
    await create(service)
    digest = await push(service, b"layer")
    with pytest.raises(ecr.UnsupportedImageTypeException):
        await scan(service, await put(service, index(manifest(b"layer"))))
    await ecr.update_image_storage_class(
        service, ecr.UpdateImageStorageClassRequest("team/app", ecr.ImageIdentifier(digest), "ARCHIVE")
    )
    with pytest.raises(ecr.ImageArchivedException):
        await scan(service, digest)
    for call in (scan(service, UNKNOWN_DIGEST), findings(service, UNKNOWN_DIGEST)):
        with pytest.raises(ecr.ImageNotFoundException):
            await call


async def test_a_push_is_scanned_where_the_repository_says_so(service: Service) -> None:
    await create(service)
    configured = await ecr.put_image_scanning_configuration(
        service,
        ecr.PutImageScanningConfigurationRequest("team/app", ecr.ImageScanningConfiguration(True)),
    )
    assert configured.image_scanning_configuration == ecr.ImageScanningConfiguration(True)
    assert status(await findings(service, await push(service, b"layer"))) == "IN_PROGRESS"


async def test_a_push_is_scanned_where_the_registry_says_so(service: Service) -> None:
    empty = await ecr.get_registry_scanning_configuration(
        service, ecr.GetRegistryScanningConfigurationRequest()
    )
    assert empty.scanning_configuration == ecr.RegistryScanningConfiguration("BASIC")
    rule = ecr.RegistryScanningRule("SCAN_ON_PUSH", (PATTERN,))
    await ecr.put_registry_scanning_configuration(
        service, ecr.PutRegistryScanningConfigurationRequest("BASIC", [rule])
    )
    await create(service)
    await create(service, "other")
    assert status(await findings(service, await push(service, b"layer"))) == "IN_PROGRESS"
    response = await ecr.batch_get_repository_scanning_configuration(
        service, ecr.BatchGetRepositoryScanningConfigurationRequest(["team/app", "other", "none/such"])
    )
    assert [
        (one.repository_name, one.scan_frequency, one.applied_scan_filters)
        for one in response.scanning_configurations
    ] == [
        ("team/app", "SCAN_ON_PUSH", (PATTERN,)),
        ("other", "MANUAL", ()),
    ]
    assert [one.failure_code for one in response.failures] == ["REPOSITORY_NOT_FOUND"]
