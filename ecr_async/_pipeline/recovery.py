"""Recovery: fixing the cause of a rejected attempt, so that the next one succeeds.

That is a clock of ours that is off, and credentials that ended before their time. Each is fixed at most
once a call.
"""

from ecr_async._auth.cached_credentials import CachedCredentials
from ecr_async._auth.clock import Clock
from ecr_async._pipeline.call import Attempt
from ecr_async.errors import CallError, ServiceError

__all__ = ["Recovery"]

CLOCK_ERRORS = frozenset(
    {
        "InvalidSignatureException",
        "RequestExpired",
        "RequestInTheFuture",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
    }
)
"""What the service may say when our clock is off."""

CREDENTIALS_ERRORS = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "UnrecognizedClientException",
    }
)
"""What the service says of credentials that ended before their time, or were taken back."""


class Recovery:
    """What has been fixed for one call."""

    __slots__ = ("_clock", "_credentials", "_has_corrected_clock", "_has_replaced_credentials")

    def __init__(self, clock: Clock, credentials: CachedCredentials) -> None:
        self._clock = clock
        self._credentials = credentials
        self._has_corrected_clock = False
        self._has_replaced_credentials = False

    async def fix(self, attempt: Attempt, error: CallError) -> bool:
        """Fix the cause of a rejected attempt, if possible. Returns whether anything was fixed."""
        code = error.code if isinstance(error, ServiceError) else None
        if code in CLOCK_ERRORS and not self._has_corrected_clock and attempt.reply is not None:
            self._clock.learn(attempt.reply.headers.get("Date"))
            self._has_corrected_clock = self._clock.offset != attempt.clock_offset
            return self._has_corrected_clock
        if code in CREDENTIALS_ERRORS and not self._has_replaced_credentials and attempt.credentials:
            self._has_replaced_credentials = await self._credentials.replace(attempt.credentials)
            return self._has_replaced_credentials
        return False
