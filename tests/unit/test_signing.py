"""A signer on its own: which headers it makes, and what of the credentials shows."""

from hashlib import sha256

import pytest

from ecr_async._auth.credentials import Credentials
from ecr_async._auth.signing import Signer, signing_key

TARGET = "AmazonEC2ContainerRegistry_V20150921.ListImages"
BODY = sha256(b"{}").hexdigest()
NOON = 1_600_000_000.0  # 2020-09-13T12:26:40Z
HELD = Credentials("AKIDEXAMPLE", "secret")


def signed(signer: Signer, held: Credentials = HELD, now: float = NOON, body: str = BODY) -> str:
    return signer.sign(TARGET, body, held, now)["Authorization"]


def test_the_headers_of_long_lived_credentials() -> None:
    headers = Signer("ecr.test", "/", "eu-west-1").sign(TARGET, BODY, HELD, NOON)
    authorization, _, signature = headers.pop("Authorization").rpartition("=")
    assert headers == {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Date": "20200913T122640Z",
        "X-Amz-Target": TARGET,
    }
    assert authorization == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20200913/eu-west-1/ecr/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature"
    )
    assert len(bytes.fromhex(signature)) == 32


def test_a_session_token_is_sent_and_signed() -> None:
    held = Credentials("ASIAEXAMPLE", "secret", "the token")
    headers = Signer("ecr.test", "/", "eu-west-1").sign(TARGET, BODY, held, NOON)
    assert headers["X-Amz-Security-Token"] == "the token"
    assert "x-amz-date;x-amz-security-token;x-amz-target," in headers["Authorization"]


def test_an_empty_session_token_is_none() -> None:
    held = Credentials("AKIDEXAMPLE", "secret", "")
    signer = Signer("ecr.test", "/", "eu-west-1")
    assert signer.sign(TARGET, BODY, held, NOON) == signer.sign(TARGET, BODY, HELD, NOON)


@pytest.mark.parametrize(
    "other",
    [
        Signer("other.test", "/", "eu-west-1"),
        Signer("ecr.test:8000", "/", "eu-west-1"),
        Signer("ecr.test", "/ecr", "eu-west-1"),
        Signer("ecr.test", "/", "eu-west-2"),
        Signer("ecr.test", "/", "eu-west-1", "ecr-public"),
    ],
)
def test_a_signature_is_good_for_one_endpoint(other: Signer) -> None:
    assert signed(other) != signed(Signer("ecr.test", "/", "eu-west-1"))


def test_a_signature_is_good_for_one_body_second_and_secret() -> None:
    signer = Signer("ecr.test", "/", "eu-west-1")
    signatures = {
        signed(signer),
        signed(signer, body=sha256(b"{ }").hexdigest()),
        signed(signer, now=NOON + 1),
        signed(signer, Credentials("AKIDEXAMPLE", "other")),
    }
    assert len(signatures) == 4


def test_a_fraction_of_a_second_is_dropped() -> None:
    signer = Signer("ecr.test", "/", "eu-west-1")
    assert signed(signer, now=NOON + 0.999) == signed(signer)


def test_the_day_changes_at_midnight_in_utc() -> None:
    signer = Signer("ecr.test", "/", "eu-west-1")
    midnight = NOON // 86400 * 86400
    assert "/20200912/" in signed(signer, now=midnight - 1)
    assert "/20200913/" in signed(signer, now=midnight)
    assert "/20200912/" in signed(signer, now=midnight - 1)


@pytest.mark.parametrize("path", ["", "/", "//", "/.", "/a/..", "/.."])
def test_many_paths_are_the_root(path: str) -> None:
    assert signed(Signer("ecr.test", path, "eu-west-1")) == signed(Signer("ecr.test", "/", "eu-west-1"))


def test_a_key_is_derived_once_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    derived: list[str] = []

    def derive(secret_key: str, day: str, region: str, name: str) -> bytes:
        derived.append(f"{day}/{region}/{name}")
        return signing_key(secret_key, day, region, name)

    monkeypatch.setattr("ecr_async._auth.signing.signing_key", derive)
    signer = Signer("ecr.test", "/", "eu-west-1")
    for hour in range(24):
        signed(signer, now=NOON + hour * 3600)
    assert derived == ["20200913/eu-west-1/ecr", "20200914/eu-west-1/ecr"]


def test_no_signer_shows_a_secret() -> None:
    signer = Signer("ecr.test", "/", "eu-west-1")
    signed(signer, Credentials("AKIDEXAMPLE", "5ec7e7"))
    assert "5ec7e7" not in repr(signer)
