"""scan_findings: a result for each image, scans started and waited for, and a roll-up by severity."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

import ecr_async as ecr
from ecr_async._bulk.findings import (
    FailedFindings,
    FindingsResult,
    FindingsSummary,
    ImageFindings,
    UnscannedImage,
    VanishedImage,
    scan_findings,
)
from ecr_async.local import LocalECR
from tests.integration.local.content import manifest
from tests.unit.fake_registry import FakeRegistry, TokenBucket
from tests.virtual_time import in_virtual_time

LATENCY = 0.03
SCAN_SECONDS = 30.0
COMPLETED_AT = 1_700_000_000


class FakeScanner(FakeRegistry):
    """A registry whose images are scanned; an image is identified by its tag.

    `findings` has the severities of each scanned image's findings. Of others a scan can be started,
    which takes `SCAN_SECONDS`, and finds what `to_find` says.
    """

    def __init__(self, findings: dict[str, list[str]], **options: Any) -> None:
        super().__init__({"team/app": 0}, latency=LATENCY, **options)
        self.findings = findings
        self.to_find: dict[str, list[str]] = {}
        self.enhanced = False
        self.statuses: dict[str, str] = {}
        self.rejections: dict[str, str] = {}
        self._done_at: dict[str, float] = {}

    async def _reply(self, operation: str, request: dict[str, Any]) -> Any:
        tag = request["imageId"]["imageTag"]
        if operation == "StartImageScan" and tag in self.rejections:
            return self._rejection(self.rejections[tag])
        if tag == "missing":
            return self._rejection("ImageNotFoundException")
        scanned = tag in self.findings or tag in self.statuses or tag in self._done_at
        if operation == "DescribeImageScanFindings" and not scanned:
            return self._rejection("ScanNotFoundException")
        return await super()._reply(operation, request)

    def _StartImageScan(self, request: dict[str, Any]) -> dict[str, Any]:
        tag = request["imageId"]["imageTag"]
        self._done_at[tag] = asyncio.get_running_loop().time() + SCAN_SECONDS
        return {**self._about(request), "imageScanStatus": {"status": "IN_PROGRESS"}}

    def _DescribeImageScanFindings(self, request: dict[str, Any]) -> dict[str, Any]:
        tag = request["imageId"]["imageTag"]
        status = self._status(tag)
        response = {**self._about(request), "imageScanStatus": {"status": status, "description": "as it is"}}
        if status not in ("COMPLETE", "ACTIVE"):
            return response
        severities = self.findings.get(tag, self.to_find.get(tag, []))
        start = int(request.get("nextToken", 0))
        stop = start + request["maxResults"]
        key, name = ("enhancedFindings", "title") if self.enhanced else ("findings", "name")
        response["imageScanFindings"] = {
            "imageScanCompletedAt": COMPLETED_AT,
            "findingSeverityCounts": Counter(severities),
            key: [
                {name: f"CVE-{number}", "severity": severity}
                for number, severity in list(enumerate(severities))[start:stop]
            ],
        }
        return response | ({"nextToken": str(stop)} if stop < len(severities) else {})

    def _status(self, tag: str) -> str:
        if tag in self._done_at:
            return "COMPLETE" if asyncio.get_running_loop().time() >= self._done_at[tag] else "IN_PROGRESS"
        return self.statuses.get(tag, "ACTIVE" if self.enhanced else "COMPLETE")

    def _about(self, request: dict[str, Any]) -> dict[str, Any]:
        tag = request["imageId"]["imageTag"]
        return {
            "repositoryName": request["repositoryName"],
            "imageId": {"imageTag": tag, "imageDigest": digest(tag)},
        }


def digest(tag: str) -> str:
    return f"sha256:{tag.encode().hex():0>64}"


def named(tag: str) -> tuple[str, ecr.ImageIdentifier]:
    return "team/app", ecr.ImageIdentifier(image_tag=tag)


def unscanned(tag: str, status: str, description: str, service: ecr.Service) -> UnscannedImage:
    return UnscannedImage(service, *named(tag), status, description)


def tagged(*tags: str) -> dict[str, list[ecr.ImageIdentifier]]:
    return {"team/app": [ecr.ImageIdentifier(image_tag=tag) for tag in tags]}


async def results_of(
    registry: FakeScanner, *tags: str, **options: Any
) -> tuple[dict[str, FindingsResult], FindingsSummary]:
    """Scan the images of these tags; return the results by tag, and the summary."""
    async with registry.session() as session:
        scan = scan_findings(session.service(), tagged(*tags), **options)
        results: dict[str, FindingsResult] = {}
        async for result in scan:
            assert not isinstance(result, ecr.FailedRepository | ecr.FailedListing)
            results[result.image_id.image_tag or ""] = result
    assert scan.summary.images == len(results) == len(tags)
    return results, scan.summary


class TestReading:
    async def test_an_image_has_its_findings_with_their_counts_and_times(self) -> None:
        results, _ = await results_of(FakeScanner({"v1": ["LOW", "HIGH", "LOW"]}), "v1")
        result = results["v1"]
        assert isinstance(result, ImageFindings)
        assert result.repository == "team/app"
        assert result.image_id == ecr.ImageIdentifier(digest("v1"), "v1")
        assert result.status == "COMPLETE"
        assert result.completed_at is not None
        assert result.completed_at.timestamp() == COMPLETED_AT
        assert result.severity_counts == {"LOW": 2, "HIGH": 1}
        assert result.gravest == "HIGH"
        assert [finding.name for finding in result.findings] == ["CVE-0", "CVE-1", "CVE-2"]
        assert result.enhanced_findings == ()

    async def test_enhanced_findings_are_findings_of_a_scan_that_goes_on(self) -> None:
        registry = FakeScanner({"v1": ["UNTRIAGED", "LOW"]})
        registry.enhanced = True
        results, _ = await results_of(registry, "v1")
        result = results["v1"]
        assert isinstance(result, ImageFindings)
        assert result.status == "ACTIVE"
        assert result.gravest == "LOW"
        assert [finding.title for finding in result.enhanced_findings] == ["CVE-0", "CVE-1"]
        assert result.findings == ()

    async def test_an_image_without_findings_is_scanned_as_well(self) -> None:
        results, summary = await results_of(FakeScanner({"clean": []}), "clean")
        result = results["clean"]
        assert isinstance(result, ImageFindings)
        assert (result.findings, result.gravest) == ((), None)
        assert (summary.scanned, summary.gravest) == (1, {})

    @pytest.mark.parametrize(
        ("max_findings", "read", "calls"),
        [(None, 2500, 3), (0, 0, 1), (1, 1, 1), (1000, 1000, 1), (1001, 1001, 2), (9999, 2500, 3)],
    )
    async def test_no_more_findings_and_pages_are_read_than_are_wanted(
        self, max_findings: int | None, read: int, calls: int
    ) -> None:
        registry = FakeScanner({"v1": ["LOW"] * 2500})
        results, summary = await results_of(registry, "v1", max_findings=max_findings)
        result = results["v1"]
        assert isinstance(result, ImageFindings)
        assert [finding.name for finding in result.findings] == [f"CVE-{number}" for number in range(read)]
        assert result.severity_counts == {"LOW": 2500}
        assert summary.calls == len(registry.calls) == calls

    async def test_the_summary_rolls_up_by_severity_gravest_first(self) -> None:
        findings = {"v1": ["LOW", "CRITICAL"], "v2": ["LOW"], "v3": ["MEDIUM", "LOW"], "v4": []}
        _, summary = await results_of(FakeScanner(findings), *findings)
        assert list(summary.severities.items()) == [("CRITICAL", 1), ("MEDIUM", 1), ("LOW", 3)]
        assert list(summary.gravest.items()) == [("CRITICAL", 1), ("MEDIUM", 1), ("LOW", 1)]
        assert summary.complete

    async def test_a_severity_that_nobody_knows_yet_is_counted_last(self) -> None:
        _, summary = await results_of(FakeScanner({"v1": ["DREADFUL", "LOW"]}), "v1")
        assert list(summary.severities.items()) == [("LOW", 1), ("DREADFUL", 1)]
        assert summary.gravest == {"LOW": 1}


class TestSelection:
    """Images come by repository, as pairs, or as what a scan of images gives."""

    @staticmethod
    async def requests_for(images: Any) -> list[dict[str, Any]]:
        registry = FakeRegistry({}, on_call=lambda operation, request: "ScanNotFoundException")
        async with registry.session() as session:
            results = [result async for result in scan_findings(session.service(), images, max_findings=0)]
        assert len(results) == 2
        requests = registry.called("DescribeImageScanFindings")
        return sorted(requests, key=lambda request: str(request["repositoryName"]))

    PAIRS = (("aa", ecr.ImageIdentifier(image_tag="v1")), ("bb", ecr.ImageIdentifier(image_tag="v2")))
    REQUESTS = (
        {"repositoryName": "aa", "imageId": {"imageTag": "v1"}, "maxResults": 1},
        {"repositoryName": "bb", "imageId": {"imageTag": "v2"}, "maxResults": 1},
    )

    async def test_a_mapping_of_repositories(self) -> None:
        assert await self.requests_for({name: [image] for name, image in self.PAIRS}) == [*self.REQUESTS]

    async def test_pairs(self) -> None:
        assert await self.requests_for(iter(self.PAIRS)) == [*self.REQUESTS]

    async def test_an_async_iterable(self) -> None:
        async def pairs() -> AsyncIterator[tuple[str, ecr.ImageIdentifier]]:
            for pair in self.PAIRS:
                await asyncio.sleep(0)
                yield pair

        assert await self.requests_for(pairs()) == [*self.REQUESTS]

    async def test_details_are_requested_by_digest_in_their_own_registry(self) -> None:
        details = [ecr.ImageDetail("123456789012", "aa", digest(tag), (tag,)) for tag in ("v1", "v2")]
        assert await self.requests_for(details) == [
            {
                "registryId": "123456789012",
                "repositoryName": "aa",
                "imageId": {"imageDigest": digest(tag)},
                "maxResults": 1,
            }
            for tag in ("v1", "v2")
        ]

    @pytest.mark.parametrize("options", [{"concurrency": 0}, {"wait": -1.0}, {"max_findings": -1}])
    async def test_limits_are_checked_at_once(self, options: dict[str, Any]) -> None:
        (name,) = options
        async with FakeScanner({}).session() as session:
            with pytest.raises(ecr.ValidationError, match=name):
                scan_findings(session.service(), {}, **options)


class TestWithoutFindings:
    async def test_an_image_that_nobody_scanned(self) -> None:
        results, summary = await results_of(FakeScanner({}), "v1")
        assert results["v1"] == unscanned("v1", "NOT_SCANNED", "", results["v1"].service)
        assert (summary.unscanned, summary.started, summary.complete) == (1, 0, True)

    @pytest.mark.parametrize(
        "status", ["IN_PROGRESS", "PENDING", "FAILED", "UNSUPPORTED_IMAGE", "SCAN_ELIGIBILITY_EXPIRED"]
    )
    async def test_the_services_word_on_a_scan_without_findings(self, status: str) -> None:
        registry = FakeScanner({})
        registry.statuses["v1"] = status
        results, _ = await results_of(registry, "v1", start=True)
        assert results["v1"] == unscanned("v1", status, "as it is", results["v1"].service)

    async def test_an_image_that_is_not_there_has_vanished(self) -> None:
        results, summary = await results_of(FakeScanner({}), "missing", start=True, wait=60)
        assert results["missing"] == VanishedImage(results["missing"].service, *named("missing"))
        assert (summary.vanished, summary.complete) == (1, True)

    async def test_a_failure_is_a_result_and_the_others_go_on(self) -> None:
        def reject(operation: str, request: dict[str, Any]) -> str | None:
            return "AccessDeniedException" if request["imageId"]["imageTag"] == "v1" else None

        registry = FakeScanner({"v1": ["LOW"], "v2": ["LOW"]}, on_call=reject)
        results, summary = await results_of(registry, "v1", "v2")
        failed = results["v1"]
        assert isinstance(failed, FailedFindings)
        assert isinstance(failed.error, ecr.ServiceError)
        assert failed.error.code == "AccessDeniedException"
        assert isinstance(results["v2"], ImageFindings)
        assert (summary.failed, summary.scanned, summary.complete) == (1, 1, False)

    async def test_an_image_that_cannot_be_named_fails_alone(self) -> None:
        async with FakeScanner({"v1": []}).session() as session:
            images: list[ecr.ImageDetail | tuple[str, ecr.ImageIdentifier]] = [ecr.ImageDetail(), named("v1")]
            results = [result async for result in scan_findings(session.service(), images)]
        assert {type(result) for result in results} == {FailedFindings, ImageFindings}


class TestStartingAndWaiting:
    @in_virtual_time
    async def test_a_scan_is_started_waited_for_and_read(self) -> None:
        registry = FakeScanner({})
        registry.to_find["v1"] = ["HIGH", "LOW"]
        results, summary = await results_of(registry, "v1", start=True, wait=300)
        result = results["v1"]
        assert isinstance(result, ImageFindings)
        assert result.severity_counts == {"HIGH": 1, "LOW": 1}
        assert summary.started == 1
        assert SCAN_SECONDS < summary.seconds < 2 * SCAN_SECONDS

    @in_virtual_time
    async def test_without_a_wait_it_is_under_way(self) -> None:
        results, summary = await results_of(FakeScanner({}), "v1", start=True)
        result = results["v1"]
        assert isinstance(result, UnscannedImage)
        assert result.status == "IN_PROGRESS"
        assert (summary.started, summary.calls) == (1, 2)

    @in_virtual_time
    async def test_after_too_short_a_wait_it_is_under_way_still(self) -> None:
        results, summary = await results_of(FakeScanner({}), "v1", start=True, wait=20)
        result = results["v1"]
        assert isinstance(result, UnscannedImage)
        assert result.status == "IN_PROGRESS"
        assert summary.seconds == pytest.approx(20, abs=4 * LATENCY)

    @in_virtual_time
    async def test_a_scan_that_fails_meanwhile_is_reported_at_once(self) -> None:
        registry = FakeScanner({})
        registry.statuses["v1"] = "IN_PROGRESS"
        asyncio.get_running_loop().call_later(10, registry.statuses.update, {"v1": "FAILED"})
        results, summary = await results_of(registry, "v1", wait=300)
        result = results["v1"]
        assert isinstance(result, UnscannedImage)
        assert result.status == "FAILED"
        assert summary.seconds < 30

    @in_virtual_time
    async def test_images_that_wait_take_no_place_from_others(self) -> None:
        registry = FakeScanner({"scanned": []})
        tags = [f"v{number}" for number in range(100)]
        results, summary = await results_of(registry, *tags, "scanned", start=True, wait=300, concurrency=2)
        assert {type(result) for result in results.values()} == {ImageFindings}
        assert next(iter(results)) == "scanned"
        assert summary.started == 100
        assert summary.seconds < 2 * SCAN_SECONDS

    @pytest.mark.parametrize(
        ("rejection", "status"),
        [
            ("LimitExceededException", "LIMIT_EXCEEDED"),
            ("UnsupportedImageTypeException", "UNSUPPORTED_IMAGE"),
            ("ImageArchivedException", "IMAGE_ARCHIVED"),
        ],
    )
    async def test_a_scan_that_may_not_be_started_is_a_result(self, rejection: str, status: str) -> None:
        registry = FakeScanner({})
        registry.rejections["v1"] = rejection
        results, summary = await results_of(registry, "v1", start=True, wait=300)
        result = results["v1"]
        assert isinstance(result, UnscannedImage)
        assert result.status == status
        assert (summary.started, summary.complete) == (0, True)

    async def test_an_image_that_has_findings_is_not_scanned_again(self) -> None:
        registry = FakeScanner({"v1": []})
        await results_of(registry, "v1", start=True, wait=300)
        assert registry.called("StartImageScan") == []


class TestRate:
    @in_virtual_time
    async def test_defaults_fill_the_limit_and_lose_nothing(self) -> None:
        tags = [f"v{number}" for number in range(2000)]
        bucket = TokenBucket(50, 50)
        registry = FakeScanner({tag: ["LOW"] for tag in tags}, bucket=bucket)
        _, summary = await results_of(registry, *tags, max_findings=0)
        assert summary.scanned == summary.severities["LOW"] == 2000
        assert (2000 - bucket.burst) / summary.seconds > 0.95 * 50
        assert summary.throttles < 0.03 * summary.calls

    @in_virtual_time
    async def test_no_more_calls_at_a_time_than_concurrency_says(self) -> None:
        tags = [f"v{number}" for number in range(100)]
        registry = FakeScanner({tag: [] for tag in tags})
        registry.latency = 1.0
        await results_of(registry, *tags, concurrency=7)
        assert registry.most_under_way == 7


class TestLeavingEarly:
    @pytest.mark.parametrize("waits", [False, True])
    @in_virtual_time
    async def test_the_block_has_ended_everything_when_it_is_left(self, waits: bool) -> None:
        registry = FakeScanner({"first": []})
        tags = [f"v{number}" for number in range(200)]
        async with registry.session() as session:
            images = tagged("first", *tags)
            async with scan_findings(session.service(), images, start=waits, wait=60.0 * waits) as scan:
                results = aiter(scan)
                await anext(results)
            assert asyncio.all_tasks() == {asyncio.current_task()}
            assert registry.under_way == 0
            await results.aclose()

    async def test_whoever_closes_second_waits_as_well(self) -> None:
        async with FakeScanner({"first": []}).session() as session:
            scan = scan_findings(session.service(), tagged("first", *[f"v{number}" for number in range(200)]))
            results = aiter(scan)
            await anext(results)
            first = asyncio.create_task(scan.aclose())
            await asyncio.sleep(0)
            await scan.aclose()
            assert asyncio.all_tasks() <= {asyncio.current_task(), first}
            await first
            await results.aclose()

    async def test_what_the_images_come_from_is_closed_too(self) -> None:
        closed = []

        async def images() -> AsyncIterator[tuple[str, ecr.ImageIdentifier]]:
            try:
                for number in range(10_000):
                    yield named(f"v{number}")
            finally:
                closed.append(True)

        async with FakeScanner({}).session() as session:
            async with scan_findings(session.service(), images()) as scan:
                results = aiter(scan)
                await anext(results)
            assert closed == [True]
            await results.aclose()

    async def test_a_mistake_in_what_the_images_come_from_is_raised_as_it_is(self) -> None:
        def images() -> Iterator[tuple[str, ecr.ImageIdentifier]]:
            yield named("v1")
            raise LookupError

        async with FakeScanner({}).session() as session:
            with pytest.raises(LookupError):
                [result async for result in scan_findings(session.service(), images())]

    async def test_a_closed_session_ends_the_scan_with_its_own_error(self) -> None:
        async with FakeScanner({}).session() as session:
            scan = scan_findings(
                session.service(), tagged(*[f"v{number}" for number in range(100)]), concurrency=1
            )
            results = aiter(scan)
            await anext(results)
            await session.aclose()
            with pytest.raises(ecr.SessionClosedError):
                [result async for result in results]

    async def test_a_scan_can_be_gone_through_once(self) -> None:
        async with FakeScanner({}).session() as session:
            scan = scan_findings(session.service(), tagged("v1"))
            assert len([result async for result in scan]) == 1
            with pytest.raises(RuntimeError, match="once"):
                [result async for result in scan]


async def test_the_images_of_a_whole_registry_are_scanned_and_rolled_up() -> None:
    repositories = [f"team/app-{number}" for number in range(5)]
    at_once = ecr.PollDelays(first=0.0)

    def requests() -> Iterator[Any]:
        for repository in repositories:
            yield ecr.CreateRepositoryRequest(repository)
            for number in range(8):
                yield ecr.PutImageRequest(repository, manifest(f"{repository} {number}".encode()))

    async with LocalECR(verify_layers=False, scan_polls=3) as local, local.session() as session:
        await local.fill(requests())
        service = session.service()
        images = ecr.scan_images([service]).images()
        first = scan_findings(service, images, start=True, wait=60, delays=at_once)
        found = {(it.repository, it.image_id): it async for it in first if isinstance(it, ImageFindings)}
        assert len(found) == first.summary.scanned == first.summary.started == 40

        second = scan_findings(service, ecr.scan_images([service]).images(), start=True)
        again = {(it.repository, it.image_id): it async for it in second if isinstance(it, ImageFindings)}

    severities = Counter(str(finding.severity) for image in found.values() for finding in image.findings)
    assert first.summary.severities == severities
    assert sum(first.summary.gravest.values()) == sum(bool(image.findings) for image in found.values())
    assert second.summary.started == 0
    assert again == found


class Bare(FakeRegistry):
    """A registry whose responses to DescribeImageScanFindings are given, by the image's tag."""

    def __init__(self, statuses: dict[str, Any], **options: Any) -> None:
        super().__init__({}, **options)
        self.given = statuses

    def _DescribeImageScanFindings(self, request: dict[str, Any]) -> dict[str, Any]:
        given: dict[str, Any] = self.given[request["imageId"]["imageTag"]]
        return given


