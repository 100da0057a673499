"""Which profile or role a registry is logged in to with: the file `registries.toml`.

    [[registry]]
    match = "123456789012.dkr.ecr.*.amazonaws.com"
    profile = "production"

    [[registry]]
    match = "*.dkr.ecr.*.localhost:4566"
    access_key_id = "AKIALOCALECR00000000"
    secret_access_key = "local-ecr-secret-key"

The first that matches counts. Without a match, or a file, credentials come from where the AWS SDKs look for
them.
"""

import fnmatch
import os
from pathlib import Path
from typing import Any

import msgspec

from ecr_async.errors import ConfigurationError

__all__ = ["Mapping", "mapping_file", "read_mapping"]


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One registry's, or those of a pattern."""

    match: str
    """The host, or a pattern of hosts (`*`, `?`, `[…]`)."""
    profile: str | None = None
    """A profile of the shared config files; it may assume a role."""
    role_arn: str | None = None
    """A role to assume, with the profile's credentials or the default ones."""
    access_key_id: str | None = None
    secret_access_key: str | None = None
    endpoint_url: str | None = None
    """Where the API is, if not at the region's own endpoint."""

    def __repr__(self) -> str:
        return f"Mapping(match={self.match!r})"  # without the keys

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("match", self.match)]


class _File(msgspec.Struct, forbid_unknown_fields=True):
    registry: list[Mapping] = []


def mapping_file() -> Path:
    """Return the file: `$ECR_ASYNC_REGISTRIES`, or `ecr-async/registries.toml` where
    configuration is kept.
    """
    named = os.environ.get("ECR_ASYNC_REGISTRIES")
    if named:
        return Path(named)
    home = os.environ.get("XDG_CONFIG_HOME")
    return (Path(home) if home else Path.home() / ".config") / "ecr-async" / "registries.toml"


def read_mapping(path: Path, host: str) -> Mapping:
    """Return what the file says of a host. Raises `ConfigurationError` for a file that is malformed."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return Mapping(host)
    try:
        registries = msgspec.toml.decode(content, type=_File).registry
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        reason = type(error).__name__ if b"secret_access_key" in content else error
        raise ConfigurationError(f"{path}: {reason}") from None
    return next((each for each in registries if fnmatch.fnmatchcase(host, each.match.lower())), Mapping(host))
