"""The User-Agent header is one that AWS's tools can take apart."""

import platform
import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ecr_async
from ecr_async._http.user_agent import user_agent

TOKEN = r"[!$%&'*+\-.^_`|~,0-9A-Za-z]+"
WORD = re.compile(rf"(?P<prefix>{TOKEN})/(?P<name>{TOKEN})(#(?P<value>{TOKEN}))?")


@pytest.fixture(autouse=True)
def forgetful(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("AWS_EXECUTION_ENV", raising=False)
    user_agent.cache_clear()
    yield
    user_agent.cache_clear()


def parsed(header: str) -> list[tuple[str, str, str | None]]:
    """The header's words: prefix, name and value of each."""
    words = [WORD.fullmatch(word) for word in header.split(" ")]
    return [(word["prefix"], word["name"], word["value"]) for word in words if word is not None]


def test_says_who_calls_from_where_and_how(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EXECUTION_ENV", "AWS_ECS_FARGATE")
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "release", lambda: "6.8.0-45-generic")
    assert parsed(user_agent("adaptive", "nightly-scan")) == [
        ("ecr-async", ecr_async.__version__, None),
        ("ua", "2.1", None),
        ("os", "linux", "6.8.0-45-generic"),
        ("lang", "python", platform.python_version()),
        ("exec-env", "AWS_ECS_FARGATE", None),
        ("cfg", "retry-mode", "adaptive"),
        ("app", "nightly-scan", None),
    ]


def test_leaves_out_what_is_not_known() -> None:
    prefixes = [prefix for prefix, _, _ in parsed(user_agent("standard", None))]
    assert prefixes == ["ecr-async", "ua", "os", "lang", "cfg"]


@pytest.mark.parametrize(
    ("system", "name"),
    [("Linux", "linux"), ("Darwin", "macos"), ("Windows", "windows"), ("FreeBSD", "other"), ("", "other")],
)
def test_has_the_names_of_systems_that_the_sdks_share(
    system: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)
    assert f" os/{name}#" in user_agent("standard", None)


def test_a_version_that_names_its_build_stays_one_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "release", lambda: "6.1 (custom #3)")
    assert ("os", "linux", "6.1--custom--3-") in parsed(user_agent("standard", None))


def test_a_system_without_a_version_still_has_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "")
    monkeypatch.setattr(platform, "release", lambda: "")
    assert ("os", "other", "-") in parsed(user_agent("standard", None))


@given(app_id=st.text(min_size=1))
def test_an_application_id_never_breaks_the_header(app_id: str) -> None:
    header = user_agent("standard", app_id)
    assert len(parsed(header)) == len(header.split(" "))
    assert header.isascii()
    assert parsed(header)[-1][0] == "app"
