"""Credentials, kept while they are good and renewed ahead of expiry.

A provider is any coroutine function that returns `Credentials`; `botocore_chain`, in the module of that
name, is the one that a session uses unless it is given another. `CachedCredentials` keeps a provider's answer for as long as it
is good, and is what a call asks.

Renewal. Two moments before expiry matter. From fifteen minutes ahead on a renewal runs in the
background while calls go on with the credentials at hand. From five minutes ahead on calls wait for it,
since five minutes is as far as a clock may be off in Signature Version 4, so the service may already
think them expired. Credentials that live for less than half an hour are renewed at half of their life
and waited for at a quarter. A renewal that fails while the credentials at hand are still good is no
failure of the calls: they go on, one warning is logged an outage, and the next try waits.

Nothing runs between calls: a renewal starts with the first call that comes late enough.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeAlias

import attrs

from ecr_async.errors import CredentialsError, SessionClosedError

__all__ = ["CachedCredentials", "Credentials", "CredentialsProvider", "static"]

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
