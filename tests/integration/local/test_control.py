"""Faults, rate limits and the clock: what clients see of them, and the door through which other processes set
them.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from ecr_async import api as ecr
from ecr_async import errors
from ecr_async.lifecycle import LifecyclePolicy, Rule
from ecr_async.local import Fault, FaultKind, LocalECR
from ecr_async.service import Service
from tests.integration.local.content import create, digest_of, push

NAMES = ecr.DescribeRepositoriesRequest()
ONCE: dict[str, Any] = {"max_attempts": 1}


@pytest.fixture
async def client(local: LocalECR) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of the control door."""
    async with aiohttp.ClientSession(local.url / "_local/") as client:
        yield client


@pytest.fixture
async def once(local: LocalECR) -> AsyncIterator[Service]:
    """A service whose calls are tried once, so that faults show."""
    async with local.session(**ONCE) as session:
        yield session.service()


class TestFaults:
    async def test_throttle(self, local: LocalECR, once: Service) -> None:
        with local.inject(Fault(kind="throttle")), pytest.raises(errors.ServiceError) as caught:
            await ecr.describe_repositories(once, NAMES)
        assert (caught.value.code, caught.value.message) == ("ThrottlingException", "Rate exceeded")
        await ecr.describe_repositories(once, NAMES)

    async def test_error(self, local: LocalECR, once: Service) -> None:
        fault = Fault(kind="error", status=400, code="RepositoryNotFoundException", message="gone")
        with local.inject(fault), pytest.raises(ecr.RepositoryNotFoundException, match="gone"):
            await ecr.describe_repositories(once, NAMES)

    async def test_page(self, local: LocalECR, once: Service) -> None:
        with local.inject(Fault(kind="page", status=502)), pytest.raises(errors.ResponseError) as caught:
            await ecr.describe_repositories(once, NAMES)
        assert caught.value.status == 502

    @pytest.mark.parametrize("kind", ["drop", "reset", "truncate"])
    async def test_without_a_whole_response(self, kind: Any, local: LocalECR, once: Service) -> None:
        with local.inject(Fault(kind=kind)), pytest.raises(errors.TransportError):
            await ecr.describe_repositories(once, NAMES)
        await ecr.describe_repositories(once, NAMES)

    async def test_hang(self, local: LocalECR) -> None:
        async with local.session(timeout=0.2, **ONCE) as session:
            with local.inject(Fault(kind="hang")), pytest.raises(errors.TimeoutError):
                await ecr.describe_repositories(session.service(), NAMES)

    async def test_a_lost_response_to_what_was_done(self, local: LocalECR, once: Service) -> None:
        with local.inject(Fault(kind="reset", after=True)), pytest.raises(errors.TransportError):
            await create(once)
        with pytest.raises(ecr.RepositoryAlreadyExistsException):
            await create(once)

    async def test_delay_and_then_another(self, local: LocalECR, once: Service) -> None:
        faults = Fault(kind="delay", seconds=0.01), Fault(kind="throttle")
        with local.inject(*faults), pytest.raises(errors.ServiceError, match="Rate exceeded"):
            await ecr.describe_repositories(once, NAMES)

    async def test_slow(self, local: LocalECR, once: Service) -> None:
        await create(once)
        with local.inject(Fault(kind="slow", bytes_per_second=100_000)):
            assert len((await ecr.describe_repositories(once, NAMES)).repositories) == 1

    async def test_retries_get_over_a_few(self, local: LocalECR, service: Service) -> None:
        with local.inject(Fault(kind="reset", times=2)):
            await ecr.describe_repositories(service, NAMES)

    @pytest.mark.parametrize("door", ["api", "v2"])
    async def test_a_download_breaks_off(self, door: str, local: LocalECR, service: Service) -> None:
        await create(service)
        content = bytes(range(256)) * 1000
        await push(service, content, "v1")
        manifest = await ecr.batch_get_image(
            service, ecr.BatchGetImageRequest("team/app", [ecr.ImageIdentifier(image_tag="v1")])
        )
        digest = (manifest.images[0].image_manifest or "").rpartition('"digest": "')[2][:71]
        url, headers = str(local.url / f"v2/team/app/blobs/{digest}"), {}
        if door == "api":
            found = await ecr.get_download_url_for_layer(
                service, ecr.GetDownloadUrlForLayerRequest("team/app", digest)
            )
            url = found.download_url or ""
        else:
            token = await ecr.get_authorization_token(service, ecr.GetAuthorizationTokenRequest())
            headers["Authorization"] = f"Basic {token.authorization_data[0].authorization_token}"
        headers["Range"] = "bytes=1000-"
        async with aiohttp.ClientSession() as client:
            with local.inject(Fault(kind="truncate", operation="GET *")):
                async with client.get(url, headers=headers) as response:
                    assert (response.status, response.content_length) == (206, len(content) - 1000)
                    with pytest.raises(aiohttp.ClientPayloadError):
                        await response.read()
            async with client.get(url, headers=headers) as response:
                assert await response.read() == content[1000:]

    @pytest.mark.parametrize(
        ("path", "kind", "status", "code"),
        [
            ("v2/team/app/tags/list", "throttle", 429, "TOOMANYREQUESTS"),
            ("_local/layers/x", "throttle", 503, "SlowDown"),
            ("v2/team/app/tags/list", "error", 418, "TEAPOT"),
        ],
    )
    async def test_other_doors_reject_in_their_own_form(
        self, path: str, kind: FaultKind, status: int, code: str, local: LocalECR
    ) -> None:
        with local.inject(Fault(kind=kind, operation="GET *", status=418, code="TEAPOT", message="no")):
            async with aiohttp.ClientSession() as client, client.get(local.url / path) as response:
                assert response.status == status
                [error] = (await response.json())["errors"]
        assert error["code"] == code

    async def test_a_whole_layer_comes_slowly(self, local: LocalECR, service: Service) -> None:
        await create(service)
        digest = digest_of(b"layer")
        await push(service, b"layer", "v1")
        found = await ecr.get_download_url_for_layer(
            service, ecr.GetDownloadUrlForLayerRequest("team/app", digest)
        )
        slow = Fault(kind="slow", operation="GET *", bytes_per_second=1_000_000)
        async with aiohttp.ClientSession() as client:
            with local.inject(slow):
                async with client.get(found.download_url or "") as response:
                    assert (response.status, await response.read()) == (200, b"layer")
            reach_back = {"Range": "bytes=-2"}
            with local.inject(slow):
                async with client.get(found.download_url or "", headers=reach_back) as response:
                    assert (response.status, await response.read()) == (206, b"er")
                    assert response.headers["Content-Range"] == "bytes 3-4/5"


