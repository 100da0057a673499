"""Image references and registry hosts."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_async.errors import ValidationError
from ecr_async.oci import ImageReference, RegistryHost

DIGEST = "sha256:" + "0a" * 32
HOST = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"


def test_a_whole_reference() -> None:
    reference = ImageReference.parse(f"{HOST}/team/app:v1@{DIGEST}")
    assert reference == ImageReference("team/app", "v1", DIGEST, HOST)
    assert (reference.account, reference.region) == ("123456789012", "eu-west-1")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("team/app", ImageReference("team/app")),
        ("team/app:v1", ImageReference("team/app", "v1")),
        (f"team/app@{DIGEST}", ImageReference("team/app", None, DIGEST)),
        ("localhost/app", ImageReference("app", None, None, "localhost")),
        ("127.0.0.1:5000/team/app:v1", ImageReference("team/app", "v1", None, "127.0.0.1:5000")),
        (f"docker://{HOST}/app:v1", ImageReference("app", "v1", None, HOST)),
        (f" https://{HOST}/app \n", ImageReference("app", None, None, HOST)),
    ],
)
def test_parts_that_may_be_missing(text: str, expected: ImageReference) -> None:
    assert ImageReference.parse(text) == expected


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("", "repository"),
        ("Team/App", "repository"),
        ("team//app", "repository"),
        ("../app", "host"),
        (":5000/app", "host"),
        ("-x.example/app", "host"),
        (f"{HOST}/", "repository"),
        ("a", "repository"),
        ("app/" * 80 + "app", "repository"),
        ("team/app:", "tag"),
        ("team/app:-v1", "tag"),
        ("team/app:" + "v" * 129, "tag"),
        ("team/app@", "digest"),
        ("team/app@sha256:12", "digest"),
        ("team/app@md5:" + "0" * 32, "digest"),
        ("team/app@" + DIGEST.upper(), "digest"),
    ],
)
def test_a_malformed_part_is_named(text: str, field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ImageReference.parse(text)
    assert caught.value.path == field


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        (HOST, RegistryHost("123456789012", "eu-west-1")),
        (HOST.upper(), RegistryHost("123456789012", "eu-west-1")),
        (
            "123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com",
            RegistryHost("123456789012", "us-gov-west-1", is_fips=True),
        ),
        ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", RegistryHost("123456789012", "cn-north-1")),
        (
            "123456789012.dkr-ecr.eu-west-1.on.aws",
            RegistryHost("123456789012", "eu-west-1", is_dual_stack=True),
        ),
        (
            "123456789012.dkr.ecr.eu-west-1.localhost:4566",
            RegistryHost("123456789012", "eu-west-1", endpoint_url="http://localhost:4566"),
        ),
        ("public.ecr.aws", None),
        ("docker.io", None),
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.example", None),
        ("evil.example/123456789012.dkr.ecr.eu-west-1.amazonaws.com", None),
        ("12345678901.dkr.ecr.eu-west-1.amazonaws.com", None),
    ],
)
def test_registry_hosts(host: str, expected: RegistryHost | None) -> None:
    assert RegistryHost.parse(host) == expected


PART = st.from_regex(r"[a-z0-9]{2,8}", fullmatch=True)


@given(
    st.lists(PART, min_size=1, max_size=4).map("/".join),
    st.none() | st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True),
    st.none() | st.just(DIGEST),
    st.none() | st.just(HOST) | st.just("localhost:5000"),
)
def test_what_is_written_is_read_again(
    repository: str, tag: str | None, digest: str | None, host: str | None
) -> None:
    reference = ImageReference(repository, tag, digest, host)
    if host is None and repository.startswith("localhost/"):
        return
    assert ImageReference.parse(str(reference)) == reference


@given(st.text())
def test_any_other_text_raises_only_validation_errors(text: str) -> None:
    with contextlib.suppress(ValidationError):
        ImageReference.parse(text)
