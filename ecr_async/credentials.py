"""Credentials: botocore's provider chain, resolved off the event loop and renewed ahead of expiry.

A provider is any coroutine function that returns `Credentials`; `botocore_chain` is the one that a
session uses unless it is given another. `CachedCredentials` keeps a provider's answer for as long as it
is good, and is what a call asks.

Renewal. Two moments before expiry matter. From fifteen minutes ahead on a renewal runs in the
background while calls go on with the credentials at hand. From five minutes ahead on calls wait for it,
since five minutes is as far as a clock may be off in Signature Version 4, so the service may already
think them expired. Credentials that live for less than half an hour are renewed at half of their life
and waited for at a quarter. A renewal that fails while the credentials at hand are still good is no
failure of the calls: they go on, one warning is logged an outage, and the next try waits.

Nothing runs between calls: a renewal starts with the first call that comes late enough.

botocore's own loggers, at DEBUG, print what services answer it, credentials included: that level is not
for production there. This package's logger, `ecr_async`, never sees a secret.
"""

from __future__ import annotations

import asyncio
import bisect
import logging
import math
import os
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any, TypeAlias

import attrs

from ecr_async._config.botocore_data import data_loader
from ecr_async.errors import CredentialsError, SessionClosedError

__all__ = ["CachedCredentials", "Credentials", "CredentialsProvider", "botocore_chain", "static"]

_logger = logging.getLogger("ecr_async")

ADVISORY_SECONDS = 15 * 60
"""So long before expiry a renewal starts in the background."""

MANDATORY_SECONDS = 5 * 60
"""So long before expiry calls wait for a renewal."""

SHORTEST_PAUSE_SECONDS = 15
LONGEST_PAUSE_SECONDS = 5 * 60
"""Between two tries of a renewal that fails: the pause doubles from the one to the other."""


def _without_margins(_: Any, field: attrs.Attribute[Any], value: str | None) -> None:
    if value is not None and value != value.strip():
        raise CredentialsError(
            f"{field.name} begins or ends with white space; was it read from a file, line end and all?"
        )


def _aware(_: Any, field: attrs.Attribute[Any], value: datetime | None) -> None:
    if value is not None and value.utcoffset() is None:
        raise CredentialsError(f"{field.name} must be an aware datetime, such as one in UTC")


@attrs.frozen
class Credentials:
    """What signs a request. `repr` shows neither the secret key nor the token.

    `expires_at` is aware; None means that they don't expire.

    Raises `CredentialsError` for a naive `expires_at`, and for white space around one of the others.
    """

    access_key: str = attrs.field(validator=_without_margins)
    secret_key: str = attrs.field(repr=False, validator=_without_margins)
    session_token: str | None = attrs.field(default=None, repr=False, validator=_without_margins)
    expires_at: datetime | None = attrs.field(default=None, validator=_aware)


CredentialsProvider: TypeAlias = Callable[[], Awaitable[Credentials]]
"""Gives credentials, newer ones each time that it is asked. Whatever it raises becomes the cause of a
`CredentialsError`, so what it raises should hold no secret."""


def static(credentials: Credentials) -> CredentialsProvider:
    """A provider that always gives `credentials`."""

    async def provide() -> Credentials:
        return credentials

    return provide


