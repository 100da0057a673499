"""Credentials, kept while they are good and renewed ahead of expiry.

Two moments before expiry matter. From fifteen minutes ahead on a renewal runs in the background while
calls go on with the credentials at hand. From five minutes ahead on calls wait for it, since five minutes
is as far as a clock may be off in Signature Version 4, so the service may already think them expired.
Credentials that live for less than half an hour are renewed at half of their life and waited for at a
quarter. A renewal that fails while the credentials at hand are still good does not fail the calls: they
go on, one warning is logged per outage, and the next attempt waits.

Expiry is judged by the service's clock as far as we know it (see `clock`), and that may be wrong. So what
a provider has just supplied is used even if it seems to have expired: if the clock is off, the service
says so, and the clock is corrected; if the credentials have expired, it says that. For the same reason
delays are measured on a monotonic clock, which nobody sets.

Nothing runs between calls: a renewal starts with the first call that comes late enough.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import math
import os
import time
import traceback
from collections import deque
from collections.abc import Callable
from typing import Self

from ecr_async._auth.botocore_credentials import adopt
from ecr_async._auth.credentials import Credentials, CredentialsProvider
from ecr_async.errors import CredentialsError, SessionClosedError

__all__ = ["CachedCredentials"]

_logger = logging.getLogger("ecr_async")

ADVISORY_SECONDS = 15 * 60
"""A renewal starts in the background this long before expiry."""

MANDATORY_SECONDS = 5 * 60
"""Calls wait for a renewal this long before expiry."""

SHORTEST_DELAY_SECONDS = 15
LONGEST_DELAY_SECONDS = 5 * 60
"""Between two attempts at a renewal that fails: the delay doubles from the one to the other."""

REPLACEMENTS = 5
"""Credentials that the service rejects are replaced this often within `REPLACEMENTS` times 15 seconds."""


class CachedCredentials:
    """A provider's credentials, kept while they are good and renewed ahead of their expiry.

    Concurrent callers share one renewal; cancelling one of them doesn't cancel it. `clock` returns seconds
    since the epoch, corrected by what the service says; `monotonic` seconds since any moment. A provider
    that takes longer than `timeout` seconds is cancelled; None lets it take its time. Belongs to one event
    loop.
    """

    def __init__(
        self,
        provider: CredentialsProvider,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        timeout: float | None = None,
    ) -> None:
        self._provider = provider
        self._clock = clock
        self._monotonic = monotonic
        self._timeout = timeout
        self._credentials: Credentials | None = None
        self._failure = CredentialsError("no credentials were resolved yet")
        self._renewal: asyncio.Task[None] | None = None
        self._closed = False
        # Seconds since the epoch: when to renew, from when on callers wait for it, when it is too late.
        self._renew_at = self._wait_at = self._expires_at = -math.inf
        # When the provider supplied them, where they seemed to have expired by then; infinity where not.
        self._doubtful_since = math.inf
        # Monotonic: not to renew before, and when credentials were replaced.
        self._paused_until = -math.inf
        self._delay = 0.0
        self._replacements: deque[float] = deque(maxlen=REPLACEMENTS)

    def with_provider(self, provider: CredentialsProvider) -> Self:
        """Return a cache of another provider's credentials, with the same clocks and time limit."""
        return type(self)(provider, clock=self._clock, monotonic=self._monotonic, timeout=self._timeout)

    @property
    def current(self) -> Credentials | None:
        """The credentials, if a call can use them at once; else None, and `get` must be awaited.

        Starts a renewal in the background when one is due, so it must be read on the event loop.
        """
        now = self._clock()
        if now < self._renew_at:
            return self._credentials
        is_usable = now < self._expires_at or self._is_doubtful(now)
        if is_usable and self._monotonic() < self._paused_until:
            return self._credentials
        if not self._is_renewing:
            self._start_renewal()
        return self._credentials if now < self._wait_at else None

    async def get(self) -> Credentials:
        """Return the credentials, after a renewal if they need one.

        Raises `CredentialsError` when there are none that are still good; it says what failed. Raises
        `SessionClosedError` when closing ended the wait for them.
        """
        if (current := self.current) is not None:
            return current
        renewal = self._renewal
        assert renewal is not None, "current starts one where it is None"
        await asyncio.wait([renewal])
        now = self._clock()
        if self._credentials is not None and (now < self._expires_at or self._is_doubtful(now)):
            return self._credentials
        if self._closed:
            raise SessionClosedError("the session is closed")
        if renewal.cancelled():
            raise CredentialsError("the credentials provider cancelled itself")
        raise CredentialsError(*self._failure.args) from self._failure.__cause__

    async def replace(self, rejected: Credentials) -> bool:
        """Replace credentials that the service rejected. Returns whether there are new ones.

        The provider is called for that five times in a row at most, and then every 15 seconds, unless they
        have expired by our clock: a service rejects good credentials too, those of an account that has not
        enabled the region. A provider that fails takes nothing away.
        """
        if self._credentials == rejected and not self._is_renewing:
            now = self._clock()
            is_expired = now >= self._wait_at and not self._is_doubtful(now)
            if not is_expired and not self._may_replace():
                return False
            self._start_renewal()
        if self._is_renewing and self._renewal is not None:
            await asyncio.wait([self._renewal])
        return self._credentials != rejected

    async def aclose(self) -> None:
        """Cancel a renewal that is under way, and wait for its end."""
        self._closed = True
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.wait([self._renewal])

    def _is_doubtful(self, now: float) -> bool:
        """Whether the credentials only seem to have expired, by a clock that was not corrected since."""
        if now < self._doubtful_since:
            self._doubtful_since = math.inf
        return now >= self._doubtful_since

    def _may_replace(self) -> bool:
        now = self._monotonic()
        past = self._replacements
        if len(past) == REPLACEMENTS and now < past[0] + REPLACEMENTS * SHORTEST_DELAY_SECONDS:
            return False
        if past and now < past[-1] + 1:
            return False
        past.append(now)
        return True

    @property
    def _is_renewing(self) -> bool:
        return self._renewal is not None and not self._renewal.done()

    def _start_renewal(self) -> None:
        self._renewal = asyncio.create_task(self._renew(), name="ecr_async credentials")

    async def _renew(self) -> None:
        limit = asyncio.timeout(self._timeout)
        try:
            async with limit:
                supplied: object = self._provider()
                if not inspect.isawaitable(supplied):
                    raise CredentialsError(
                        "the credentials provider must be an async function: it returned "
                        f"{type(supplied).__name__}, which cannot be awaited"
                    )
                credentials = await adopt(await supplied)
        except CredentialsError as failure:
            self._failed(failure)
        except Exception as error:
            if limit.expired():
                self._failed(
                    CredentialsError(f"no credentials within {self._timeout:g} seconds (credentials_timeout)")
                )
                return
            # The error's own text may hold a secret.
            kind = f"{type(error).__name__}{_place(error)}"
            wrapped = CredentialsError(f"the credentials provider failed with {kind}; see its __cause__")
            wrapped.__cause__ = error
            self._failed(wrapped)
        else:
            self._received(credentials)

    def _received(self, credentials: Credentials) -> None:
        if self._delay:
            _logger.info("AWS credentials are renewed again")
        self._delay = 0.0
        is_new = credentials != self._credentials
        self._credentials = credentials
        self._expires_at = math.inf if credentials.expires_at is None else credentials.expires_at.timestamp()
        now = self._clock()
        lifetime = self._expires_at - now
        seem_expired = lifetime <= 0
        self._doubtful_since = now if seem_expired else math.inf
        known_lifetime = math.inf if seem_expired else lifetime
        self._wait_at = self._expires_at - min(MANDATORY_SECONDS, known_lifetime / 4)
        self._renew_at = self._expires_at - min(ADVISORY_SECONDS, known_lifetime / 2)
        # A provider that has none newer yet supplies the same ones again, and is not called at once.
        is_paused = seem_expired or not is_new
        self._paused_until = self._monotonic() + SHORTEST_DELAY_SECONDS if is_paused else -math.inf

    def _failed(self, failure: CredentialsError) -> None:
        self._failure = failure
        self._doubtful_since = math.inf
        if self._credentials is None or self._clock() >= self._expires_at:
            return
        if not self._delay:
            _logger.warning(
                "AWS credentials could not be renewed, and are used until they expire at %s: %s",
                self._credentials.expires_at,
                failure,
            )
        self._delay = min(max(2 * self._delay, SHORTEST_DELAY_SECONDS), LONGEST_DELAY_SECONDS)
        self._paused_until = self._monotonic() + self._delay


def _place(error: BaseException) -> str:
    """Return where an error was raised, for a message; empty for one that was not raised in the provider."""
    *_, last = traceback.extract_tb(error.__traceback__) or [None]
    if last is None or last.filename == __file__:
        return ""
    return f" in {last.name} ({os.path.basename(last.filename)}, line {last.lineno})"
