"""The bulk scan: complete whatever happens, bounded, stoppable at any moment."""

import asyncio
import gc
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from typing import Any

import pytest

import ecr_async as ecr
from ecr_async._bulk.images.scanner import QUEUED_RESULTS
from tests.unit.fake_registry import FakeRegistry, TokenBucket
from tests.virtual_time import in_virtual_time

TEAMS = {"team/api": 3, "team/web": 2500, "team/db/main": 1000, "tools/lint": 1, "empty": 0}


async def collected(scan: ecr.Scan) -> list[ecr.ScanResult]:
    return [result async for result in scan]


def pages_of(results: list[ecr.ScanResult]) -> list[ecr.ScannedPage]:
    return [result for result in results if isinstance(result, ecr.ScannedPage)]


async def scanned(
    registry: FakeRegistry, *selection: ecr.RepositorySelection, **options: Any
) -> dict[str, int]:
    """Scan, and return the number of images of each repository."""
    async with registry.session() as session:
        results = await collected(ecr.scan_images([session.service()], *selection, **options))
    counts: Counter[str] = Counter()
    for page in pages_of(results):
        counts[page.repository] += len(page.images)
    return dict(counts)


class TestCompleteness:
    async def test_every_image_of_every_repository_comes_once(self) -> None:
        async with FakeRegistry(TEAMS).session() as session:
            results = await collected(ecr.scan_images([session.service()]))
        digests = [image.image_digest for page in pages_of(results) for image in page.images]
        assert len(digests) == len(set(digests)) == sum(TEAMS.values())

    async def test_a_large_repository_comes_in_numbered_pages_of_which_one_is_the_last(self) -> None:
        async with FakeRegistry({"team/web": 2500}).session() as session:
            results = await collected(ecr.scan_images([session.service()]))
        assert [(page.number, len(page.images), page.is_last) for page in pages_of(results)] == [
            (0, 1000, False),
            (1, 1000, False),
            (2, 500, True),
        ]

    async def test_an_empty_repository_is_one_page_without_images(self) -> None:
        assert await scanned(FakeRegistry({"empty": 0})) == {"empty": 0}

    @in_virtual_time
    async def test_more_repositories_than_one_page_lists(self) -> None:
        repositories = {f"service-{number}": 0 for number in range(2500)}
        assert await scanned(FakeRegistry(repositories)) == repositories

    async def test_services_are_scanned_side_by_side_and_named_in_the_results(self) -> None:
        async with FakeRegistry({"aa": 1, "bb": 1}).session() as session:
            services = [session.service("eu-west-1"), session.service("us-east-1")]
            results = await collected(ecr.scan_images(services))
        found = {(page.service, page.repository) for page in pages_of(results)}
        assert found == {(service, name) for service in services for name in ("aa", "bb")}

    async def test_one_service_will_do(self) -> None:
        async with FakeRegistry(TEAMS).session() as session:
            service = session.service()
            results = await collected(ecr.scan_images(service))
        assert {(page.service, page.repository) for page in pages_of(results)} == {
            (service, name) for name in TEAMS
        }

    async def test_without_services_there_are_no_results(self) -> None:
        assert await collected(ecr.scan_images([])) == []

    async def test_a_repository_that_fails_is_a_result_and_the_others_go_on(self) -> None:
        def reject(operation: str, request: dict[str, Any]) -> str | None:
            return "AccessDeniedException" if request.get("repositoryName") == "team/api" else None

        async with FakeRegistry(TEAMS, on_call=reject).session() as session:
            scan = ecr.scan_images([session.service()])
            results = await collected(scan)
        (failed,) = [result for result in results if isinstance(result, ecr.FailedRepository)]
        assert failed.repository == "team/api"
        assert isinstance(failed.error, ecr.ServiceError)
        assert failed.error.code == "AccessDeniedException"
        assert {page.repository for page in pages_of(results)} == TEAMS.keys() - {"team/api"}
        assert (scan.summary.scanned, scan.summary.failed, scan.summary.complete) == (4, 1, False)

    async def test_a_repository_deleted_meanwhile_has_vanished(self) -> None:
        registry = FakeRegistry(TEAMS)

        def delete(operation: str, request: dict[str, Any]) -> None:
            if request.get("nextToken") and operation == "DescribeImages":
                registry.repositories.pop("team/web", None)

        registry.on_call = delete
        async with registry.session() as session:
            service = session.service()
            scan = ecr.scan_images([service])
            results = await collected(scan)
        assert ecr.VanishedRepository(service, "team/web") in results
        assert (scan.summary.scanned, scan.summary.vanished, scan.summary.complete) == (4, 1, True)

    async def test_a_service_that_cannot_be_listed_is_a_result_and_the_others_go_on(self) -> None:
        def reject(operation: str, request: dict[str, Any]) -> str | None:
            return "AccessDeniedException" if operation == "DescribeRepositories" else None

        async with (
            FakeRegistry(TEAMS, on_call=reject).session() as closed,
            FakeRegistry(TEAMS).session() as open_,
        ):
            services = [closed.service(), open_.service()]
            scan = ecr.scan_images(services)
            results = await collected(scan)
        (failed,) = [result for result in results if isinstance(result, ecr.FailedListing)]
        assert failed.service is services[0]
        assert {page.service for page in pages_of(results)} == {services[1]}
        assert (scan.summary.failed_listings, scan.summary.scanned, scan.summary.complete) == (1, 5, False)

    @pytest.mark.parametrize("name", ["NOT VALID", "Team/App", "team/", "", "a", "a" * 257, "team/app:v1"])
    async def test_a_name_that_no_repository_has_is_rejected_at_once(self, name: str) -> None:
        async with FakeRegistry(TEAMS).session() as session:
            with pytest.raises(ecr.ValidationError, match=r"^repositories: no repository can have the name"):
                ecr.scan_images([session.service()], ["team/api", name])

    @pytest.mark.parametrize("option", ["tag_status", "image_status"])
    @pytest.mark.parametrize("value", ["untagged", "active", "", 5, True, ["ANY"]])
    async def test_a_status_that_is_none_is_rejected_at_once(self, option: str, value: Any) -> None:
        options: dict[str, Any] = {option: value}
        async with FakeRegistry(TEAMS).session() as session:
            with pytest.raises(ecr.ValidationError, match=f"^{option}: must be .* or ANY, not "):
                ecr.scan_images([session.service()], **options)


