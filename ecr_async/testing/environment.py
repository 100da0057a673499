"""The environment variables of AWS's tools, set so that they see an embedded ECR and nothing else."""

import os
from collections.abc import Mapping

import pytest

__all__ = ["isolate"]

REMOVED = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
)
"""Variables that could point to another server."""

EMPTY = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}
"""Variables that keep out the user's files and the machine's own role."""


def isolate(monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, str]) -> None:
    """Set these variables, and none of the user's beside them that could lead to an account."""
    for name in REMOVED:
        monkeypatch.delenv(name, raising=False)
    for name, value in {**EMPTY, **variables}.items():
        monkeypatch.setenv(name, value)
