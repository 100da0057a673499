"""Proxies are those of the environment, as for every other program."""

import base64
from contextlib import nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

import ecr_async as ecr
from ecr_async._http.proxy import proxy_for
from tests.faults.server import FaultServer, describe, page, respond, session_for
from tests.virtual_time import in_virtual_time


@in_virtual_time
async def plain_http_goes_through(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with FaultServer(respond()) as proxy, FaultServer(respond()) as server:
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
        async with FaultServer(respond()) as proxy, FaultServer(respond()) as server:
            monkeypatch.setenv("HTTP_PROXY", proxy.url)
            monkeypatch.setenv("NO_PROXY", excepted.format(port=server.port))
            async with session_for(server) as session:
                await describe(session.service())
            assert (len(proxy.requests), len(server.requests)) == (0, 1)

    check()


@pytest.mark.parametrize(("status", "attempts"), [(403, 1), (407, 1), (503, 3)])
def test_a_proxy_that_does_not_connect(status: int, attempts: int, monkeypatch: pytest.MonkeyPatch) -> None:
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
    assert "no connection to the proxy" in str(caught.value)
    assert "canary" not in f"{caught.value} {caught.value!r} {caught.value.__cause__!r}"


def test_a_proxy_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody_is_the_proxy(monkeypatch)


@pytest.mark.parametrize(
    ("variable", "proxy"),
    [
        ("http://proxy.example:3128", ("http://proxy.example:3128/", None)),
        ("proxy.example:3128", ("http://proxy.example:3128/", None)),
        ("https://user:password@proxy.example", ("https://proxy.example/", b"user:password")),
        ("http://us%40er:p%3Ass@proxy.example", ("http://proxy.example/", b"us@er:p:ss")),
        ("http://user:p€ss@proxy.example", ("http://proxy.example/", "user:p€ss".encode())),
        ("http://user:p%E9ss@proxy.example", ("http://proxy.example/", "user:péss".encode("latin-1"))),
        ("", None),
    ],
)
def test_how_a_proxy_is_written(
    variable: str, proxy: tuple[str, bytes | None] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", variable)
    found = proxy_for(URL("https://api.ecr.eu-west-1.amazonaws.com"))
    if proxy is None:
        assert found is None
    else:
        assert found is not None
        url, credentials = proxy
        sent = f"Basic {base64.b64encode(credentials).decode()}" if credentials else None
        assert (found.url, found.authorization) == (URL(url), sent)
        assert "p" not in repr(found.authorization)
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


LOOPBACK = ["http://localhost:1", "http://127.0.0.1:1", "http://[::1]:1", "http://127.8.8.8:1"]


@pytest.mark.parametrize("url", LOOPBACK)
@pytest.mark.parametrize(
    "excepted", ["localhost", "127.0.0.1", "::1", "[::1]", "127.0.0.0/8", "LOCALHOST:1", "[::1]:1", "x, ::1"]
)
def test_one_name_of_this_machine_in_no_proxy_stands_for_all(
    excepted: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    assert proxy_for(URL(url)) is not None
    monkeypatch.setenv("NO_PROXY", excepted)
    assert proxy_for(URL(url)) is None
    assert proxy_for(URL("http://ecr.example:1")) is not None


@pytest.mark.parametrize(
    ("excepted", "host", "is_excepted"),
    [
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.1.2.3:8080", "10.1.2.3", True),
        ("10.1.2.3:8081", "10.1.2.3", False),
        ("fd00::/8", "[fd00:ec2::254]", True),
        ("fd00:ec2:0::254", "[fd00:ec2::254]", True),
        ("[fd00:ec2::254]:8080", "[fd00:ec2::254]", True),
        ("[fd00:ec2::254]:8081", "[fd00:ec2::254]", False),
        ("fd00::/8", "10.1.2.3", False),
        (".internal", "ecr.internal", True),
        ("internal", "ecr.internal", True),
        ("internal", "ecrinternal", False),
        ("10.0.0.0/8", "ecr.internal", False),
        ("localhost", "localhost.example", False),
        ("not/a/range,[", "ecr.internal", False),
    ],
)
def test_no_proxy_names_hosts_addresses_and_ranges(
    excepted: str, host: str, is_excepted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", excepted)
    assert (proxy_for(URL(f"http://{host}:8080")) is None) == is_excepted


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_no_value_of_no_proxy_makes_it_fail(excepted: str) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
        monkeypatch.setenv("NO_PROXY", excepted)
        for url in LOOPBACK:
            proxy_for(URL(url))


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_password_of_any_characters_is_sent_to_the_proxy_alone(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    @in_virtual_time
    async def check() -> None:
        behaviour = respond() if scheme == "http" else page(407)
        async with FaultServer(behaviour) as proxy:
            monkeypatch.setenv(f"{scheme.upper()}_PROXY", proxy.url.replace("//", "//user:pässwörd€@"))
            async with session_for(proxy, endpoint_url=f"{scheme}://ecr.example", max_attempts=1) as session:
                with nullcontext() if scheme == "http" else pytest.raises(ecr.ConnectError):
                    await describe(session.service())
        expected = base64.b64encode("user:pässwörd€".encode()).decode()
        assert proxy.sent("proxy-authorization") == [f"Basic {expected}"]

    check()


@in_virtual_time
async def an_untrusted_environment_prescribes_none(monkeypatch: pytest.MonkeyPatch) -> None:
    async with FaultServer(respond()) as server:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        async with session_for(server, trust_env=False) as session:
            await describe(session.service())


def test_an_environment_that_does_not_count_prescribes_none(monkeypatch: pytest.MonkeyPatch) -> None:
    an_untrusted_environment_prescribes_none(monkeypatch)


async def test_an_unknown_host_names_the_region_that_may_be_misspelt() -> None:
    async with ecr.Session(access_key_id="AKIAEXAMPLE", secret_access_key="s", max_attempts=1) as session:
        with pytest.raises(ecr.ConnectError) as caught:
            await describe(session.service("eu-wset-1"))
    assert "'api.ecr.eu-wset-1.amazonaws.com' cannot be resolved" in str(caught.value)
    assert "is the region 'eu-wset-1' spelt right?" in str(caught.value)