class TestRates:
    async def test_what_is_too_much_is_throttled_as_ecr_does(self) -> None:
        rates = {"DescribeRepositories": "0.001/s,burst=2"}
        async with LocalECR(rates=rates) as local, local.session(**ONCE) as session:
            service = session.service()
            calls = [ecr.describe_repositories(service, NAMES) for _ in range(5)]
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
        throttled = [error for error in outcomes if isinstance(error, errors.ServiceError)]
        assert len(throttled) == 3
        assert {error.code for error in throttled} == {"ThrottlingException"}

    async def test_over_http(self, client: aiohttp.ClientSession, local: LocalECR) -> None:
        async with client.put("rates", json={"DescribeImages": "20/s,burst=40"}) as response:
            assert await response.json() == {"DescribeImages": {"rate": 20, "burst": 40}}
        assert list(local.behaviour.rates) == ["DescribeImages"]
        async with client.put("rates", json={"DescribeImages": "many"}) as response:
            assert response.status == 400
            assert "20/s" in await response.text()


class TestClock:
    async def test_images_age_without_waiting(self, local: LocalECR, service: Service) -> None:
        await create(service)
        local.clock.advance(timedelta(days=-30))
        await push(service, b"layer", "v1")
        local.clock.reset()
        described = await ecr.describe_images(service, ecr.DescribeImagesRequest("team/app"))
        pushed = described.image_details[0].image_pushed_at
        assert pushed is not None
        assert local.clock.now - pushed > timedelta(days=29)

    async def test_a_clock_that_is_off_is_learned(self, local: LocalECR, service: Service) -> None:
        local.clock.skew = 3600.0
        await ecr.describe_repositories(service, NAMES)

    async def test_over_http(self, client: aiohttp.ClientSession, local: LocalECR) -> None:
        changes = {"stopped": True, "now": "2026-03-01T00:00:00+00:00", "advance": 60}
        async with client.put("clock", json=changes) as response:
            assert (await response.json())["now"] == "2026-03-01T00:01:00+00:00"
        assert local.clock.now == datetime(2026, 3, 1, 0, 1, tzinfo=UTC)
        async with client.delete("clock", json={}) as response:
            assert (await response.json())["stopped"] is False
        for wrong in ({"now": 5}, {"skew": "x"}, {"other": 1}, {"now": "2026-03-01"}):
            async with client.put("clock", json=wrong) as response:
                assert response.status == 400


class TestReset:
    @pytest.mark.parametrize("kind", ["delay", "hang"])
    async def test_what_a_fault_holds_up_is_never_done(
        self, kind: FaultKind, local: LocalECR, once: Service
    ) -> None:
        local.behaviour.inject(Fault(kind=kind, seconds=3600, times=1))
        creating = asyncio.create_task(create(once))
        while local.behaviour.faults:  # noqa: ASYNC110 - the server is in this loop, too
            await asyncio.sleep(0)
        await local.reset()
        with pytest.raises(errors.TransportError) as caught:
            await creating
        assert not isinstance(caught.value, errors.TimeoutError)
        assert (await ecr.describe_repositories(once, NAMES)).repositories == ()


