"""Client-side rate control: find a service's unpublished limit, and stay just under it.

Theory of operation
-------------------

The limits of AWS APIs are token buckets: calls take tokens, tokens come back at a steady rate, and what
is not used is saved up to some burst. Rate and burst are unknown, differ by operation and account, and
move while we look: other clients draw on the same bucket.

*What can be measured.* A throttle says one thing precisely: the bucket was empty just then. So between
two throttles the bucket went from empty to empty, and the calls admitted in between, divided by the time,
are the rate at which it fills, however unevenly they were sent and whatever the burst is. All estimates
here are made that way, over one *epoch* from throttle to throttle. Three corrections keep them honest:

- Throttles of calls that were sent before the last cut belong to that cut. They lower its count of
  admitted calls, and they are no news.
- An epoch of a few calls or a few round trips cannot outweigh the last estimate; it can only lower it,
  to half at most.
- While nobody calls, the bucket fills, but not forever: idle time counts up to a second, as buckets
  commonly hold about a second's worth. The first epoch begins with such a second.

*What is done with it.* Calls leave evenly spaced, at a pace that depends on the time since the last cut,
counted in units of a *plateau* P:

    0 … 2P     limit × (1 + dip × (t/P - 1)³): a little below the limit, long near it, a little above.
               The integral over this is the limit's, so what was saved below is spent above, and a
               throttle soon after 2P confirms the estimate.
    after 2P   no throttle came, so the limit has risen: grow exponentially until one does.

A cut also pauses for the time of a few tokens, a cushion against calls that bunch up in transit.
Each cycle costs about one throttled call. P is a number of calls divided by the limit: few while
estimates disagree, to learn fast, and more as they agree, to throttle little. P is limited in seconds,
for a limit that rises or another client that leaves must be noticed soon.

Before the first throttle there is no limit to keep to, and the pace grows exponentially from a start
that is slow enough not to overrun a small bucket by much. The time that counts for growth passes only
while callers wait for the limiter: nothing is learnt from a rate that nobody uses.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable

__all__ = ["RateLimiter"]

_START = 100.0  # calls/s of a limiter that knows nothing
_START_DOUBLES = 0.25  # s
_SLACK = 0.05  # s that the schedule may lag behind the clock and catch up: late timers, a burst after a rest
_REST = 1.0  # s of idleness that can have filled a bucket
_FLOOR = 1.0  # calls/s; an outage must not teach us to stand still

_DIP = 0.1  # of the limit, at the beginning of a cycle
_CUSHION = 2  # calls not sent after a cut, beside half a round trip's
_REGROWTH_DOUBLES = 0.5  # s

_PLATEAU_CALLS = 20  # while estimates disagree
_SETTLED_CALLS = 30  # when they agree, or …
_SETTLED_SECONDS = 1.25  # … this long, whichever is more calls
_PLATEAU_MAX = 6.0  # s
_PLATEAU_MAX_UNSURE = 1.0  # s, when the estimate is a guess

_ENOUGH_CALLS = 10  # for an epoch to be an estimate of its own …
_ENOUGH_ROUND_TRIPS = 4  # … if it lasted this many as well
_AGREEMENT = 0.2  # of the estimate before

_RETRY_AFTER_MAX = 5.0  # s
_MAX_DOUBLINGS = 40  # keeps floats finite


class RateLimiter:
    """Paces the calls of one operation of one service so that few of them are throttled.

    Acquire before each attempt, retries included, and report each throttle:

        sent = await limiter.acquire()
        ...                                     # make the attempt; if it is throttled:
        limiter.throttled(retry_after, sent=sent)

    No other outcome need be reported, so an attempt that fails or is cancelled leaks nothing.
    Waiters are served first come, first served. Concurrency is not limited here. To be used from
    one event loop.

    `monotonic` is a clock in seconds, `sleep` a coroutine function that waits for so many of them.
    """

    __slots__ = (
        "_admitted",
        "_cut_at",
        "_epoch_start",
        "_free_at",
        "_growth_time",
        "_limit",
        "_monotonic",
        "_plateau",
        "_plateau_calls",
        "_previous_limit",
        "_previous_plateau_calls",
        "_round_trip",
        "_sent",
        "_sleep",
        "_span",
        "_turn",
    )

    def __init__(
        self,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._monotonic = monotonic
        self._sleep = sleep
        self._turn = asyncio.Lock()
        now = monotonic()
        self._free_at = now - _REST  # when the next call may leave
        self._growth_time = 0.0  # since the last cut, as far as callers waited
        self._round_trip = 0.0

        self._epoch_start = now - _REST
        self._sent = 0  # in this epoch

        self._cut_at = now - _REST
        self._admitted = 0  # in the epoch that the last cut ended
        self._span = 0.0  # of that epoch, in seconds
        self._limit: float | None = None
        self._previous_limit: float | None = None
        self._plateau = 0.0
        self._plateau_calls: float = _PLATEAU_CALLS
        self._previous_plateau_calls: float = _PLATEAU_CALLS

    @property
    def limit(self) -> float | None:
        """The service's limit as last estimated, in calls a second; None before the first throttle."""
        return self._limit

    @property
    def rate(self) -> float:
        """The pace at this moment, in calls a second."""
        if self._limit is None:
            return _START * _doubled(self._growth_time / _START_DOUBLES)
        position = self._growth_time / self._plateau - 1
        if position <= 1:
            return self._limit * (1 + _DIP * position**3)
        beyond = self._growth_time - 2 * self._plateau
        return self._limit * (1 + _DIP) * _doubled(beyond / min(self._plateau, _REGROWTH_DOUBLES))

    @property
    def is_open(self) -> bool:
        """Whether a call that acquired now would be let go at once."""
        return self._free_at <= self._monotonic() and not self._turn.locked()

    async def acquire(self) -> float:
        """Wait until a call may be sent. Returns the time at which it was let go, for `throttled`.

        A waiter that is cancelled takes nothing with it: the next one has its turn.
        """
        async with self._turn:
            while (delay := self._free_at - self._monotonic()) > 0:
                await self._sleep(delay)
            return self._let_go(late=-delay)

    def _let_go(self, late: float) -> float:
        now = self._free_at + late
        interval = 1 / self.rate
        if late <= _SLACK:
            self._growth_time += interval
            self._free_at += interval
        else:
            self._free_at = now - _SLACK + interval
            if late > _REST:
                self._epoch_start += late - _REST
                self._growth_time = min(self._growth_time, self._plateau)
        self._sent += 1
        return now

    def throttled(self, retry_after: float | None = None, *, sent: float) -> None:
        """Report that the service throttled the call that was `sent` at the time that `acquire` returned.

        No caller is admitted for `retry_after` seconds, at most 5, if the service requested a delay.
        """
        now = self._monotonic()
        round_trip = now - sent
        self._round_trip += (round_trip - self._round_trip) / (8 if self._round_trip else 1)
        if sent > self._cut_at:
            self._cut(now)
        else:
            self._admitted -= 1
            self._estimate()
        if retry_after is not None:
            self._free_at = max(self._free_at, now + min(retry_after, _RETRY_AFTER_MAX))

    def _cut(self, now: float) -> None:
        """End the epoch, and begin the next at an empty bucket."""
        self._previous_limit = self._limit
        self._previous_plateau_calls = self._plateau_calls
        self._admitted = self._sent - 1
        self._span = max(now - self._epoch_start, 1e-6)
        limit = self._estimate()

        self._cut_at = self._epoch_start = now
        self._sent = 0
        self._growth_time = 0.0
        self._free_at = now + _CUSHION / limit + self._round_trip / 2

    def _estimate(self) -> float:
        """What the last whole epoch says of the limit, and how sure it makes us."""
        limit = self._admitted / self._span
        previous = self._previous_limit
        calls: float = _PLATEAU_CALLS
        longest = _PLATEAU_MAX_UNSURE
        enough = self._admitted >= _ENOUGH_CALLS and self._span >= _ENOUGH_ROUND_TRIPS * self._round_trip
        if previous is not None and not enough:
            # A call more or less, or late in transit, is chance: count it in the limit's favour.
            likely = (self._admitted + 1 + previous * self._round_trip / 4) / self._span
            limit = min(max(likely, previous / 2), previous)
            calls = max(calls, self._previous_plateau_calls / 2)
        elif previous is not None:
            longest = _PLATEAU_MAX
            if abs(limit - previous) < _AGREEMENT * previous:
                settled = max(_SETTLED_CALLS, _SETTLED_SECONDS * limit)
                calls = min(2 * self._previous_plateau_calls, settled)

        self._limit = limit = max(limit, _FLOOR)
        self._plateau_calls = calls
        self._plateau = min(max(calls / limit, 2 * self._round_trip), longest)
        return limit


def _doubled(times: float) -> float:
    return math.exp2(min(times, _MAX_DOUBLINGS))