class TestSelection:
    async def test_names_are_scanned_without_listing(self) -> None:
        registry = FakeRegistry(TEAMS)
        assert await scanned(registry, ["team/api", "empty"]) == {"team/api": 3, "empty": 0}
        assert registry.called("DescribeRepositories") == []

    async def test_one_name_will_do(self) -> None:
        assert await scanned(FakeRegistry(TEAMS), "team/api") == {"team/api": 3}

    async def test_a_name_that_is_not_there_has_vanished(self) -> None:
        async with FakeRegistry(TEAMS).session() as session:
            service = session.service()
            results = await collected(ecr.scan_images([service], "team/none"))
        assert results == [ecr.VanishedRepository(service, "team/none")]

    @pytest.mark.parametrize(
        ("pattern", "names"),
        [
            ("team/*", {"team/api", "team/web", "team/db/main"}),
            ("*/*i*", {"team/api", "team/db/main", "tools/lint"}),
            ("team/???", {"team/api", "team/web"}),
            ("[et]*y", {"empty"}),
            (["tools/*", "team/w*"], {"tools/lint", "team/web"}),
            ("nothing*", set()),
        ],
    )
    async def test_patterns(self, pattern: ecr.RepositorySelection, names: set[str]) -> None:
        assert (await scanned(FakeRegistry(TEAMS), pattern)).keys() == names

    async def test_a_name_that_a_pattern_matches_as_well_is_scanned_once(self) -> None:
        registry = FakeRegistry(TEAMS)
        await scanned(registry, ["team/api", "team/api", "team/a*"])
        assert len(registry.called("DescribeImages")) == 1

    async def test_a_predicate_sees_the_repository(self) -> None:
        def short(repository: ecr.Repository) -> bool:
            return len(repository.repository_name or "") < 10

        assert (await scanned(FakeRegistry(TEAMS), short)).keys() == {"team/api", "team/web", "empty"}

    async def test_a_mistake_in_a_predicate_is_raised_as_it_is(self) -> None:
        with pytest.raises(ZeroDivisionError):
            await scanned(FakeRegistry(TEAMS), lambda repository: bool(1 / 0))

    async def test_filters_are_sent(self) -> None:
        registry = FakeRegistry({"empty": 0})
        await scanned(registry, tag_status="UNTAGGED", image_status="ANY", page_size=10)
        (request,) = registry.called("DescribeImages")
        assert request == {
            "repositoryName": "empty",
            "maxResults": 10,
            "filter": {"tagStatus": "UNTAGGED", "imageStatus": "ANY"},
        }

    @pytest.mark.parametrize("options", [{"concurrency": 0}, {"page_size": 0}, {"page_size": 1001}])
    def test_limits_are_checked_at_once(self, options: dict[str, int]) -> None:
        (name,) = options
        with pytest.raises(ecr.ValidationError, match=name):
            ecr.scan_images([], **options)  # type: ignore[arg-type]