class TestWhatOthersMetWith:
    """Troubles of other clients that were reported in public, tried on this one."""

    @pytest.mark.parametrize(
        "response",
        [
            {"imageScanStatus": {"status": "COMPLETE"}},
            {"imageScanStatus": {"status": "COMPLETE"}, "imageScanFindings": {}},
            {
                "imageScanStatus": {
                    "status": "ACTIVE",
                    "description": "Continuous scan is selected for image.",
                },
                "imageScanFindings": {"findings": []},
            },
        ],
    )
    async def test_an_image_of_which_nothing_is_reported_is_not_clean(self, response: Any) -> None:
        """https://github.com/aws/aws-cli/issues/6759."""
        async with Bare({"v1": response}).session() as session:
            scan = scan_findings(session.service(), tagged("v1"))
            (result,) = [result async for result in scan]
        assert isinstance(result, UnscannedImage)
        assert result.status == response["imageScanStatus"]["status"]
        assert "neither findings nor how many" in (result.description or "")
        assert (scan.summary.scanned, scan.summary.unscanned) == (0, 1)

    async def test_findings_without_counts_are_counted(self) -> None:
        findings = [{"name": f"CVE-{number}", "severity": "LOW"} for number in range(3)]
        response = {"imageScanStatus": {"status": "COMPLETE"}, "imageScanFindings": {"findings": findings}}
        async with Bare({"v1": response}).session() as session:
            scan = scan_findings(session.service(), tagged("v1"), max_findings=1)
            (result,) = [result async for result in scan]
        assert isinstance(result, ImageFindings)
        assert (result.severity_counts, len(result.findings)) == ({"LOW": 3}, 1)

    @in_virtual_time
    async def test_a_start_that_is_throttled_for_ever_takes_no_longer_than_the_wait(self) -> None:
        """An image that was scanned within 24 hours is throttled, whatever one waits.

        https://github.com/aws/containers-roadmap/issues/1226
        """
        registry = FakeScanner({f"good{number}": ["LOW"] for number in range(500)})
        registry.on_call = lambda operation, _: (
            "ThrottlingException" if operation == "StartImageScan" else None
        )
        tags = [*registry.findings, "bad"]
        results, summary = await results_of(registry, "bad", *tags[:-1], start=True, wait=60)
        bad = results["bad"]
        assert isinstance(bad, FailedFindings)
        assert isinstance(bad.error, ecr.ServiceError)
        assert bad.error.code == "ThrottlingException"
        assert summary.scanned == 500
        assert 60 <= summary.seconds < 70

    async def test_the_description_of_a_scan_that_cannot_be_is_kept(self) -> None:
        class Unsupported(FakeScanner):
            def _StartImageScan(self, request: dict[str, Any]) -> dict[str, Any]:
                status = {"status": "UNSUPPORTED_IMAGE", "description": "the distribution is not supported"}
                return {**self._about(request), "imageScanStatus": status}

        results, _ = await results_of(Unsupported({}), "v1", start=True, wait=60)
        result = results["v1"]
        assert isinstance(result, UnscannedImage)
        assert (result.status, result.description) == (
            "UNSUPPORTED_IMAGE",
            "the distribution is not supported",
        )

    @in_virtual_time
    async def test_a_listing_that_is_throttled_goes_on(self) -> None:
        """https://github.com/cloud-custodian/cloud-custodian/issues/5598."""
        outcomes = iter(["ThrottlingException"] * 20)
        registry = FakeRegistry(
            {"app": 1},
            on_call=lambda operation, _: (
                next(outcomes, None) if operation == "DescribeRepositories" else None
            ),
        )
        async with registry.session() as session:
            scan = ecr.scan_images(session.service())
            assert [type(result) async for result in scan] == [ecr.ScannedPage]
        assert (scan.summary.throttles, scan.summary.complete) == (20, True)

    async def test_a_region_that_is_denied_ends_no_other(self) -> None:
        """https://github.com/praetorian-inc/aurelian/pull/197."""
        denied = FakeRegistry({"app": 1}, on_call=lambda *_: "AccessDeniedException")
        async with denied.session() as one, FakeRegistry({"app": 1}).session() as two:
            scan = ecr.scan_images([one.service(), two.service()])
            results = [type(result) async for result in scan]
        assert sorted(each.__name__ for each in results) == ["FailedListing", "ScannedPage"]


