"""When to try a call again, and how long to wait: the standard mode that the AWS SDKs share, as of 2026.

    a call fails ── classify ──> None: give up
                        │
                        ├─ throttling: 5 tokens, backoff from 1 s
                        └─ transient: 14 tokens, backoff from 50 ms

and give up as well once the attempts are used up or the client's quota of tokens cannot pay. In the
adaptive mode each operation's attempts are paced by a rate limiter as well. Nothing here sends, and
nothing but the rate limiter sleeps: that is the caller's part.

Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Final, Literal, Self, TypeAlias

import attrs

from ecr_async._retry.rate_limiter import RateLimiter
from ecr_async.errors import (
    CallError,
    CertificateError,
    ConfigurationError,
    ConnectError,
    PoolTimeoutError,
    ResponseError,
    ServiceError,
    TransportError,
)

__all__ = [
    "Attempts",
    "Backoff",
    "ErrorKind",
    "RateLimiters",
    "RetryConfig",
    "RetryQuota",
    "RetryStrategy",
    "classify",
]

ErrorKind: TypeAlias = Literal["throttling", "transient"]

CODES: Final[dict[str, ErrorKind | None]] = {
    "BandwidthLimitExceeded": "throttling",
    "EC2ThrottledException": "throttling",
    "PriorRequestNotComplete": "throttling",
    "ProvisionedThroughputExceededException": "throttling",
    "RequestLimitExceeded": "throttling",
    "RequestThrottled": "throttling",
    "RequestThrottledException": "throttling",
    "SlowDown": "throttling",
    "ThrottledException": "throttling",
    "Throttling": "throttling",
    "ThrottlingException": "throttling",
    "TooManyRequestsException": "throttling",
    "TransactionInProgressException": "throttling",
    "RequestTimeout": "transient",
    "RequestTimeoutException": "transient",
    "ServerException": "transient",
    # The SDKs retry this code for the services in which it is a throttle. In ECR it is a quota on what
    # an account may have (repositories, images, scans a day), and no retry makes room.
    "LimitExceededException": None,
}
"""What an error's code says, whatever its HTTP status."""

STATUSES: Final[dict[int, ErrorKind]] = {
    429: "throttling",
    500: "transient",
    502: "transient",
    503: "transient",
    504: "transient",
}
"""What the HTTP status says when the code says nothing."""

COSTS: Final[dict[ErrorKind, int]] = {"throttling": 5, "transient": 14}
"""The cost of a retry, in tokens of the quota."""

BASES: Final[dict[ErrorKind, float]] = {"throttling": 1.0, "transient": 0.05}
"""The first retry's longest backoff, in seconds; it doubles with each retry."""

QUOTA: Final = 500
FIRST_TRY_REFUND: Final = 1
BACKOFF_MAX: Final = 20.0
RETRY_AFTER_EXTRA_MAX: Final = 5.0
DOUBLINGS_MAX: Final = 10  # more than takes any base to BACKOFF_MAX


def classify(error: CallError) -> ErrorKind | None:
    """Say why another attempt may succeed where this one failed; None if none will."""
    if isinstance(error, (CertificateError, PoolTimeoutError)):
        return None
    if isinstance(error, ConnectError) and error.status is not None:
        return STATUSES.get(error.status)  # a proxy's
    if isinstance(error, TransportError):
        return "transient"
    if isinstance(error, ServiceError) and error.code in CODES:
        return CODES[error.code]
    if isinstance(error, ResponseError) and error.status in {200, None}:
        # What came whole has been acted on by the service, and would be the same another time.
        return "transient" if error.truncated or error.status is None else None
    return None if error.status is None else STATUSES.get(error.status)


@attrs.frozen
class RetryConfig:
    """How persistent a client is.

    Raises `ConfigurationError` for fewer than one attempt.
    """

    max_attempts: int = 3
    """Attempts a call, the first one included; at least 1, which means never to retry."""

    is_paced: bool = False
    """Whether calls are paced to what the service admits, as in the retry mode `adaptive`."""

    def __attrs_post_init__(self) -> None:
        if self.max_attempts < 1:
            raise ConfigurationError(f"max_attempts {self.max_attempts}: must be at least 1")


class Backoff:
    """Truncated exponential backoff with full jitter.

    `random` returns a float from 0 to 1.
    """

    __slots__ = ("_random",)

    def __init__(self, random: Callable[[], float] = random.random) -> None:
        self._random = random

    def delay(self, kind: ErrorKind, retry: int, retry_after: float | None = None) -> float:
        """Seconds to wait before the given retry, of which the first is number 0.

        A longer delay requested by the server (`retry_after`, in seconds) is honoured, up to 5 seconds
        beyond the backoff.
        """
        ceiling = min(BASES[kind] * 2.0 ** min(retry, DOUBLINGS_MAX), BACKOFF_MAX)
        own = self._random() * ceiling
        if retry_after is None:
            return own
        return max(own, min(retry_after, own + RETRY_AFTER_EXTRA_MAX))


_BACKOFF: Final = Backoff()


