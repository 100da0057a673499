"""Proxies are those of the environment, as for every other program."""

import pytest
from yarl import URL

import ecr_async as ecr
from ecr_async._http.proxy import proxy_for
from tests.faults.server import FaultServer, answer, describe, page, session_for
from tests.virtual_time import in_virtual_time


@in_virtual_time
async def plain_http_goes_through(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with FaultServer(answer()) as proxy, FaultServer(answer()) as server:
        monkeypatch.setenv(variable, proxy.url)
        async with session_for(server, endpoint_url="http://ecr.example:8080") as session:
            await describe(session.service())
    assert [request.line.split()[1] for request in proxy.requests] == ["http://ecr.example:8080"]
    assert proxy.sent("host") == ["ecr.example:8080"]
    assert server.requests == []


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy"])
def test_plain_http_goes_through_it(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plain_http_goes_through(variable, monkeypatch)


@pytest.mark.parametrize("excepted", ["127.0.0.1", "127.0.0.1:{port}", "*", "elsewhere,127.0.0.1"])
def test_no_proxy_excepts_hosts(excepted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    @in_virtual_time
    async def check() -> None:
        async with FaultServer(answer()) as proxy, FaultServer(answer()) as server:
            monkeypatch.setenv("HTTP_PROXY", proxy.url)
            monkeypatch.setenv("NO_PROXY", excepted.format(port=server.port))
            async with session_for(server) as session:
                await describe(session.service())
            assert (len(proxy.requests), len(server.requests)) == (0, 1)

    check()


@pytest.mark.parametrize(("status", "attempts"), [(403, 1), (407, 1), (503, 3)])
def test_a_proxy_that_refuses_to_connect(status: int, attempts: int, monkeypatch: pytest.MonkeyPatch) -> None:
    @in_virtual_time
    async def check() -> None:
        async with FaultServer(page(status)) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            async with session_for(proxy, endpoint_url="https://ecr.example") as session:
                with pytest.raises(ecr.ConnectError, match="proxy") as caught:
                    await describe(session.service())
        assert (caught.value.status, caught.value.attempts) == (status, attempts)
        assert {request.line for request in proxy.requests} == {"CONNECT ecr.example:443 HTTP/1.1"}
        assert proxy.sent("authorization") == proxy.sent("x-amz-target") == [None] * attempts

    check()


@in_virtual_time
async def nobody_is_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async with FaultServer() as nobody:
        pass
    monkeypatch.setenv("HTTP_PROXY", nobody.url.replace("//", "//user:canary@"))
    async with session_for(nobody, endpoint_url="http://ecr.example") as session:
        with pytest.raises(ecr.ConnectError) as caught:
            await describe(session.service())
    assert "canary" not in f"{caught.value} {caught.value!r} {caught.value.__cause__!r}"


def test_a_proxy_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody_is_the_proxy(monkeypatch)


@pytest.mark.parametrize(
    ("variable", "proxy"),
    [
        ("http://proxy.example:3128", URL("http://proxy.example:3128")),
        ("proxy.example:3128", URL("http://proxy.example:3128")),
        ("https://user:password@proxy.example", URL("https://user:password@proxy.example")),
        ("", None),
    ],
)
def test_how_a_proxy_is_written(variable: str, proxy: URL | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", variable)
    assert proxy_for(URL("https://api.ecr.eu-west-1.amazonaws.com")) == proxy
    assert proxy_for(URL("http://127.0.0.1:4566")) is None, "that is another scheme"


@pytest.mark.parametrize(
    "variable",
    ["socks5://canary@proxy.example", "http://canary@[proxy", "http://canary@proxy:port", "http://"],
)
def test_a_proxy_that_cannot_be_is_not_repeated(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", variable)
    with pytest.raises(ecr.ConfigurationError, match="HTTPS_PROXY") as caught:
        proxy_for(URL("https://api.ecr.eu-west-1.amazonaws.com"))
    assert "canary" not in str(caught.value)
