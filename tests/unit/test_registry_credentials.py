"""The login for a registry, and the host that clients know the registry by."""

from datetime import UTC, datetime

import pytest

import ecr_async as ecr


@pytest.mark.parametrize(
    ("endpoint", "host"),
    [
        (
            "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        ),
        ("http://localhost:4566", "localhost:4566"),
        ("https://localhost:4566", "localhost:4566"),
    ],
)
def test_the_host_is_written_as_in_the_names_of_images(endpoint: str, host: str) -> None:
    login = ecr.RegistryCredentials("AWS", "password", endpoint, datetime(2030, 1, 1, tzinfo=UTC))
    assert login.host == host
