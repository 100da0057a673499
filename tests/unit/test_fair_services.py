"""A scan of many services: they take turns with the connections, and none holds up the others."""

import asyncio
import gc
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from yarl import URL

import ecr_async as ecr
from ecr_async._bulk.lane import Lane
from ecr_async._http.body import Content
from ecr_async._http.proxy import Proxy
from ecr_async._http.transport import Reply
from tests.unit.fake_registry import FakeRegistry, TokenBucket
from tests.virtual_time import in_virtual_time


class Regions(FakeRegistry):
    """One session's transport to many services, each at a host of its own."""

    def __init__(self, repositories: Mapping[str, int], **options: Any) -> None:
        super().__init__(repositories, **options)
        self.buckets: dict[str, TokenBucket] = {}
        self.dead: set[str] = set()
        self.slow: dict[str, float] = {}
        self.held: Counter[str] = Counter()
        self.most_held: Counter[str] = Counter()

    async def post(
        self, url: URL, headers: Mapping[str, str], body: Content, proxy: Proxy | None, *, fresh: bool = False
    ) -> Reply:
        host = url.host or ""
        self.held[host] += 1
        self.most_held[host] = max(self.most_held[host], self.held[host])
        try:
            if host in self.dead:
                await asyncio.sleep(5)
                raise ecr.ConnectError("no connection within the connect timeout")
            if host in self.buckets and not self.buckets[host].admit():
                await asyncio.sleep(self.latency)
                return self._rejection("ThrottlingException")
            await asyncio.sleep(self.slow.get(host, 0.0))
            return await super().post(url, headers, body, proxy, fresh=fresh)
        finally:
            self.held[host] -= 1

    def services(self, session: ecr.Session, *names: str) -> list[ecr.Service]:
        return [session.service("eu-west-1", endpoint_url=f"http://{name}.invalid") for name in names]


MANY = {f"r{number}": 1 for number in range(200)}


async def ends(registry: Regions, *names: str, **options: Any) -> dict[str, float]:
    """Scan services; return when each had its last result."""
    found: dict[str, float] = {}
    async with registry.session(max_connections=10) as session:
        async for result in ecr.scan_images(registry.services(session, *names), **options):
            url = URL(result.service.endpoint_url or "")
            found[(url.host or "").removesuffix(".invalid")] = asyncio.get_running_loop().time()
    return found


@in_virtual_time
async def test_there_are_as_many_workers_as_connections() -> None:
    few = {f"r{number}": 1 for number in range(5)}  # a limiter that knows nothing lets so many go at once
    registry = Regions(few, latency=1.0)
    await ends(registry, *(f"s{number}" for number in range(50)))
    assert registry.most_under_way == 10


@in_virtual_time
async def test_services_with_as_much_to_do_end_together() -> None:
    registry = Regions(MANY, latency=0.1)
    found = await ends(registry, "a", "b", "c", "d")
    assert max(found.values()) < 1.05 * min(found.values())


@in_virtual_time
async def test_a_throttled_service_holds_up_no_other() -> None:
    registry = Regions(MANY, latency=0.1)
    alone = (await ends(registry, "free"))["free"]
    registry.buckets = {"throttled.invalid": TokenBucket(1, 1)}
    start = asyncio.get_running_loop().time()
    found = await ends(registry, "throttled", "free")
    assert found["free"] - start < 1.3 * alone
    assert found["throttled"] - start > 190


@in_virtual_time
async def test_dead_services_leave_half_of_the_connections_to_the_living() -> None:
    registry = Regions(MANY, latency=0.1)
    alone = (await ends(registry, "living"))["living"]
    dead = [f"dead{number}" for number in range(20)]
    registry.dead = {f"{name}.invalid" for name in dead}
    start = asyncio.get_running_loop().time()
    found = await ends(registry, *dead, "living")
    assert found.keys() == {*dead, "living"}
    assert found["living"] - start < 2.2 * alone + 5 * len(dead)


@in_virtual_time
async def test_a_dead_service_begins_with_one_connection() -> None:
    registry = Regions({}, latency=0.1)
    registry.dead = {"dead.invalid"}
    async with registry.session(max_connections=10, max_attempts=1) as session:
        services = registry.services(session, "dead", "living")
        scan = ecr.scan_images(services, [f"r{number}" for number in range(4)])
        results = [result async for result in scan]
    assert Counter(type(result) for result in results) == {ecr.FailedRepository: 4, ecr.VanishedRepository: 4}
    assert registry.most_held["dead.invalid"] <= 3
    assert registry.most_held["living.invalid"] > 1


@in_virtual_time
async def test_a_slow_service_leaves_connections_to_the_others() -> None:
    registry = Regions(MANY, latency=0.1)
    registry.slow = {"slow.invalid": 60.0}
    found = await ends(registry, "slow", "fast")
    assert found["fast"] < 200 * 0.1 * 1.1  # by the one connection that is left
    assert found["slow"] > 600


@in_virtual_time
async def test_ten_thousand_services_are_not_opened_at_once() -> None:
    registry = Regions({"app": 1}, latency=0.01)
    open_ = 0

    async def services(session: ecr.Session) -> AsyncIterator[ecr.Service]:
        nonlocal open_
        for number in range(2000):
            open_ += 1
            yield session.service("eu-west-1", endpoint_url=f"http://s{number}.invalid")

    most = 0
    async with registry.session(max_connections=10) as session:
        scan = ecr.scan_images(services(session))
        done = 0
        async for _ in scan:
            done += 1
            most = max(most, open_ - done)
    assert scan.summary.scanned == 2000
    assert most <= 10 + 16 + 10  # open services, queued results, one in hand for each worker


@in_virtual_time
async def test_no_service_is_opened_while_many_wait_for_their_turn() -> None:
    registry = Regions({f"r{number}": 1 for number in range(5)}, latency=0.1)
    opened = 0

    async def services(session: ecr.Session) -> AsyncIterator[ecr.Service]:
        nonlocal opened
        for service in registry.services(session, *(f"s{number}" for number in range(200))):
            yield service
            opened += 1

    pages: Counter[ecr.Service] = Counter()
    opened_by_finished: dict[int, int] = {}
    async with registry.session(max_connections=100) as session:
        async for result in ecr.scan_images(services(session)):
            pages[result.service] += 1
            opened_by_finished[sum(each == 5 for each in pages.values())] = opened
    assert pages.total() == 200 * 5
    assert opened_by_finished[0] == opened_by_finished[20] == 100


@in_virtual_time
async def test_an_operation_that_is_throttled_alone_runs_out_of_patience() -> None:
    registry = FakeRegistry(
        MANY, on_call=lambda operation, _: "ThrottlingException" if operation == "DescribeImages" else None
    )
    async with registry.session() as session:
        scan = ecr.scan_images(session.service(), patience=60)
        results = [result async for result in scan]
    assert {type(result) for result in results} == {ecr.FailedRepository}
    assert 60 < scan.summary.seconds < 600


@pytest.mark.parametrize("wrong", [5, [5], "eu-west-1"])
def test_an_invalid_service_is_rejected_at_once(wrong: Any) -> None:
    with pytest.raises(ecr.ConfigurationError, match="must be a Service"):
        ecr.scan_images(wrong)


@in_virtual_time
async def test_finished_services_are_freed_without_a_garbage_collection() -> None:
    registry = Regions({"r0": 1}, latency=1.0)
    gc.collect()
    gc.disable()
    try:
        await ends(registry, *(f"s{number}" for number in range(30)))
        assert not [each for each in gc.get_objects() if isinstance(each, Lane)]
    finally:
        gc.enable()