class TestSummary:
    @in_virtual_time
    async def test_it_counts_what_was_handed_out(self) -> None:
        async with FakeRegistry({"aa": 1500, "bb": 2}, latency=1.0).session() as session:
            scan = ecr.scan_images([session.service()])
            assert scan.summary == ecr.ScanSummary()
            await collected(scan)
        assert scan.summary.repositories == scan.summary.scanned == 2
        assert scan.summary.pages == 3
        assert scan.summary.images == 1502
        assert scan.summary.bytes == sum(range(1500)) + 1
        assert scan.summary.calls == 4
        assert (scan.summary.throttles, scan.summary.retries) == (0, 0)
        assert scan.summary.seconds == pytest.approx(3.0, abs=0.1)

    async def test_images_gives_the_items_alone(self) -> None:
        async with FakeRegistry(TEAMS).session() as session:
            scan = ecr.scan_images([session.service()])
            images = [image async for image in scan.images()]
        assert len({image.image_digest for image in images}) == sum(TEAMS.values()) == scan.summary.images


class TestBounds:
    async def test_the_garbage_collector_is_left_alone(self) -> None:
        before = gc.isenabled(), gc.get_freeze_count()
        async with FakeRegistry(TEAMS).session() as session:
            async for _ in ecr.scan_images(session.service()):
                assert (gc.isenabled(), gc.get_freeze_count()) == before

    @in_virtual_time
    async def test_no_more_repositories_at_a_time_than_concurrency_says(self) -> None:
        registry = FakeRegistry({f"r{number}": 1 for number in range(50)}, latency=1.0)
        names = list(registry.repositories)
        await scanned(registry, names, concurrency=7)
        assert registry.most_under_way == 7

    async def test_a_consumer_that_takes_its_time_halts_the_workers(self) -> None:
        registry = FakeRegistry({f"r{number}": 1 for number in range(200)})
        async with registry.session() as session:
            scan = ecr.scan_images([session.service()], concurrency=5)
            async with aclosing(aiter(scan)) as results:
                await anext(results)
                await until_nothing_happens(lambda: len(registry.calls))
                assert len(registry.called("DescribeImages")) <= 1 + QUEUED_RESULTS + 5
                assert sum([1 async for _ in results]) == 199


async def until_nothing_happens(progress: Callable[[], int]) -> None:
    """Let the event loop run for as long as there is progress."""
    quiet, seen = 0, -1
    while quiet < 50:
        await asyncio.sleep(0)
        quiet, seen = (quiet + 1, seen) if progress() == seen else (0, progress())


async def break_out(scan: ecr.Scan) -> None:
    async for _ in scan:
        break


async def raise_out(scan: ecr.Scan) -> None:
    try:
        async for _ in scan:
            raise LookupError
    except LookupError:
        pass


async def cancel_inside(scan: ecr.Scan) -> None:
    task = asyncio.create_task(collected(scan))
    await until_nothing_happens(lambda: scan.summary.pages)
    assert scan.summary.pages > 0
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def leave_the_block(scan: ecr.Scan) -> None:
    async with scan:
        async for _ in scan:
            break


async def break_out_of_the_images(scan: ecr.Scan) -> None:
    async for _ in scan.images():
        break


class TestLeavingEarly:
    @pytest.mark.parametrize(
        "leave", [break_out, raise_out, cancel_inside, leave_the_block, break_out_of_the_images]
    )
    async def test_no_task_and_no_call_is_left_behind(
        self, leave: Callable[[ecr.Scan], Coroutine[Any, Any, None]]
    ) -> None:
        async def hang_on_some(operation: str, request: dict[str, Any]) -> None:
            if request.get("repositoryName", "").endswith("7"):
                await asyncio.Event().wait()

        registry = FakeRegistry({f"r{number}": 20 for number in range(100)}, on_call=hang_on_some)
        async with registry.session() as session:
            scan = ecr.scan_images([session.service()], concurrency=10, page_size=10)
            await leave(scan)
            await until_nothing_happens(lambda: len(asyncio.all_tasks()))
            assert asyncio.all_tasks() == {asyncio.current_task()}
            assert registry.under_way == 0
            calls = len(registry.calls)
            await until_nothing_happens(lambda: len(registry.calls))
            assert len(registry.calls) == calls

    async def test_the_block_has_ended_everything_when_it_is_left(self) -> None:
        registry = FakeRegistry({f"r{number}": 20 for number in range(100)})
        async with registry.session() as session:
            async with ecr.scan_images([session.service()], page_size=10) as scan:
                results = aiter(scan)
                await anext(results)
            assert asyncio.all_tasks() == {asyncio.current_task()}
            assert registry.under_way == 0
            await results.aclose()

    async def test_whoever_closes_second_waits_as_well(self) -> None:
        registry = FakeRegistry({f"r{number}": 20 for number in range(100)})
        async with registry.session() as session:
            scan = ecr.scan_images([session.service()], page_size=10)
            results = aiter(scan)
            await anext(results)
            first = asyncio.create_task(scan.aclose())
            await asyncio.sleep(0)
            await scan.aclose()
            assert asyncio.all_tasks() <= {asyncio.current_task(), first}
            await first
            await results.aclose()

    async def test_a_closed_session_ends_the_scan_with_its_own_error(self) -> None:
        async with FakeRegistry({f"r{number}": 1 for number in range(100)}).session() as session:
            scan = ecr.scan_images([session.service()], concurrency=1)
            results = aiter(scan)
            await anext(results)
            await session.aclose()
            with pytest.raises(ecr.SessionClosedError):
                [result async for result in results]

    async def test_a_scan_can_be_gone_through_once(self) -> None:
        async with FakeRegistry(TEAMS).session() as session:
            scan = ecr.scan_images([session.service()])
            await collected(scan)
            with pytest.raises(RuntimeError, match="once"):
                await collected(scan)


