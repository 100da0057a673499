"""Credentials from botocore's provider chain, resolved off the event loop.

botocore's own loggers, at DEBUG, print what services send it, credentials included: that level is not
for production there. This package's logger, `ecr_async`, never sees a secret.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from typing import Any

import attrs

from ecr_async._auth.botocore_credentials import read
from ecr_async._auth.chain_failures import Failure, nothing_found
from ecr_async._auth.child_processes import ChildProcesses
from ecr_async._auth.credentials import Credentials, CredentialsProvider
from ecr_async._auth.daemon_thread import run_in_daemon_thread
from ecr_async._config.botocore_data import data_loader
from ecr_async._secret import hide
from ecr_async.errors import CredentialsError

__all__ = ["botocore_chain", "new_botocore_session"]

_logger = logging.getLogger("ecr_async")

CONNECT_TIMEOUT = 5
READ_TIMEOUT = 15
"""Seconds for a service that credentials come from, STS for instance: to connect, and to respond."""


def botocore_chain(
    profile: str | None = None, region: str | None = None, *, ca_bundle: str | None = None
) -> CredentialsProvider:
    """Return a provider of what botocore's chain finds: environment, shared files, roles, SSO, metadata, ….

    `profile` is the profile that the caller named explicitly: as in boto3, it makes the chain skip
    credentials in the environment, which a profile from `AWS_PROFILE` doesn't. `region` and `ca_bundle` are
    for the calls that the chain itself makes, to STS for instance; its further settings it takes from the
    environment and the shared files.

    Each call walks the chain anew, in a thread, so it sees the files as they are at that time, and this
    library reports a renewal that fails. Credentials that are plainly in the environment need no chain, and
    no botocore. Nothing is ever prompted for: a profile that needs an MFA code is an error, and a
    credential process has an empty standard input. Cancelling the provider kills such a process, and
    abandons the thread, which doesn't keep the program from ending.

    The thread leaves the event loop free, but for two things, which happen once a process at most. botocore
    imports awscrt where that is installed, and its native library stops all threads for some 40 ms while
    it is loaded; and where botocore is installed without bytecode, compiling one of its larger modules
    takes some 30 ms. A service that would feel that can import `awscrt.crypto` and `botocore.session`
    before its loop starts.

    Raises `CredentialsError`, which says which source failed, why, and what to do; what a source said is
    repeated only where it cannot hold a secret.

    See https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
    """

    async def provide() -> Credentials:
        if profile is None and (found := _in_environment()) is not None:
            return found
        processes = ChildProcesses()
        try:
            return await run_in_daemon_thread(partial(_walk, profile, region, ca_bundle, processes.start))
        finally:
            processes.kill()

    return provide


def new_botocore_session(
    profile: str | None, region: str | None, ca_bundle: str | None, *, trust_env: bool = True
) -> Any:
    """Return a botocore session that shares our copy of botocore's data, and whose calls are bounded.

    Without `trust_env` it reads no variable and no file of its own accord.
    """
    session = import_module("botocore.session").Session(profile=profile)
    if not trust_env:
        constant = import_module("botocore.configprovider").ConstantProvider
        settings = session.get_component("config_store")
        for name, (_, _, default, _) in session.session_var_map.items():
            settings.set_config_provider(name, constant(None if name.endswith("_file") else default))
    for name, value in (("region", region), ("ca_bundle", ca_bundle)):
        if value is not None:
            session.set_config_variable(name, value)
    session.register_component("data_loader", data_loader(session.get_config_variable("data_path")))
    timeouts = import_module("botocore.config").Config(
        connect_timeout=CONNECT_TIMEOUT, read_timeout=READ_TIMEOUT
    )
    session.set_default_client_config(timeouts)
    return session


def _in_environment() -> Credentials | None:
    """What the chain's first provider would find, where it's complete and doesn't expire."""
    # Read from os.environ each time: as a local variable, a traceback could show all that it holds.
    if (
        not os.environ.get("AWS_ACCESS_KEY_ID")
        or not os.environ.get("AWS_SECRET_ACCESS_KEY")
        or os.environ.get("AWS_CREDENTIAL_EXPIRATION")
    ):
        return None
    try:
        return Credentials(
            os.environ["AWS_ACCESS_KEY_ID"],
            hide(os.environ["AWS_SECRET_ACCESS_KEY"]),
            hide(os.environ.get("AWS_SECURITY_TOKEN") or os.environ.get("AWS_SESSION_TOKEN")),
        )
    except CredentialsError as error:
        raise CredentialsError(
            f"the credentials in the environment (AWS_ACCESS_KEY_ID, …): {error}"
        ) from None


def _walk(
    profile: str | None, region: str | None, ca_bundle: str | None, popen: Callable[..., Any]
) -> Credentials:
    """Go through the chain's providers, and return what the first one that has any supplies."""
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
        raise CredentialsError(
            f"they expired at {expires_at:%Y-%m-%d %H:%M} UTC (AWS_CREDENTIAL_EXPIRATION): set new ones, or "
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
