"""Going through botocore's provider chain, in a thread."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs

from ecr_async._auth.botocore_credentials import read
from ecr_async._auth.botocore_session import new_botocore_session
from ecr_async._auth.chain_failures import Failure, nothing_found
from ecr_async._auth.credentials import Credentials
from ecr_async.errors import CredentialsError

__all__ = ["walk"]

_logger = logging.getLogger("ecr_async")


def walk(
    profile: str | None, region: str | None, ca_bundle: str | None, popen: Callable[..., Any]
) -> Credentials:
    """Return what the first of the chain's providers that has any credentials supplies.

    `popen` starts a credential process. Raises `CredentialsError`.
    """
    method = ""
    name = profile or "default"
    session: Any = None
    try:
        session = new_botocore_session(profile, region, ca_bundle)
        name = session.get_config_variable("profile") or "default"
        for provider in session.get_component("credential_provider").providers:
            method = provider.METHOD
            found = _prepared(provider, session, name, popen).load()
            if found is not None:
                credentials = read(found)
                if method == "env":
                    _check_not_expired(credentials.expires_at)
                _logger.debug("AWS credentials found by %s", method)
                return credentials
    except Exception as error:
        failure = Failure(method, name, error).text(session)
    else:
        failure = nothing_found(profile, session)
    # Out of the handler, so that botocore's error, which may hold a secret, is not chained.
    raise CredentialsError(failure)


def _check_not_expired(expires_at: datetime | None) -> None:
    """Nothing renews what is in the environment, so that there is nothing to wait for."""
    if expires_at is not None and expires_at <= datetime.now(UTC):
        whole = expires_at + timedelta(seconds=1)  # it is known but for a fraction of a second, rounded down
        raise CredentialsError(
            f"they expired at {whole:%Y-%m-%d %H:%M} UTC (AWS_CREDENTIAL_EXPIRATION): set new ones, or "
            "this machine's clock, if that is off"
        )


def _prepared(provider: Any, session: Any, profile: str, popen: Callable[..., Any]) -> Any:
    """Return the provider, or one in its place that prompts for nothing.

    Raises `CredentialsError` if it would have to.
    """
    if provider.METHOD == "assume-role":
        _check_needs_no_mfa(_roles(session), profile)
    if provider.METHOD == "custom-process":
        return type(provider)(profile_name=profile, load_config=lambda: session.full_config, popen=popen)
    return provider


def _roles(session: Any) -> dict[str, _Role]:
    """The profiles that botocore assumes a role for."""
    return {
        name: _Role(profile.get("source_profile"), "mfa_serial" in profile, "aws_access_key_id" in profile)
        for name, profile in session.full_config.get("profiles", {}).items()
        if "role_arn" in profile and "web_identity_token_file" not in profile
    }


@attrs.frozen
class _Role:
    source_profile: str | None
    needs_mfa: bool
    has_keys: bool


def _check_needs_no_mfa(roles: dict[str, _Role], name: str | None) -> None:
    """Go from profile to source profile as botocore does when it assumes a role."""
    visited: set[str] = set()
    while name in roles and name not in visited:
        role = roles[name]
        if visited and role.has_keys:
            return
        if role.needs_mfa:
            raise CredentialsError(
                f"profile {name!r} needs an MFA code (mfa_serial), and a library prompts for none: supply "
                "temporary credentials, from `aws sts assume-role --token-code …` for instance, or a "
                "credential_process that does without"
            )
        visited.add(name)
        name = role.source_profile
