"""Certificates are verified, unless one insists."""

import ssl
from pathlib import Path

import pytest
import trustme

import ecr_async as ecr
from ecr_async._http.tls import context_trusting
from tests.faults.server import FaultServer, describe, respond, session_for

# In real time: certificates are read on a thread, for which virtual time does not wait.


@pytest.fixture(autouse=True)
def no_other_authorities(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trust the system's authorities unless a test says otherwise, whatever this machine's variables name."""
    for variable in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def bundle(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("tls") / "authority.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


def certified(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)
    return context


@pytest.fixture
def tls(authority: trustme.CA) -> ssl.SSLContext:
    return certified(authority, "127.0.0.1")


async def test_a_certificate_of_an_unknown_authority_is_rejected_without_a_retry(
    tls: ssl.SSLContext,
) -> None:
    async with FaultServer(respond(), tls=tls) as server, session_for(server) as session:
        with pytest.raises(ecr.ConnectError, match="certificate") as caught:
            await describe(session.service())
    assert isinstance(caught.value, ecr.CertificateError)
    assert caught.value.attempts == 1
    assert server.requests == []


async def test_its_authority_may_be_given(tls: ssl.SSLContext, bundle: str) -> None:
    async with FaultServer(respond(), tls=tls) as server, session_for(server, ca_bundle=bundle) as session:
        await describe(session.service())
    assert len(server.requests) == 1


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
async def test_or_named_in_the_environment(
    variable: str, tls: ssl.SSLContext, bundle: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, bundle)
    async with FaultServer(respond(), tls=tls) as server, session_for(server) as session:
        await describe(session.service())


async def test_awss_variable_goes_before_the_one_of_requests(
    tls: ssl.SSLContext, bundle: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", bundle)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    async with FaultServer(respond(), tls=tls) as server, session_for(server) as session:
        await describe(session.service())


async def test_an_error_names_the_remedy(tls: ssl.SSLContext) -> None:
    async with FaultServer(respond(), tls=tls) as server, session_for(server) as session:
        with pytest.raises(
            ecr.CertificateError, match="as ca_bundle, in AWS_CA_BUNDLE or in REQUESTS_CA_BUNDLE"
        ):
            await describe(session.service())


async def test_a_certificate_for_another_host_is_rejected(authority: trustme.CA, bundle: str) -> None:
    tls = certified(authority, "ecr.example")
    async with FaultServer(respond(), tls=tls) as server, session_for(server, ca_bundle=bundle) as session:
        with pytest.raises(ecr.CertificateError):
            await describe(session.service())
    assert server.requests == []


async def test_whoever_insists_is_warned(tls: ssl.SSLContext) -> None:
    async with FaultServer(respond(), tls=tls) as server:
        with pytest.warns(UserWarning, match="not verified") as warned:
            async with session_for(server, verify=False) as session:
                await describe(session.service())
        assert warned[0].filename == __file__, "the warning points at the caller"


@pytest.mark.parametrize(
    "content", [b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n"], ids=repr
)
async def test_a_bundle_that_is_none(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bundle.pem"
    path.write_bytes(content)
    async with FaultServer(respond()) as server:
        https = server.url.replace("http:", "https:")
        async with session_for(server, endpoint_url=https, ca_bundle=str(path)) as session:
            with pytest.raises(ecr.ConfigurationError, match=r"ca_bundle .*bundle\.pem"):
                await describe(session.service())
    assert server.connections == 0


async def test_a_bundle_that_nobody_needs_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "bundle.pem"
    path.write_bytes(b"no certificate")
    async with FaultServer(respond()) as server, session_for(server, ca_bundle=str(path)) as session:
        await describe(session.service())


def test_sessions_share_what_they_read_until_it_changes(authority: trustme.CA, tmp_path: Path) -> None:
    path = tmp_path / "bundle.pem"
    authority.cert_pem.write_to_path(path)
    first = context_trusting(str(path))
    assert context_trusting(str(path)) is first
    trustme.CA().cert_pem.write_to_path(path, append=True)
    assert context_trusting(str(path)) is not first
