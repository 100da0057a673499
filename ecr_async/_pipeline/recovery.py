"""What can be set right at once when the service refuses a call, so that the next attempt succeeds.

That is a clock of ours that is off, and credentials that ended before their time. Each is tried once a
call.
"""

from typing import Any

from ecr_async._auth.clock import Clock
from ecr_async._auth.credentials import CachedCredentials
from ecr_async._pipeline.call import Call
from ecr_async.errors import CallError, ServiceError

__all__ = ["recover"]

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


async def recover(call: Call[Any], error: CallError, clock: Clock, credentials: CachedCredentials) -> bool:
    """Set right what a failed attempt was refused for; tell whether anything was."""
    code = error.code if isinstance(error, ServiceError) else None
    if code in CLOCK_ERRORS and not call.clock_corrected and call.reply is not None:
        clock.learn(call.reply.headers.get("Date"))
        call.clock_corrected = clock.offset != call.clock_offset
        return call.clock_corrected
    if code in CREDENTIALS_ERRORS and not call.credentials_replaced and call.credentials is not None:
        call.credentials_replaced = await credentials.replace(call.credentials)
        return call.credentials_replaced
    return False
