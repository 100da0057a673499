"""Who may come in: passwords of GetAuthorizationToken, in the registry that they are for."""

import base64
import json
from datetime import UTC, datetime

import aiohttp
import pytest
from yarl import URL

from ecr_async import api as ecr
from ecr_async.local import LocalECR
from ecr_async.local.addresses import UriStyle
from ecr_async.service import Service
from tests.integration.local.content import create, push
from tests.integration.local.distribution.client import Door, Response, authorization, basic, open_door

OTHER = {"access_key_id": "AKIAOTHER", "secret_access_key": "other"}
KEYS = {"AKIAOTHER": ("other", "210987654321")}
PATHS = [
    "/v2/",
    "/v2/_catalog",
    "/v2/team/app/tags/list",
    "/v2/team/app/manifests/v1",
    "/v2/team/app/blobs/x",
]


async def get(local: LocalECR, path: str, *, host: str | None = None, given: str | None = None) -> Response:
    headers = {"Authorization": given} if given else {}
    if host:
        headers["Host"] = host
    async with (
        aiohttp.ClientSession() as client,
        client.get(local.url.join(URL(path)), headers=headers) as response,
    ):
        return Response(response.status, response.headers, await response.read())


def check_rejected(response: Response, status: int, code: str, realm: str) -> None:
    assert (response.status, response.code) == (status, code)
    assert response.headers["WWW-Authenticate"] == f'Basic realm="{realm}/",service="ecr.amazonaws.com"'
    assert response.headers["Docker-Distribution-Api-Version"] == "registry/2.0"


@pytest.mark.parametrize("path", PATHS)
async def test_nobody_comes_in_without_a_password(local: LocalECR, path: str) -> None:
    check_rejected(await get(local, path), 401, "UNAUTHORIZED", local.endpoint_url)


@pytest.mark.parametrize("style", ["caller", "host", "path", "aws"])
async def test_the_realm_is_the_host_of_the_request_with_its_port(style: UriStyle) -> None:
    async with LocalECR(uri_style=style) as local:
        for name in ("123456789012.dkr.ecr.us-east-1.localhost", "registry.localhost", "localhost"):
            host = f"{name}:{local.url.port}"
            check_rejected(await get(local, "/v2/", host=host), 401, "UNAUTHORIZED", f"http://{host}")


@pytest.mark.parametrize(
    "given",
    [
        basic("AWS", "made up"),
        basic("AWS", ""),
        "Basic",
        "Basic not-base64!",
        "Basic QVdT",
        "Basic \xe9",
        "Bearer abc",
        "AWS4-HMAC-SHA256 Credential=x",
    ],
)
async def test_an_invalid_password_is_rejected(local: LocalECR, given: str) -> None:
    check_rejected(await get(local, "/v2/", given=given), 401, "UNAUTHORIZED", local.endpoint_url)


async def test_only_the_user_aws_comes_in(local: LocalECR) -> None:
    encoded = (await authorization(local)).removeprefix("Basic ")
    user, _, password = base64.b64decode(encoded).decode().partition(":")
    assert user == "AWS"
    assert (await get(local, "/v2/", given=basic("AWS", password))).status == 200
    assert (await get(local, "/v2/", given=basic("root", password))).status == 401


async def test_a_password_of_another_server_is_rejected(local: LocalECR) -> None:
    async with LocalECR() as another:
        given = await authorization(another)
    check_rejected(await get(local, "/v2/", given=given), 401, "UNAUTHORIZED", local.endpoint_url)


async def test_a_password_is_good_for_twelve_hours() -> None:
    now = datetime(2024, 1, 1, tzinfo=UTC).timestamp()
    async with LocalECR(clock=lambda: now) as local:
        given = await authorization(local)
        now += 12 * 3600 - 1
        assert (await get(local, "/v2/", given=given)).status == 200
        now += 1
        expired = await get(local, "/v2/", given=given)
        check_rejected(expired, 403, "DENIED", local.endpoint_url)
        assert expired.json["errors"][0]["message"] == (
            "Your authorization token has expired. Reauthenticate and try again."
        )


async def test_a_password_of_another_region_is_rejected(door: Door, local: LocalECR) -> None:
    given = await authorization(local, region="eu-west-1")
    response = await get(local, "/v2/team/app/tags/list", given=given)
    check_rejected(response, 403, "DENIED", local.endpoint_url)
    host = f"123456789012.dkr.ecr.us-east-1.localhost:{local.url.port}"
    for path in PATHS:
        check_rejected(await get(local, path, host=host, given=given), 403, "DENIED", f"http://{host}")


async def test_a_name_without_a_registry_takes_every_password(local: LocalECR) -> None:
    """Which registry is meant, a repository's path says: `docker login localhost:5000` must be possible."""
    given = await authorization(local, region="eu-west-1")
    assert (await get(local, "/v2/", given=given)).status == 200
    assert (await get(local, "/v2/123456789012/eu-west-1/team/app/tags/list", given=given)).status == 404


async def test_a_password_of_another_account_is_rejected() -> None:
    async with LocalECR(keys=KEYS) as local, open_door(local) as door, local.session() as session:
        await create(session.service())
        given = await authorization(local, **OTHER)
        for path in PATHS[2:]:
            response = await get(local, path, given=given)
            check_rejected(response, 403, "DENIED", local.endpoint_url)
        host = f"123456789012.dkr.ecr.us-east-1.localhost:{local.url.port}"
        for path in PATHS:
            check_rejected(await get(local, path, host=host, given=given), 403, "DENIED", f"http://{host}")
        assert (await door.send("GET", "/v2/team/app/tags/list")).status == 200


async def test_a_repositorys_policy_lets_another_account_in() -> None:
    statement = {"Effect": "Allow", "Principal": {"AWS": "210987654321"}, "Action": "ecr:BatchGetImage"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    async with LocalECR(keys=KEYS) as local, local.session() as session, open_door(local, **OTHER) as door:
        service: Service = session.service()
        await create(service)
        await push(service, b"a layer", "v1")
        await ecr.set_repository_policy(service, ecr.SetRepositoryPolicyRequest("team/app", policy))
        assert (await door.send("GET", "/v2/team/app/manifests/v1")).status == 200
        assert (await door.send("DELETE", "/v2/team/app/manifests/v1")).status == 403
        assert (await door.send("GET", "/v2/team/app/tags/list")).status == 403


async def test_without_signatures_no_password_is_needed() -> None:
    async with LocalECR(verify_signatures=False) as local, local.session() as session:
        await create(session.service())
        for given in (None, basic("anybody", "anything"), await authorization(local)):
            assert (await get(local, "/v2/", given=given)).status == 200
            assert (await get(local, "/v2/team/app/tags/list", given=given)).status == 200
