"""Whose login it is, in a form that stays the same from one run to the next.

Access keys of an assumed role change with every process, so a cache that is keyed by them never has what is
looked for (https://github.com/awslabs/amazon-ecr-credential-helper/issues/269). What leads to the role stays:
the profile's settings, or the environment's.
"""

import hashlib
import os
from importlib import import_module
from typing import Any, cast

import msgspec

from ecr_async.transfer.login.credential_helper.mapping import Mapping

__all__ = ["identity_of"]

_VARIABLES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
)
_SETTINGS = (
    "role_arn",
    "role_session_name",
    "source_profile",
    "credential_source",
    "credential_process",
    "web_identity_token_file",
    "sso_session",
    "sso_start_url",
    "sso_account_id",
    "sso_role_name",
    "aws_access_key_id",
    "login_session",
)
"""What decides whom a profile stands for. None of it is a secret."""

MAX_CHAIN = 10
"""Profiles that build upon one another; a circle ends there."""


def identity_of(mapping: Mapping) -> str:
    """Return a name for the identity that logs in, as a hash. Reads the shared config files."""
    profile = mapping.profile or os.environ.get("AWS_PROFILE") or os.environ.get("AWS_DEFAULT_PROFILE")
    if mapping.access_key_id:
        parts: Any = {"key": mapping.access_key_id}
    else:
        parts = {
            "profile": profile or "default",
            "settings": _settings(profile or "default"),
            "environment": {} if mapping.profile else {name: os.environ.get(name) for name in _VARIABLES},
        }
    parts = {"role": mapping.role_arn, **parts}
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()


def _settings(profile: str) -> list[dict[str, Any]]:
    """Return the settings of a profile and of those that it builds upon."""
    config: dict[str, Any] = import_module("botocore.session").Session().full_config
    profiles = cast("dict[str, dict[str, Any]]", config.get("profiles", {}))
    chain: list[dict[str, Any]] = []
    while profile in profiles and len(chain) < MAX_CHAIN:
        settings = profiles[profile]
        chain.append({key: value for key, value in settings.items() if key in _SETTINGS})
        profile = str(settings.get("source_profile", ""))
    return chain
