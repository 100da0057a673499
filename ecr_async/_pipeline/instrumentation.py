"""What is reported about each attempt: a log record, and whatever a `Telemetry` makes of it.

The logger is `ecr_async`. At DEBUG it has one line per attempt: the operation, the outcome and the
duration. Neither a record nor a line holds a credential, a signature or a body.
"""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager
from typing import Any, Protocol

import attrs
from yarl import URL

from ecr_async._pipeline.call import Attempt, Call
from ecr_async.errors import CallError, ServiceError

__all__ = ["AttemptRecord", "Telemetry", "error_type", "is_observed", "report_attempt"]

_logger = logging.getLogger("ecr_async")


@attrs.frozen
class AttemptRecord:
    """The outcome of one attempt.

    `attempt` counts from 1, and is 0 if nothing was sent; `connection_wait` is how long it waited for a free
    connection (and for credentials), `duration` how long it then took, both in seconds, without the delay
    after it. `status` and `request_id` are None if no response came, `error` is None if the attempt
    succeeded. After a failure `retry_delay` is the time until the next attempt, in seconds, or None if there
    is none.
    """

    operation: str
    region: str
    attempt: int
    max_attempts: int
    connection_wait: float
    duration: float
    status: int | None
    request_id: str | None
    error: Exception | None = None
    retry_delay: float | None = None


class Telemetry(Protocol):
    """Receives what a session reports about its calls, beside the log: `Session(telemetry=…)`.

    Both methods are called on the event loop and must not block it.
    """

    def call(self, operation: str, region: str, url: URL) -> AbstractContextManager[object]:
        """Return a context in which one call is made, with all its attempts."""
        ...

    def attempt(self, record: AttemptRecord) -> None:
        """Record an attempt that has ended, in the context of its call."""
        ...


def is_observed(telemetry: Telemetry | None) -> bool:
    """Whether anyone wants to know of attempts."""
    return telemetry is not None or _logger.isEnabledFor(logging.DEBUG)


def report_attempt(
    call: Call[Any],
    attempt: Attempt,
    *,
    region: str,
    now: float,
    telemetry: Telemetry | None,
    error: CallError | None = None,
    retry_delay: float | None = None,
) -> None:
    """Report an attempt that ended `now`, on the runtime's monotonic clock, to the log and to `telemetry`."""
    outcome = error or attempt.reply
    started = now if attempt.started is None else attempt.started
    record = AttemptRecord(
        operation=call.operation.name,
        region=region,
        attempt=error.attempts if error else call.attempts.made,
        max_attempts=call.attempts.max_attempts,
        connection_wait=started - attempt.queued,
        duration=now - started,
        status=outcome.status if outcome else None,
        request_id=error.request_id if error else attempt.request_id,
        error=error,
        retry_delay=retry_delay,
    )
    if _logger.isEnabledFor(logging.DEBUG):
        _log(record)
    if telemetry is not None:
        telemetry.attempt(record)


def _log(record: AttemptRecord) -> None:
    if record.error is None:
        outcome = "succeeded"
    elif record.retry_delay is None:
        outcome = f"failed with {error_type(record.error)}, giving up"
    else:
        outcome = f"failed with {error_type(record.error)}, trying again in {record.retry_delay:.3f} s"
    _logger.debug(
        "%s in %s: attempt %d of %d %s (status=%s request_id=%s waited=%.1f ms duration=%.1f ms)",
        record.operation,
        record.region,
        record.attempt,
        record.max_attempts,
        outcome,
        record.status,
        record.request_id,
        record.connection_wait * 1000,
        record.duration * 1000,
    )


def error_type(error: BaseException) -> str:
    """Return a name for the kind of error: the API's own, or that of the exception's class."""
    if isinstance(error, ServiceError):
        return error.code
    return f"{type(error).__module__}.{type(error).__qualname__}"