class CachedCredentials:
    """A provider's credentials, kept while they are good and renewed ahead of their expiry.

    Many callers at once share one renewal; cancelling one of them doesn't cancel it. `clock` gives
    seconds since the epoch. Belongs to one event loop.
    """

    def __init__(self, provider: CredentialsProvider, *, clock: Callable[[], float] = time.time) -> None:
        self._provider = provider
        self._clock = clock
        self._credentials: Credentials | None = None
        self._failure = CredentialsError("no credentials were resolved yet")
        self._renewal: asyncio.Task[None] | None = None
        self._closed = False
        self._pause = 0.0
        # Seconds since the epoch: when to renew, from when on callers wait for it, when it is too late.
        self._renew_at = self._wait_at = self._expires_at = -math.inf
        self._replaced_at = -math.inf

    @property
    def current(self) -> Credentials | None:
        """The credentials, if a call can go on with them at once; else None, and `get` is to be awaited.

        Starts a renewal in the background when one is due, so it must be read on the event loop.
        """
        now = self._clock()
        if now < self._renew_at:
            return self._credentials
        if not self._renewing:
            self._start_renewal()
        return self._credentials if now < self._wait_at else None

    async def get(self) -> Credentials:
        """The credentials, after a renewal if they need one.

        Raises `CredentialsError` when there are none that are still good; it says what failed. Raises
        `SessionClosedError` when closing ended the wait for them.
        """
        if (current := self.current) is not None:
            return current
        renewal = self._renewal
        assert renewal is not None, "current starts one where it gives None"
        await asyncio.wait([renewal])
        if self._clock() < self._expires_at and self._credentials is not None:
            return self._credentials
        if self._closed:
            raise SessionClosedError("the session is closed")
        if renewal.cancelled():
            raise CredentialsError("the credentials provider cancelled itself")
        raise CredentialsError(*self._failure.args) from self._failure.__cause__

    async def replace(self, rejected: Credentials) -> bool:
        """Ask the provider for others than those that the service rejected; tell whether there are any now.

        The provider is asked for that no more often than every 15 seconds, since a service rejects good
        credentials too: those of an account that has not enabled the region. A provider that fails takes
        nothing away.
        """
        if self._credentials == rejected and not self._renewing:
            now = self._clock()
            if now < self._replaced_at + SHORTEST_PAUSE_SECONDS:
                return False
            self._replaced_at = now
            self._start_renewal()
        if self._renewing and self._renewal is not None:
            await asyncio.wait([self._renewal])
        return self._credentials != rejected

    async def aclose(self) -> None:
        """Cancel a renewal that is under way, and wait for its end."""
        self._closed = True
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.wait([self._renewal])

    @property
    def _renewing(self) -> bool:
        return self._renewal is not None and not self._renewal.done()

    def _start_renewal(self) -> None:
        self._renewal = asyncio.create_task(self._renew(), name="ecr_async credentials")

    async def _renew(self) -> None:
        try:
            credentials = await self._provider()
        except CredentialsError as failure:
            self._failed(failure)
        except Exception as error:
            wrapped = CredentialsError(f"the credentials provider failed with {type(error).__name__}")
            wrapped.__cause__ = error
            self._failed(wrapped)
        else:
            self._received(credentials)

    def _received(self, credentials: Any) -> None:
        if not isinstance(credentials, Credentials):
            given = type(credentials).__name__
            self._failed(CredentialsError(f"the credentials provider gave {given} and not Credentials"))
            return
        now = self._clock()
        expires_at = math.inf if credentials.expires_at is None else credentials.expires_at.timestamp()
        if expires_at <= now:
            self._failed(CredentialsError("the credentials that the provider gave have expired already"))
            return
        if self._pause:
            _logger.info("AWS credentials are renewed again")
        self._pause = 0.0
        self._credentials = credentials
        self._expires_at = expires_at
        lifetime = expires_at - now
        self._wait_at = expires_at - min(MANDATORY_SECONDS, lifetime / 4)
        # A provider that has none newer yet gives the same ones again: the pause keeps that from racing.
        renew_at = max(expires_at - min(ADVISORY_SECONDS, lifetime / 2), now + SHORTEST_PAUSE_SECONDS)
        self._renew_at = min(renew_at, expires_at)

    def _failed(self, failure: CredentialsError) -> None:
        self._failure = failure
        now = self._clock()
        if self._credentials is None or now >= self._expires_at:
            return
        if not self._pause:
            _logger.warning(
                "AWS credentials could not be renewed, and are used until they expire at %s: %s",
                self._credentials.expires_at,
                failure,
            )
        self._pause = min(max(2 * self._pause, SHORTEST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)
        self._renew_at = min(now + self._pause, self._expires_at)


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
