"""The environment and the shared files, broken or hostile: what breaks nothing, and what an error may say."""

import logging
import os
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ecr_async as ecr
from ecr_async._config import settings
from ecr_async.local import LocalECR

HOSTILE = {
    "a profile that is not there": {"AWS_PROFILE": "nobody"},
    "another variable for it": {"AWS_DEFAULT_PROFILE": "nobody"},
    "a config file that is broken": {"AWS_CONFIG_FILE": "broken"},
    "a credentials file that is broken": {"AWS_SHARED_CREDENTIALS_FILE": "broken"},
    "a config file that is a folder": {"AWS_CONFIG_FILE": "/"},
    "a proxy": {"HTTP_PROXY": "http://127.0.0.1:1", "NO_PROXY": "localhost"},
    "a proxy for all": {"ALL_PROXY": "http://127.0.0.1:1"},
    "FIPS": {"AWS_USE_FIPS_ENDPOINT": "true"},
    "FIPS, misspelt": {"AWS_USE_FIPS_ENDPOINT": "yes"},
    "dual-stack": {"AWS_USE_DUALSTACK_ENDPOINT": "true"},
    "certificates that are not there": {"AWS_CA_BUNDLE": "/nowhere.pem"},
    "the same for requests": {"REQUESTS_CA_BUNDLE": "/nowhere.pem"},
    "no attempt": {"AWS_MAX_ATTEMPTS": "0"},
    "no retry mode": {"AWS_RETRY_MODE": "foo"},
    "another endpoint": {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ENDPOINT_URL_ECR": "nonsense"},
    "other credentials": {"AWS_ACCESS_KEY_ID": "OTHER", "AWS_SECRET_ACCESS_KEY": "\n", "AWS_REGION": "a\nb"},
}


@pytest.fixture
def hostile(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken").write_text("aws_secret_access_key = CANARY\n")
    for name, value in HOSTILE[request.param].items():
        monkeypatch.setenv(name, str(tmp_path / "broken") if value == "broken" else value)


@pytest.mark.usefixtures("hostile")
@pytest.mark.parametrize("hostile", HOSTILE, indirect=True)
class TestHostile:
    async def test_the_embedded_ecrs_own_sessions_see_nothing_of_it(self) -> None:
        async with LocalECR() as local, local.session() as session:
            await ecr.describe_repositories(session.service(), ecr.DescribeRepositoriesRequest())
            assert session.config == settings.Config(
                region="us-east-1", endpoint_url=local.endpoint_url, trust_env=False
            )

    async def test_it_does_not_break_what_is_said_explicitly(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with (
            LocalECR() as local,
            ecr.Session(
                access_key_id=local.access_key_id,
                secret_access_key=local.secret_access_key,
                region="eu-west-1",
                endpoint_url=local.endpoint_url,
            ) as session,
        ):
            service = session.service()
            assert (service.region, service.endpoint_url) == ("eu-west-1", local.endpoint_url)
            await ecr.describe_repositories(service, ecr.DescribeRepositoriesRequest())
        assert "CANARY" not in caplog.text


async def test_a_profile_of_the_environment_is_not_needed_by_explicit_keys_and_a_region(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """boto3 raises ProfileNotFound here: https://github.com/boto/boto3/issues/4121"""
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    async with ecr.Session(access_key_id="K", secret_access_key="s", region="eu-west-1") as session:
        assert session.service().region == "eu-west-1"
    assert "profile 'nobody' is neither in" in caplog.text
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"profile": "nobody", "access_key_id": "K", "secret_access_key": "s", "region": "eu-west-1"},
        {"access_key_id": "K", "secret_access_key": "s"},
        {"region": "eu-west-1"},
    ],
)
async def test_one_that_is_needed_is_an_error(
    arguments: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(ecr.ConfigurationError, match="'nobody' is neither"):
        await ecr.Session(**arguments).__aenter__()  # type: ignore[arg-type]


async def test_an_endpoint_chosen_for_one_service_is_not_made_another_by_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "true")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    async with (
        LocalECR() as local,
        ecr.Session(access_key_id=local.access_key_id, secret_access_key=local.secret_access_key) as session,
    ):
        service = session.service(endpoint_url=local.endpoint_url)
        await ecr.describe_repositories(service, ecr.DescribeRepositoriesRequest())


@pytest.mark.parametrize(
    "arguments", [{}, {"profile": "prod", "access_key_id": "K", "secret_access_key": "s"}]
)
def test_without_the_environment_credentials_must_be_given(arguments: dict[str, Any]) -> None:
    with pytest.raises(
        ecr.ConfigurationError, match="trust_env=False reads no profile, and needs credentials"
    ):
        ecr.Session(trust_env=False, **arguments)


# ------------------------------------------------------------------ what an error may say

CANARY = "CANARYcanary+secret/key"
KEYS = [
    "region",
    "endpoint_url",
    "use_fips_endpoint",
    "use_dualstack_endpoint",
    "ca_bundle",
    "retry_mode",
    "max_attempts",
    "sdk_ua_app_id",
    "ignore_configured_endpoint_urls",
    "services",
]
VARIABLES = [
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_ECR",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "AWS_RETRY_MODE",
    "AWS_MAX_ATTEMPTS",
    "AWS_SDK_UA_APP_ID",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
]
FIRST_LINES = ["", "eu-west-1", "true", "3", "standard", "https://ecr.example", "/", "nonsense", "a b"]
CONTINUED = [f"{{first}}\n  aws_secret_access_key = {CANARY}", f"{{first}}\n  {CANARY}"]
URLS = [
    f"user:{CANARY}@host",
    f"https:/user:{CANARY}@host",
    f"https://user:{CANARY}@host",
    f"https://host?X-Amz-Security-Token={CANARY}",
    f"https://host#{CANARY}",
    f"https://{CANARY}@[host",
    f"https://host:{CANARY}",
    f"ftp://user:{CANARY}@host",
    f"//user:{CANARY}@host",
    f"https://user:{CANARY}@host\n",
]


def disclosed(attempt: Callable[[], object]) -> Iterator[str]:
    """What a failure discloses, in its message, its chain and the local variables on its way through
    the package.
    """
    try:
        attempt()
    except ecr.ECRError as error:
        yield from (str(error), repr(error), repr(error.__cause__), repr(error.__context__))
        for frame in traceback.TracebackException.from_exception(error, capture_locals=True).stack:
            if f"{os.sep}ecr_async{os.sep}" in frame.filename:
                yield str(frame.locals)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("aws")


@given(st.sampled_from(KEYS), st.sampled_from(FIRST_LINES), st.sampled_from(CONTINUED))
def test_nothing_of_a_file_is_repeated_beyond_a_values_first_line(
    folder: Path, key: str, first: str, value: str
) -> None:
    config = folder / "config"
    config.write_text(f"[default]\n{key} = {value.format(first=first)}\n")
    environ = {"AWS_CONFIG_FILE": str(config), "AWS_SHARED_CREDENTIALS_FILE": str(folder / "none")}
    assert CANARY not in "".join(disclosed(lambda: settings.load(environ=environ)))


@given(st.sampled_from(VARIABLES), st.sampled_from(FIRST_LINES), st.sampled_from(CONTINUED))
def test_nor_anything_of_the_environment(variable: str, first: str, value: str) -> None:
    environ = {"AWS_CONFIG_FILE": "/none", "AWS_SHARED_CREDENTIALS_FILE": "/none"}
    environ |= {variable: value.format(first=first), "AWS_SECRET_ACCESS_KEY": CANARY}
    assert CANARY not in "".join(disclosed(lambda: settings.load(environ=environ)))


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize(
    "source", ["argument", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_ECR", "sts_endpoint_url"]
)
async def test_nothing_of_an_endpoint_is_repeated(
    source: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments: dict[str, Any] = {"region": "eu-west-1"}
    if source.startswith("AWS"):
        monkeypatch.setenv(source, url)
    else:
        arguments["endpoint_url" if source == "argument" else source] = url
    with pytest.raises(ecr.ConfigurationError, match=r"endpoint_url|AWS_ENDPOINT_URL") as caught:
        await ecr.Session(**arguments).__aenter__()

    def again() -> None:
        raise caught.value

    assert CANARY not in "".join(disclosed(again))


@pytest.mark.parametrize("url", URLS)
async def test_nor_of_a_services_own(url: str) -> None:
    async with ecr.Session(access_key_id="K", secret_access_key="s", region="eu-west-1") as session:
        with pytest.raises(ecr.ConfigurationError, match=r"^endpoint_url") as caught:
            session.service(endpoint_url=url)
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"[a]\n[b]\n[a]\n", "line 3 repeats a section that is there already"),
        (b"[a]\nregion = x\nregion = CANARY\n", "line 3 repeats a key of its section"),
        (b"\xef\xbb\xbf[a]\nregion = CANARY\n", "begins with a byte order mark"),
        ("[a]\nregion = CANARY\n".encode("utf-16"), "is in UTF-16"),
        (b"[a]\nregion = x\nCANARY\n", "line 3 is not of the form key = value"),
        (b"aws_secret_access_key = CANARY\n", "line 1 stands before the first"),
        (b"[a]\nregion = \xe9CANARY\n", "line 2 is not in UTF-8"),
        (b"[a]\ns3 =\n  CANARY\n", "an indented line is not of the form key = value"),
    ],
)
@pytest.mark.parametrize("variable", ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"])
def test_a_broken_file_is_reported_by_name_line_and_reason(
    variable: str, content: bytes, fault: str, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    environ = {"AWS_CONFIG_FILE": "/none", "AWS_SHARED_CREDENTIALS_FILE": "/none", variable: str(path)}
    with pytest.raises(ecr.ConfigurationError) as caught:
        settings.load(environ=environ)
    assert str(caught.value).startswith(f"{path} cannot be parsed: ")
    assert fault in str(caught.value)
    assert "CANARY" not in "".join(disclosed(lambda: settings.load(environ=environ)))
