"""Our signatures are botocore's, for whatever request; and AWS's own examples come out as published."""

import time
from hashlib import sha256
from typing import Any

import pytest
from botocore import auth, awsrequest, credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from ecr_async._auth.credentials import Credentials
from ecr_async._auth.signing import CONTENT_TYPE, Signer, signature, signing_key

TARGET = "AmazonEC2ContainerRegistry_V20150921.DescribeImages"

words = st.text("abcxyz019-", min_size=1, max_size=12)
keys = st.text(st.characters(codec="utf-8"), max_size=40).map(str.strip).filter(str.isprintable).filter(bool)
printable = st.characters(codec="utf-8", exclude_categories=["C"])
tokens = st.text(printable, max_size=40).map(str.strip).filter(str.isprintable).filter(bool)
held_credentials = st.builds(Credentials, words, keys, st.none() | tokens)
moments = st.integers(0, 2**33) | st.floats(0, 2**33)
domains = st.sampled_from(["localhost", "127.0.0.1", "[::1]", "api.ecr.eu-west-1.amazonaws.com"])
hosts = domains | st.builds("{}:{}".format, domains, st.integers(1024, 65535))
segments = ["ecr", "a b", "\u00fc", "%20", "%2F", "~", "*", "+", "=", "@", "..", ".", ""]
paths = st.lists(st.sampled_from(segments), max_size=4).map(lambda drawn: "/".join(["", *drawn]))


def by_botocore(
    host: str, path: str, region: str, name: str, target: str, body: bytes, held: Credentials, now: float
) -> dict[str, str]:
    """The headers that botocore adds to the same request at the same time."""
    request: Any = awsrequest.AWSRequest(
        "POST", f"http://{host}{path}", {"Content-Type": CONTENT_TYPE, "X-Amz-Target": target}, body
    )
    request.context["timestamp"] = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    signer = auth.SigV4Auth(
        credentials.Credentials(held.access_key_id, held.secret_access_key, held.session_token), name, region
    )
    # These three steps are what `add_auth` does, but for the time, which it takes from the machine's clock.
    signer._modify_request_before_signing(request)
    to_sign = signer.string_to_sign(request, signer.canonical_request(request))
    signer._inject_signature_to_request(request, signer.signature(to_sign, request))
    return dict(request.headers)


@settings(max_examples=2000)
@given(hosts, paths, words, words, words, st.binary(max_size=40), held_credentials, moments)
def test_every_header_is_botocores(
    host: str, path: str, region: str, name: str, target: str, body: bytes, held: Credentials, now: float
) -> None:
    signer = Signer(host, path, region, name)
    ours = signer.sign(target, sha256(body).hexdigest(), held, now)
    assert ours == by_botocore(host, path, region, name, target, body, held, now)


@settings(max_examples=300)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([0, 86399, 86399.999, 86400, 172800]),
            st.sampled_from(["secret", "other"]),
            st.sampled_from([None, "", "token", "tok  en"]),
        ),
        min_size=2,
        max_size=6,
    )
)
def test_a_signer_remembers_nothing_that_it_should_not(calls: list[tuple[float, str, str | None]]) -> None:
    """One signer over many days and credentials signs as a new one would."""
    signer = Signer("ecr.test", "/", "eu-west-1")
    for now, secret, token in calls:
        held = Credentials("AKIDEXAMPLE", secret, token)
        ours = signer.sign(TARGET, sha256(b"{}").hexdigest(), held, now)
        assert ours == by_botocore("ecr.test", "/", "eu-west-1", "ecr", TARGET, b"{}", held, now)


def test_the_derived_key_of_awss_documentation() -> None:
    """The example of "Deriving the signing key", which AWS has published in its documentation for years."""
    key = signing_key("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20150830", "us-east-1", "iam")
    assert key.hex() == "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"


SUITE_KEY = signing_key("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20150830", "us-east-1", "service")
EMPTY = sha256(b"").hexdigest()
FORM = "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e"
STS = (
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8Y"
    "UuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE"
    "8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2"
    "ICCR/oLxBA=="
)


@pytest.mark.parametrize(
    ("headers", "body", "published"),
    [
        pytest.param(
            {"host": "example.amazonaws.com", "x-amz-date": "20150830T123600Z"},
            EMPTY,
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
            id="post-vanilla",
        ),
        pytest.param(
            {
                "host": "example.amazonaws.com",
                "my-header1": "VALUE1",
                "x-amz-date": "20150830T123600Z",
            },
            EMPTY,
            "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d",
            id="post-header-value-case",
        ),
        pytest.param(
            {
                "content-type": "application/x-www-form-urlencoded",
                "host": "example.amazonaws.com",
                "x-amz-date": "20150830T123600Z",
            },
            FORM,
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            id="post-x-www-form-urlencoded",
        ),
        pytest.param(
            {
                "host": "example.amazonaws.com",
                "x-amz-date": "20150830T123600Z",
                "x-amz-security-token": STS,
            },
            EMPTY,
            "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
            id="post-sts-header-before",
        ),
    ],
)
def test_awss_signature_test_suite(headers: dict[str, str], body: str, published: str) -> None:
    """The POST requests of AWS's published "Signature Version 4 test suite"."""
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    canonical = f"POST\n/\n\n{lines}\n{';'.join(headers)}\n{body}"
    scope = "20150830/us-east-1/service/aws4_request"
    assert signature(SUITE_KEY, "20150830T123600Z", scope, canonical) == published