class TestManyServices:
    async def test_images_of_a_scan_are_looked_up_where_they_were_found(self) -> None:
        async with LocalECR(verify_layers=False) as local, local.session() as session:
            services = [session.service("us-east-1"), session.service("eu-west-1")]
            for number, service in enumerate(services):
                await ecr.create_repository(service, ecr.CreateRepositoryRequest("team/app"))
                for tag in range(number + 1):
                    request = ecr.PutImageRequest("team/app", manifest(f"{number} {tag}".encode()))
                    await ecr.put_image(service, request)
            findings = scan_findings(services, ecr.scan_images(services), start=True, wait=60)
            found = Counter([result.service async for result in findings])
        assert found == {services[0]: 1, services[1]: 2}

    async def test_other_images_are_looked_up_in_every_service(self) -> None:
        async with FakeScanner({"v1": []}).session() as one, FakeScanner({}).session() as two:
            scan = scan_findings([one.service(), two.service()], tagged("v1"))
            results = [result async for result in scan]
        assert {type(result) for result in results} == {ImageFindings, UnscannedImage}

    async def test_failures_of_the_scan_that_images_come_from_are_results(self) -> None:
        registry = FakeRegistry({"bad": 1}, on_call=lambda *_: "AccessDeniedException")
        async with registry.session() as session:
            images = ecr.scan_images(session.service(), ["bad"])
            scan = scan_findings(session.service(), images)
            assert [type(result) async for result in scan] == [ecr.FailedRepository]
        assert (scan.summary.failed_repositories, scan.summary.complete) == (1, False)
