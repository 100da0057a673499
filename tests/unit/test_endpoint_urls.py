"""What an `endpoint_url` may be: the URL is kept or rejected in one sentence, which never repeats it."""

import pytest

from ecr_async import ConfigurationError
from ecr_async._config.endpoints import check_url

NOT_A_URL = "is not a URL: it holds white space or a control character"
MALFORMED = "is not a URL: its host or port is malformed"
HAS_A_PASSWORD = "holds a user name or password, which ECR does not take"
OTHER_FORM = "is not of the form https://host or http://host:port"
NO_HOST = "has no host name: its parts, between the dots, have 1 to 63 characters"
HAS_A_QUERY = "has a query or a fragment, which calls could not keep"


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("https://ho st", NOT_A_URL),
        ("https://host\n", NOT_A_URL),
        ("https://host:port", MALFORMED),
        ("https://host:70000", MALFORMED),
        ("https://[host", MALFORMED),
        ("user:CANARY@host", HAS_A_PASSWORD),
        ("https:/user:CANARY@host", HAS_A_PASSWORD),
        ("https://user:CANARY@host", HAS_A_PASSWORD),
        ("ftp://user:CANARY@host", HAS_A_PASSWORD),
        ("CANARY", OTHER_FORM),
        ("ftp://host", OTHER_FORM),
        ("https:/host", OTHER_FORM),
        ("https://", OTHER_FORM),
        ("https://host:0", OTHER_FORM),
        (f"https://{'CANARY' * 11}", NO_HOST),
        ("https://host..example", NO_HOST),
        ("https://host?token=CANARY", HAS_A_QUERY),
        ("https://host#CANARY", HAS_A_QUERY),
    ],
)
def test_an_endpoint_that_cannot_be_is_rejected_without_being_repeated(url: str, fault: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_url(url)
    assert str(caught.value) == f"endpoint_url {fault}"
    assert "CANARY" not in repr(caught.value.__cause__) + repr(caught.value.__context__)


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("http://localhost:4566", "http://localhost:4566"),
        ("https://host/", "https://host"),
        ("https://host/a/path/", "https://host/a/path"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("https://bücher.example", "https://bücher.example"),
    ],
)
def test_an_endpoint_loses_its_trailing_slash_alone(url: str, kept: str) -> None:
    assert check_url(url) == kept
