"""Pull-through cache rules that lead to another registry on this machine."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest
from aiohttp import web

from ecr_async import api as ecr
from ecr_async.local import LocalECR
from ecr_async.oci.media_types import OCI_MANIFEST
from ecr_async.service import Service
from tests.clocks import StoppedClock
from tests.integration.local.content import create, digest_of, index, manifest, push, put
from tests.integration.local.distribution.client import Door

LAYER = b"a layer"


@pytest.fixture
async def upstream() -> AsyncIterator[LocalECR]:
    """Another embedded ECR, with an image of two platforms under `library/app:v1`."""
    async with LocalECR() as upstream, upstream.session() as session:
        service = session.service()
        await create(service, "library/app")
        await push(service, LAYER, name="library/app")
        await push(service, b"another", name="library/app")
        await put(service, index(manifest(LAYER), manifest(b"another")), "v1", "library/app")
        yield upstream


async def rule(service: Service, url: str, prefix: str = "cached", **settings: Any) -> None:
    await ecr.create_pull_through_cache_rule(
        service, ecr.CreatePullThroughCacheRuleRequest(prefix, url, **settings)
    )


async def pull(door: Door, path: str, method: str = "GET") -> int:
    return (await door.send(method, f"/v2/{path}")).status


@pytest.mark.parametrize(
    "form", ["127.0.0.1:{port}", "http://localhost:{port}", "123456789012.dkr.ecr.us-east-1.localhost:{port}"]
)
async def test_the_first_pull_fetches_an_index_with_all_its_images(
    door: Door, service: Service, upstream: LocalECR, form: str
) -> None:
    await rule(service, form.format(port=upstream.url.port))
    pulled = await door.send("GET", "/v2/cached/library/app/manifests/v1")
    assert (pulled.status, pulled.body.decode()) == (200, index(manifest(LAYER), manifest(b"another")))
    for layer in (LAYER, b"another"):
        image = f"cached/library/app/manifests/{digest_of(manifest(layer))}"
        assert await pull(door, image) == 200
        blob = await door.send("GET", f"/v2/cached/library/app/blobs/{digest_of(layer)}")
        assert blob.body == layer
    found = await ecr.describe_images(service, ecr.DescribeImagesRequest("cached/library/app"))
    assert len(found.image_details) == 3


async def test_the_upstream_may_be_of_another_region(local: LocalECR, upstream: LocalECR) -> None:
    async with local.session() as session:
        service = session.service("eu-west-1")
        await rule(service, f"123456789012.dkr.ecr.us-east-1.localhost:{upstream.url.port}")
        request = ecr.BatchGetImageRequest("cached/library/app", [ecr.ImageIdentifier(image_tag="v1")])
        assert len((await ecr.batch_get_image(service, request)).images) == 1


async def test_a_pull_by_the_api_fetches_too(service: Service, upstream: LocalECR) -> None:
    await rule(service, upstream.url.authority)
    request = ecr.BatchGetImageRequest("cached/library/app", [ecr.ImageIdentifier(image_tag="v1")])
    response = await ecr.batch_get_image(service, request)
    assert response.images[0].image_manifest == index(manifest(LAYER), manifest(b"another"))
    await rule(service, "public.ecr.aws", "public")
    with pytest.raises(ecr.UnableToGetUpstreamImageException, match="loopback"):
        await ecr.batch_get_image(service, attrs.evolve(request, repository_name="public/nginx"))


async def test_what_is_here_needs_no_upstream(door: Door, service: Service) -> None:
    await rule(service, "public.ecr.aws", "team")
    await push(service, LAYER, "v1")
    assert await pull(door, "team/app/manifests/v1") == 200


async def test_what_is_cached_is_served_without_the_upstream(
    door: Door, service: Service, clock: StoppedClock
) -> None:
    async with LocalECR() as upstream, upstream.session() as session:
        await create(session.service(), "app")
        await push(session.service(), LAYER, "v1", name="app")
        await rule(service, upstream.url.authority)
        assert await pull(door, "cached/app/manifests/v1") == 200
    assert await pull(door, "cached/app/manifests/v1") == 200
    clock.now += 2 * 24 * 3600
    again = await logged_in_again(door, service)
    assert await pull(again, "cached/app/manifests/v1") == 200
    assert await pull(again, "cached/app/manifests/v2") == 404


async def logged_in_again(door: Door, service: Service) -> Door:
    """Return the door with a new password: the first one has expired when a day has passed."""
    response = await ecr.get_authorization_token(service, ecr.GetAuthorizationTokenRequest())
    token = response.authorization_data[0].authorization_token
    return attrs.evolve(door, headers={"Authorization": f"Basic {token}"})


async def test_a_tag_is_compared_with_the_upstream_once_a_day(
    door: Door, service: Service, upstream: LocalECR, clock: StoppedClock
) -> None:
    await rule(service, upstream.url.authority)
    async with upstream.session() as session:
        await push(session.service(), LAYER, "main", name="library/app")
        assert await pull(door, "cached/library/app/manifests/main") == 200
        moved = await push(session.service(), b"another", "main", name="library/app")

    async def digest(door: Door) -> str:
        head = await door.send("HEAD", "/v2/cached/library/app/manifests/main")
        return head.headers["Docker-Content-Digest"]

    assert await digest(door) != moved
    clock.now += 24 * 3600
    assert await digest(await logged_in_again(door, service)) == moved


async def test_the_template_for_the_cache_sets_the_repository_up(
    door: Door, service: Service, upstream: LocalECR
) -> None:
    await rule(service, upstream.url.authority, upstream_repository_prefix="library")
    await ecr.create_repository_creation_template(
        service,
        ecr.CreateRepositoryCreationTemplateRequest(
            "cached", ["PULL_THROUGH_CACHE"], image_tag_mutability="IMMUTABLE"
        ),
    )
    assert await pull(door, "cached/app/manifests/v1", "HEAD") == 200
    response = await ecr.describe_repositories(
        service, ecr.DescribeRepositoriesRequest(repository_names=["cached/app"])
    )
    assert response.repositories[0].image_tag_mutability == "IMMUTABLE"


@pytest.mark.parametrize("path", ["cached/library/app/manifests/absent", "cached/absent/manifests/v1"])
async def test_what_the_upstream_has_not_is_not_there(
    door: Door, service: Service, upstream: LocalECR, path: str
) -> None:
    await rule(service, upstream.url.authority)
    assert await pull(door, path) == 404


async def test_the_embedded_ecr_calls_nothing_outside_this_machine(door: Door, service: Service) -> None:
    await rule(service, "public.ecr.aws")
    response = await door.send("GET", "/v2/cached/nginx/manifests/latest")
    assert (response.status, response.code) == (404, "MANIFEST_UNKNOWN")
    assert "loopback" in response.json["errors"][0]["message"]


async def test_repositories_that_no_rule_covers_are_left_alone(
    door: Door, service: Service, upstream: LocalECR
) -> None:
    await rule(service, upstream.url.authority)
    assert await pull(door, "cachedlibrary/app/manifests/v1") == 404
    await push(service, LAYER, "v1")
    assert await pull(door, "team/app/manifests/v1") == 200


class TokenRegistry:
    """A registry as most are: it wants a token, which its server gives to anybody."""

    def __init__(self, realm: str | None = None) -> None:
        self._realm = realm
        self.granted: list[tuple[str | None, str | None]] = []

    async def token(self, request: web.Request) -> web.Response:
        self.granted.append((request.query.get("service"), request.query.get("scope")))
        return web.json_response({"access_token": "let-me-in", "expires_in": 60})

    async def content(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != "Bearer let-me-in":
            realm = self._realm or f"http://{request.host}/token"
            scope = "repository:library/app:pull"
            challenge = f'Bearer realm="{realm}",service="registry.test",scope="{scope}"'
            return web.Response(status=401, headers={"WWW-Authenticate": challenge})
        if request.path.endswith("/manifests/v1"):
            return web.Response(text=manifest(LAYER), content_type=OCI_MANIFEST)
        content = {digest_of(each): each for each in (LAYER, b"{}")}
        return web.Response(body=content[request.path.rpartition("/")[2]])


@asynccontextmanager
async def serving(registry: TokenRegistry) -> AsyncIterator[str]:
    application = web.Application()
    application.router.add_get("/token", registry.token)
    application.router.add_get("/v2/{path:.*}", registry.content)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    yield f"{host}:{port}"
    await runner.cleanup()


async def test_a_registry_that_wants_a_token_gets_one(door: Door, service: Service) -> None:
    registry = TokenRegistry()
    async with serving(registry) as url:
        await rule(service, url)
        pulled = await door.send("GET", "/v2/cached/library/app/manifests/v1")
        assert (pulled.status, pulled.body.decode()) == (200, manifest(LAYER))
        blob = await door.send("GET", f"/v2/cached/library/app/blobs/{digest_of(LAYER)}")
        assert blob.body == LAYER
    assert registry.granted == [("registry.test", "repository:library/app:pull")]


@pytest.mark.parametrize(
    ("realm", "words"),
    [
        (
            "https://auth.docker.io/token",
            "wants a token of 'https://auth.docker.io/token', which is not on loopback",
        ),
        ("http://127.0.0.1:9/token", "Unable to get the image from the upstream registry"),
        ("nowhere", "not on loopback"),
    ],
)
async def test_a_token_that_is_not_to_be_had(door: Door, service: Service, realm: str, words: str) -> None:
    async with serving(TokenRegistry(realm)) as url:
        await rule(service, url)
        response = await door.send("GET", "/v2/cached/library/app/manifests/v1")
    assert (response.status, response.code) == (404, "MANIFEST_UNKNOWN")
    assert words in response.json["errors"][0]["message"]
