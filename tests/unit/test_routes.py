"""The ways to the endpoints of a session: thousands of services share what is the same for their URL."""

import pytest
from yarl import URL

from ecr_async._auth.credentials import Credentials
from ecr_async._config.settings import load
from ecr_async._http.route import Route, Routes

CREDENTIALS = Credentials("AKIDEXAMPLE", "secret")


def scope(route: Route) -> str:
    """What the route's signatures are good for."""
    headers = route.signer.sign("target", "0" * 64, CREDENTIALS, now=0.0)
    return headers["Authorization"].split(",")[0].partition("/")[2]


async def test_services_at_one_url_share_it_and_sign_for_their_own_region() -> None:
    routes = Routes(load(environ={}))
    ireland, paris = [
        await routes.find(region, "http://ecr.test:8000") for region in ("eu-west-1", "eu-west-3")
    ]
    assert ireland.url is paris.url
    assert ireland.url == URL("http://ecr.test:8000")
    assert scope(ireland) == "19700101/eu-west-1/ecr/aws4_request"
    assert scope(paris) == "19700101/eu-west-3/ecr/aws4_request"


async def test_each_region_has_a_url_of_its_own() -> None:
    routes = Routes(load(environ={}))
    found = [(await routes.find(region, None)).url.host for region in ("eu-west-1", "eu-west-3", "eu-west-1")]
    assert found == [f"api.ecr.{region}.amazonaws.com" for region in ("eu-west-1", "eu-west-3", "eu-west-1")]


async def test_the_proxy_of_a_url_is_read_once_in_a_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://before.test:3128")
    config = load(environ={})
    routes = Routes(config)
    first = await routes.find("eu-west-1", "http://ecr.test")
    monkeypatch.setenv("HTTP_PROXY", "http://after.test:3128")
    second = await routes.find("eu-west-2", "http://ecr.test")
    other = await Routes(config).find("eu-west-1", "http://ecr.test")
    assert [route.proxy and route.proxy.url.host for route in (first, second, other)] == [
        "before.test",
        "before.test",
        "after.test",
    ]
