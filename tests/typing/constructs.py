"""Every kind of public construct, used as it is meant to be. Checked strictly by mypy and pyright, never run.

`assert_type` pins what an editor shows: a type that becomes less exact is an error here.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, assert_type

import ecr_async as ecr
from ecr_async import Pager, Service, Session


async def sessions() -> None:
    async with Session(profile="prod", region="eu-west-1") as session:
        assert_type(session, Session)
        assert_type(session.service(), Service)
        assert_type(session.service("us-east-1", endpoint_url="http://localhost:8000"), Service)


async def provide() -> ecr.Credentials:
    return ecr.Credentials("AKIDEXAMPLE", "secret", session_token=None, expires_at=datetime.now(UTC))


def credentials() -> None:
    provider: ecr.CredentialsProvider = provide
    Session(credentials=provider)
    Session(access_key_id="AKIDEXAMPLE", secret_access_key="secret", retry_mode="adaptive", max_attempts=5)


async def requests(service: Service) -> None:
    identifiers: Sequence[ecr.ImageIdentifier] = [ecr.ImageIdentifier(image_tag="latest")]
    request = ecr.DescribeImagesRequest(
        "team/app",
        image_ids=identifiers,
        filter=ecr.DescribeImagesFilter(tag_status="TAGGED", image_status="ANY"),
    )
    status: ecr.TagStatus = "UNTAGGED"
    ecr.ListImagesRequest(repository_name="team/app", filter=ecr.ListImagesFilter(tag_status=status))
    ecr.UploadLayerPartRequest("team/app", "id", 0, 5, b"layer")
    ecr.BatchGetImageRequest("team/app", (ecr.ImageIdentifier(image_digest="sha256:0"),))
    ecr.TagResourceRequest("arn", [ecr.Tag(key="team", value="web")])
    assert_type(request.max_results, int | None)
    assert_type(request.repository_name, str)


async def responses(service: Service) -> None:
    response = await ecr.describe_images(service, ecr.DescribeImagesRequest("team/app"))
    assert_type(response, ecr.DescribeImagesResponse)
    assert_type(response.image_details, tuple[ecr.ImageDetail, ...])
    assert_type(response.next_token, str | None)
    for image in response.image_details:
        assert_type(image.image_tags, tuple[str, ...])
        assert_type(image.image_size_in_bytes, int | None)
        assert_type(image.image_pushed_at, datetime | None)
        assert_type(image.image_status, ecr.ImageStatus | str | None)
        if image.image_scan_findings_summary:
            counts: Mapping[ecr.FindingSeverity | str, int]
            counts = image.image_scan_findings_summary.finding_severity_counts
            assert_type(counts.get("CRITICAL"), int | None)
    assert_type(await ecr.tag_resource(service, ecr.TagResourceRequest("arn", [])), ecr.TagResourceResponse)
    referrers = await ecr.list_image_referrers(
        service, ecr.ListImageReferrersRequest("team/app", ecr.SubjectIdentifier("sha256:0"))
    )
    assert_type([referrer.size for referrer in referrers.referrers], list[int])


async def pages(service: Service, token: str | None) -> None:
    images = ecr.paginate_describe_images(
        service, ecr.DescribeImagesRequest("team/app"), max_items=10, resume_token=token
    )
    assert_type(images, Pager[ecr.DescribeImagesRequest, ecr.DescribeImagesResponse, ecr.ImageDetail])
    async for image in images:
        assert_type(image, ecr.ImageDetail)
    async for page in images.pages():
        assert_type(page, ecr.DescribeImagesResponse)
    assert_type(images.resume_token, str | None)
    async for name in ecr.paginate_list_pull_time_update_exclusions(
        service, ecr.ListPullTimeUpdateExclusionsRequest()
    ):
        assert_type(name, str)
    findings = ecr.paginate_describe_image_scan_findings(
        service, ecr.DescribeImageScanFindingsRequest("team/app", ecr.ImageIdentifier(image_tag="latest"))
    )
    async for finding in findings:
        assert_type(finding, ecr.ImageScanFinding | ecr.EnhancedImageScanFinding)


async def waiters(service: Service) -> None:
    preview = await ecr.wait_until_lifecycle_policy_preview_complete(
        service, ecr.GetLifecyclePolicyPreviewRequest("team/app"), timeout=60
    )
    assert_type(preview, ecr.GetLifecyclePolicyPreviewResponse)
    scan = await ecr.wait_until_image_scan_complete(
        service,
        ecr.DescribeImageScanFindingsRequest("team/app", ecr.ImageIdentifier(image_tag="latest")),
        delays=ecr.PollDelays(first=1, growth=2, longest=30),
    )
    assert_type(scan, ecr.DescribeImageScanFindingsResponse)


async def errors(service: Service) -> None:
    try:
        await ecr.list_images(service, ecr.ListImagesRequest("team/app"))
    except ecr.InvalidLayerPartException as error:
        assert_type(error.last_valid_byte_received, int | None)
    except ecr.RepositoryNotFoundException as error:
        assert_type(error.code, str)
        assert_type(error.details, Mapping[str, Any])
    except ecr.ResponseError as error:
        assert_type(error.body, bytes)
    except (ecr.ServiceError, ecr.TransportError) as error:
        assert_type(error.operation, str)
        assert_type(error.status, int | None)
        assert_type(error.request_id, str | None)
        assert_type(error.attempts, int)
    except ecr.ValidationError as error:
        assert_type(error.path, str)
        assert_type(error.limit, str)
    except ecr.ECRError:
        raise


async def embedded() -> None:
    async with ecr.local.LocalECR() as local, local.session() as session:
        assert_type(local.endpoint_url, str)
        assert_type(session, Session)


async def scans(service: Service) -> None:
    async for result in ecr.scan_images(service, "team/*", concurrency=8):
        match result:
            case ecr.ScannedPage():
                assert_type(result.images, tuple[ecr.ImageDetail, ...])
            case ecr.FailedRepository() | ecr.FailedListing():
                assert_type(result.error, ecr.ECRError)
            case ecr.VanishedRepository():
                assert_type(result.repository, str)
    async for image in ecr.scan_images([service]).images():
        assert_type(image, ecr.ImageDetail)


def policies(text: str) -> None:
    policy = ecr.lifecycle.LifecyclePolicy.from_json(text)
    assert_type(policy, ecr.lifecycle.LifecyclePolicy)
    assert_type(policy.to_json(), str)


async def events(session: Session, fleet: ecr.Fleet, queue: ecr.events.Queue) -> None:
    event = ecr.events.parse_event("{}")
    assert_type(event.service(session), Service)
    assert_type(event.service(await fleet.session(event.account)), Service)
    if isinstance(event, ecr.events.ImagePushed):
        assert_type(event.image_tag, str | None)
        assert_type(event.image, ecr.ImageIdentifier)
    worker = ecr.events.Worker(queue, telemetry=ecr.telemetry.OpenTelemetry())

    @worker.on(ecr.events.ImagePushed)
    async def look(pushed: ecr.events.ImagePushed) -> None:
        assert_type(pushed.repository_name, str)

    async def look_at_any(event: ecr.events.Event) -> int:
        return 0

    worker.on(ecr.events.ImageDeleted, look_at_any)
    handler = ecr.events.lambda_handler(worker, session)
    assert_type(handler({}, None), dict[str, Any] | None)
