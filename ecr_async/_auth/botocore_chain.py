"""Credentials from botocore's provider chain, resolved off the event loop.

botocore's own loggers, at DEBUG, print what services answer it, credentials included: that level is not
for production there. This package's logger, `ecr_async`, never sees a secret.
"""

from __future__ import annotations

import asyncio
import bisect
import logging
import os
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

from ecr_async._auth.credentials import Credentials, CredentialsProvider
from ecr_async._config.botocore_data import data_loader
from ecr_async.errors import CredentialsError

__all__ = ["botocore_chain"]

_logger = logging.getLogger("ecr_async")


def botocore_chain(
    profile: str | None = None, region: str | None = None, *, ca_bundle: str | None = None
) -> CredentialsProvider:
    """A provider of what botocore's chain finds: environment, shared files, roles, SSO, metadata, ….

    `profile` is the profile that the caller asked for by argument: as in boto3, it makes the chain pass
    over credentials in the environment, which a profile from `AWS_PROFILE` doesn't. `region` and
    `ca_bundle` are for the calls that the chain itself makes, to STS for instance; its further settings
    it takes from the environment and the shared files.

    Each time it is asked the chain is walked anew, in a thread: so it sees the files as they are by then,
    and a renewal that fails is ours to report. Credentials that are plainly in the environment need no
    chain, and no botocore.

    The thread leaves the event loop free, but for two things, which happen once a process at most. botocore
    imports awscrt where that is installed, and its native library stops all threads for some 40 ms while
    it is loaded; and where botocore is installed without bytecode, compiling one of its larger modules
    takes some 30 ms. A service that would feel that can import `awscrt.crypto` and `botocore.session`
    before its loop starts.

    Raises `CredentialsError`. What a provider said is repeated only where it cannot hold a secret.

    See https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
    """

    async def provide() -> Credentials:
        if profile is None and (found := _in_environment()) is not None:
            return found
        return await asyncio.to_thread(_walk_chain, profile, region, ca_bundle)

    return provide


def _in_environment() -> Credentials | None:
    """What the chain's first provider would find, where it's complete and doesn't expire."""
    access_key = os.environ.get("AWS_ACCESS_KEY_ID")
    secret_key = os.environ.get("AWS_SECRET_ACCESS_KEY")
    if not access_key or not secret_key or os.environ.get("AWS_CREDENTIAL_EXPIRATION"):
        return None
    token = os.environ.get("AWS_SECURITY_TOKEN") or os.environ.get("AWS_SESSION_TOKEN")
    return Credentials(access_key, secret_key, token or None)


def _walk_chain(profile: str | None, region: str | None, ca_bundle: str | None) -> Credentials:
    try:
        session = import_module("botocore.session").Session(profile=profile)
        for name, value in (("region", region), ("ca_bundle", ca_bundle)):
            if value is not None:
                session.set_config_variable(name, value)
        session.register_component("data_loader", data_loader(session.get_config_variable("data_path")))
        found = session.get_credentials()
        frozen = found and found.get_frozen_credentials()
    except Exception as error:
        failure = f"the AWS credentials could not be resolved: {_without_secrets(error)}"
    else:
        if frozen:
            _logger.debug("AWS credentials found by %s", found.method)
            return Credentials(frozen.access_key, frozen.secret_key, frozen.token, _expiry(found))
        failure = _nothing_found(profile, session)
    # Out of the handler, so that botocore's error, which may hold a secret, is not chained.
    raise CredentialsError(failure)


def _expiry(found: Any) -> datetime | None:
    """When botocore's credentials expire.

    botocore keeps the moment to itself, but answers whether fewer than so many seconds are left: so we
    search for the number at which the answer turns.
    """
    if not hasattr(found, "refresh_needed"):
        return None
    now = datetime.now(UTC)
    seconds_of_ten_years = range(10 * 366 * 24 * 60 * 60)
    turns_at = bisect.bisect_left(seconds_of_ten_years, True, key=found.refresh_needed)
    if turns_at == len(seconds_of_ten_years):
        return None
    return now + timedelta(seconds=turns_at - 1)


def _nothing_found(profile: str | None, session: Any) -> str:
    name = profile or session.get_config_variable("profile") or "default"
    environment = "" if profile else "the environment (AWS_ACCESS_KEY_ID), "
    disabled = os.environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true"
    metadata = "the instance metadata service" + " (which AWS_EC2_METADATA_DISABLED forbids)" * disabled
    return (
        f"no AWS credentials: there are none in {environment}profile {name!r} of "
        f"{session.get_config_variable('credentials_file')} and {session.get_config_variable('config_file')}, "
        "the container's endpoint (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI) "
        f"or {metadata}"
    )


_HARMLESS = frozenset(
    {
        "ConnectTimeoutError",
        "EndpointConnectionError",
        "InfiniteLoopConfigError",
        "InvalidConfigError",
        "InvalidRegionError",
        "LoginInsufficientPermissions",
        "LoginRefreshRequired",
        "LoginTokenLoadError",
        "MissingDependencyException",
        "NoRegionError",
        "PartialCredentialsError",
        "ProfileNotFound",
        "ReadTimeoutError",
        "SSOTokenLoadError",
        "TokenRetrievalError",
        "UnauthorizedSSOTokenError",
    }
)
"""Errors of botocore's whose text is made of names, paths and hosts alone."""


def _without_secrets(error: Exception) -> str:
    """What went wrong, as far as it can be told: an error may repeat a process's output or a service's answer."""
    name = type(error).__name__
    if name in _HARMLESS or isinstance(error, OSError):
        return str(error)
    details: dict[str, Any] = getattr(error, "kwargs", {})
    if name == "CredentialRetrievalError":
        return f"provider {details.get('provider')} failed; what it said is withheld, as it may hold a secret"
    if name == "ConfigParseError":
        return f"{details.get('path')} cannot be parsed"
    response: dict[str, Any] | None = getattr(error, "response", None)
    if response is not None:
        return f"{getattr(error, 'operation_name', 'a call')} was refused with {_refusal(response)}"
    return f"botocore raised {name}, whose text is withheld, as it may hold a secret"


def _refusal(response: dict[str, Any]) -> str:
    """A service's error: its code, and who may not do what. Other texts repeat parts of the request."""
    error: dict[str, str] = response.get("Error", {})
    code = error.get("Code", "an unknown error")
    return f"{code}: {error.get('Message', '')}" if code.startswith("AccessDenied") else code