class TestDoor:
    async def test_lifecycle_policies_run_on_request(
        self, client: aiohttp.ClientSession, local: LocalECR, once: Service
    ) -> None:
        await create(once)
        await push(once, b"old", "v1")
        policy = LifecyclePolicy([Rule.expire(1, "any", days_since_pushed=14)])
        await ecr.put_lifecycle_policy(once, ecr.PutLifecyclePolicyRequest("team/app", policy.to_json()))
        counts: list[dict[str, int]] = []
        for days in (1, 30):
            local.clock.advance(timedelta(days=days))
            async with client.post("lifecycle", json={}) as response:
                counts.append(await response.json())
        assert counts == [{"images": 0}, {"images": 1}]
        assert (await ecr.list_images(once, ecr.ListImagesRequest("team/app"))).image_ids == ()

    async def test_faults_over_http(
        self, client: aiohttp.ClientSession, local: LocalECR, once: Service
    ) -> None:
        async with client.post("faults", json={"kind": "throttle", "times": 1}) as response:
            number = (await response.json())["number"]
        async with client.get("faults") as response:
            assert (await response.json())[str(number)]["kind"] == "throttle"
        with pytest.raises(errors.ServiceError, match="Rate exceeded"):
            await ecr.describe_repositories(once, NAMES)
        await ecr.describe_repositories(once, NAMES)
        for path in ("faults/1", "faults"):
            local.behaviour.inject(Fault(kind="drop"))
            async with client.delete(path, json={}) as response:
                assert response.status == 200
        assert local.behaviour.faults == {}

    @pytest.mark.parametrize(
        ("method", "path", "body", "words"),
        [
            ("POST", "faults", "", "the body must be a JSON object"),
            ("POST", "faults", "[" * 100_000, "the body must be a JSON object"),
            ("POST", "faults", '{"kind": "fire"}', "a fault's kind must be one of"),
            ("POST", "faults", '{"what": 1}', "a fault has no what; its members are kind, operation"),
            ("POST", "faults", "{}", "a fault needs a kind"),
            ("POST", "faults", b"\xff", "the body must be a JSON object"),
            ("POST", "faults", "[]", "the body must be a JSON object"),
            ("PUT", "rates", '{"ListImage": "1/s"}', "rates['ListImage'] must name an operation"),
            ("PUT", "rates", '{"ListImages": 5}', "a rate limit is written like 20/s"),
            ("PUT", "clock", '{"now": "yesterday"}', "now is written like 2026-03-01T00:00:00Z"),
        ],
    )
    async def test_what_makes_no_sense_is_a_sentence(
        self, method: str, path: str, body: str | bytes, words: str, client: aiohttp.ClientSession
    ) -> None:
        headers = {"Content-Type": "application/json"}
        async with client.request(method, path, data=body, headers=headers) as response:
            assert response.status == 400
            assert words in await response.text()

    @pytest.mark.parametrize("charset", ["nosuch", "utf-16", "ascii"])
    async def test_a_body_that_is_not_text_is_rejected(
        self, charset: str, client: aiohttp.ClientSession
    ) -> None:
        headers = {"Content-Type": f"application/json; charset={charset}"}
        async with client.post("faults", data=b'{"kind": "\xff"}x', headers=headers) as response:
            assert response.status == 400
            assert "the body must be a JSON object" in await response.text()

    @pytest.mark.parametrize(
        "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
    )
    async def test_a_web_page_cannot_reset_it(self, kind: str, client: aiohttp.ClientSession) -> None:
        async with client.post("reset", data="{}", headers={"Content-Type": kind}) as response:
            assert response.status == 415

    @pytest.mark.parametrize("host", ["evil.example.com", "localhost.evil.com", "127.0.0.1.nip.io:5001"])
    async def test_a_name_that_could_be_anybodys_is_rejected(
        self, host: str, client: aiohttp.ClientSession
    ) -> None:
        async with client.get("health", headers={"Host": host}) as response:
            assert response.status == 421

    @pytest.mark.parametrize("host", ["localhost:5001", "127.0.0.1", "[::1]:80", "ecr", "ecr.localhost"])
    async def test_local_names_are_not(self, host: str, client: aiohttp.ClientSession) -> None:
        async with client.get("health", headers={"Host": host}) as response:
            assert response.status == 200

    async def test_it_can_be_closed(self) -> None:
        async with (
            LocalECR(control=False) as local,
            aiohttp.ClientSession(local.url) as client,
            client.get("/_local/health") as response,
        ):
            assert response.status == 404