class TestRate:
    """ECR's limits are token buckets; the figures are for 50 calls a second and as many at once."""

    @staticmethod
    async def rates(bucket: TokenBucket, repositories: int = 3000) -> tuple[ecr.ScanSummary, float]:
        """Scan with default settings; return the summary, and the bucket's tokens that were used a second."""
        registry = FakeRegistry(
            {f"r{number}": 1 for number in range(repositories)}, bucket=bucket, latency=0.03
        )
        async with registry.session() as session:
            scan = ecr.scan_images([session.service()])
            assert len({image.repository_name async for image in scan.images()}) == repositories
        return scan.summary, (registry.outcomes["OK"] - bucket.burst) / scan.summary.seconds

    @in_virtual_time
    async def test_defaults_fill_the_limit_and_lose_nothing(self) -> None:
        summary, rate = await self.rates(TokenBucket(50, 50))
        assert summary.scanned == summary.repositories == 3000
        assert rate > 0.95 * 50
        assert summary.throttles < 0.03 * summary.calls

    @in_virtual_time
    async def test_a_limit_that_falls_and_rises_is_followed(self) -> None:
        bucket = TokenBucket(50, 50)
        asyncio.get_running_loop().call_later(15, setattr, bucket, "rate", 20)
        asyncio.get_running_loop().call_later(30, setattr, bucket, "rate", 50)
        summary, rate = await self.rates(bucket)
        seconds = summary.seconds
        ideal = (15 * 50 + 15 * 20 + (seconds - 30) * 50) / seconds
        assert summary.scanned == 3000
        assert rate > 0.95 * ideal
        assert summary.throttles < 0.03 * summary.calls

    @in_virtual_time
    async def test_each_service_has_limits_of_its_own(self) -> None:
        registries = [
            FakeRegistry(
                {f"r{number}": 1 for number in range(1000)}, bucket=TokenBucket(rate, rate), latency=0.03
            )
            for rate in (50, 20)
        ]
        async with registries[0].session() as fast, registries[1].session() as slow:
            services = [fast.service(), slow.service()]
            ends = {}
            async for result in ecr.scan_images(services):
                ends[result.service] = asyncio.get_running_loop().time()
        assert ends[services[0]] < 1000 / 50 * 1.05
        assert ends[services[1]] < 1000 / 20 * 1.05

    @in_virtual_time
    async def test_throttles_cost_no_attempts_and_passing_failures_are_retried(self) -> None:
        outcomes = iter(
            ["ThrottlingException"] * 10 + ["ServerException", "ThrottlingException", "ServerException"]
        )
        registry = FakeRegistry({"r1": 1}, on_call=lambda operation, request: next(outcomes, None))
        async with registry.session() as session:
            scan = ecr.scan_images([session.service()], "r1")
            await collected(scan)
        assert scan.summary.scanned == 1
        assert (scan.summary.calls, scan.summary.throttles, scan.summary.retries) == (14, 11, 2)

    @in_virtual_time
    async def test_a_service_that_throttles_everything_is_given_up_after_the_patience(self) -> None:
        registry = FakeRegistry({}, on_call=lambda operation, request: "ThrottlingException")
        async with registry.session() as session:
            scan = ecr.scan_images([session.service()], [f"r{number}" for number in range(300)], patience=600)
            results = await collected(scan)
        assert scan.summary.failed == scan.summary.repositories == 300
        assert 600 < scan.summary.seconds < 1200
        errors = [result.error for result in results if isinstance(result, ecr.FailedRepository)]
        assert all(isinstance(error, ecr.ServiceError) for error in errors)
        assert (
            sum(error.attempts for error in errors if isinstance(error, ecr.CallError)) == scan.summary.calls
        )
