"""What to do after a failed attempt: fix its cause where that is possible, else leave it to the retries.

What can be fixed is a signature that is too old or made with a clock that is off, credentials that expired
early, and a connection that was dead before the request was sent on it. Each is fixed at most
once a call, and takes nothing from the quota of retries, since the service is well.
"""

from typing import Any

from ecr_async._auth.cached_credentials import CachedCredentials
from ecr_async._auth.clock import Clock
from ecr_async._pipeline.call import Attempt, Call
from ecr_async._pipeline.idempotency import is_idempotent
from ecr_async._pipeline.rejections import CREDENTIALS_ERRORS, SIGNATURE_ERRORS
from ecr_async.errors import CallError, ServiceError, TransportError

__all__ = ["Recovery"]


class Recovery:
    """What has been fixed for one call."""

    __slots__ = ("_call", "_clock", "_credentials", "_has_replaced_credentials", "_has_signed_anew")

    def __init__(self, call: Call[Any], clock: Clock, credentials: CachedCredentials) -> None:
        self._call = call
        self._clock = clock
        self._credentials = credentials
        self._has_signed_anew = False
        self._has_replaced_credentials = False

    async def next_delay(self, attempt: Attempt, error: CallError) -> float | None:
        """Return the seconds to wait before the next attempt, or None to give up."""
        call = self._call
        if isinstance(error, TransportError) and error.is_stale_connection and not call.needs_new_connection:
            call.needs_new_connection = True
            return call.attempts.at_once(is_counted=not is_idempotent(call.operation.name))
        if isinstance(error, ServiceError) and await self._fix(attempt, error.code):
            return call.attempts.at_once()
        return call.attempts.next_delay(error)

    async def _fix(self, attempt: Attempt, code: str) -> bool:
        if code in SIGNATURE_ERRORS and not self._has_signed_anew and attempt.reply is not None:
            self._clock.learn(attempt.reply.headers.get("Date"))
            self._has_signed_anew = True
            return True
        if code in CREDENTIALS_ERRORS and not self._has_replaced_credentials and attempt.credentials:
            self._has_replaced_credentials = await self._credentials.replace(attempt.credentials)
            return self._has_replaced_credentials
        return False