class RetryQuota:
    """Tokens that the retries of one client share, so that an outage does not cause a storm of retries."""

    __slots__ = ("available", "capacity")

    def __init__(self, capacity: int = QUOTA) -> None:
        self.capacity = capacity
        self.available = capacity

    def take(self, tokens: int) -> bool:
        """Take the tokens if there are as many; say whether there were."""
        if tokens > self.available:
            return False
        self.available -= tokens
        return True

    def give_back(self, tokens: int) -> None:
        """Give tokens back, as far as there is room."""
        self.available = min(self.available + tokens, self.capacity)


class RetryStrategy:
    """What the calls of one client have in common: the configuration, the quota, the rate limiters.

    `limiters` are the rate limiters of operations by name; None where calls are not paced, as in the
    standard mode.
    """

    __slots__ = ("backoff", "config", "first_header", "limiters", "max_attempts", "quota")

    def __init__(
        self,
        config: RetryConfig,
        *,
        quota: RetryQuota | None = None,
        backoff: Backoff = _BACKOFF,
    ) -> None:
        self.config = config
        self.max_attempts = config.max_attempts
        self.quota = quota or RetryQuota()
        self.backoff = backoff
        self.first_header = _header(1, config.max_attempts)
        self.limiters = RateLimiters() if config.is_paced else None

    def begin(self, operation: str) -> Attempts:
        """Return the attempts of a new call of `operation`."""
        return Attempts(self, None if self.limiters is None else self.limiters[operation])

    def limiter(self, operation: str) -> RateLimiter | None:
        """Return what paces the calls of an operation, or None."""
        return None if self.limiters is None else self.limiters[operation]


class RateLimiters(dict[str, RateLimiter]):
    """Rate limiters by operation, each made on first use, with its event loop's clock."""

    __slots__ = ()

    def __missing__(self, operation: str) -> RateLimiter:
        limiter = self[operation] = RateLimiter(monotonic=asyncio.get_running_loop().time)
        return limiter


class Attempts:
    """The attempts of one call; cheap, because every call makes one.

    with attempts:
        if attempts.is_paced:
            await attempts.admission()
        ...                                  # make the attempt, then one of:
        attempts.succeed()
        delay = attempts.next_delay(error)

    A strategy whose attempts hold something gives it back when the block is left.
    """

    __slots__ = ("_limiter", "_sent", "_strategy", "_taken", "attempt", "header")

    attempt: int
    """The number of the attempt to make now, from 1."""

    header: str
    """The value of `amz-sdk-request` for that attempt: `attempt=1; max=3`."""

    def __init__(self, strategy: RetryStrategy, limiter: RateLimiter | None) -> None:
        self._strategy = strategy
        self._limiter = limiter
        self._sent = 0.0
        self._taken = FIRST_TRY_REFUND
        self.attempt = 1
        self.header = strategy.first_header

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Do nothing: these attempts hold nothing."""

    @property
    def max_attempts(self) -> int:
        """How many attempts the call has, the first one included."""
        return self._strategy.max_attempts

    @property
    def made(self) -> int:
        """How many attempts were made, this one included."""
        return self.attempt

    @property
    def is_paced(self) -> bool:
        """Whether each attempt awaits its `admission`."""
        return self._limiter is not None

    async def admission(self) -> None:
        """Before an attempt: wait until the rate limiter lets it go."""
        if self._limiter is not None:
            self._sent = await self._limiter.acquire()

    def next_delay(self, error: CallError) -> float | None:
        """After a failed attempt: the seconds to wait before the next one, or None to give up.

        With a delay, the next attempt has begun: its number and header are set and its tokens taken.
        """
        kind = classify(error)
        if kind == "throttling" and self._limiter is not None:
            self._limiter.throttled(error.retry_after, sent=self._sent)
        return self._delay(kind, error)

    def _delay(self, kind: ErrorKind | None, error: CallError) -> float | None:
        strategy = self._strategy
        if self.attempt >= strategy.max_attempts or kind is None or not strategy.quota.take(COSTS[kind]):
            return None
        delay = strategy.backoff.delay(kind, self.attempt - 1, error.retry_after)
        self._taken = COSTS[kind]
        self._begin_next()
        return delay

    def at_once(self, *, is_counted: bool = True) -> float | None:
        """After a failed attempt whose cause is out of the way: 0 seconds, or None if it was the last one.

        The service is well, so the next attempt takes no tokens. One that is not counted has the number of
        the one that failed.
        """
        if not is_counted:
            return 0.0
        if self.attempt >= self._strategy.max_attempts:
            return None
        self._begin_next()
        return 0.0

    def _begin_next(self) -> None:
        self.attempt += 1
        self.header = _header(self.attempt, self._strategy.max_attempts)

    def succeed(self) -> None:
        """After the attempt that succeeded: give back what the last retry took, or 1 token if none did."""
        self._strategy.quota.give_back(self._taken)


def _header(attempt: int, max_attempts: int) -> str:
    return f"attempt={attempt}; max={max_attempts}"
