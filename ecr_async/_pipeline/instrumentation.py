"""What is told of a call on its way: a line in the log for each attempt, and whatever a `Telemetry` makes of it.

The logger is `ecr_async`. At DEBUG it has one line for each attempt: who was asked for what, how it went
and how long it took. Neither a record nor a line holds a credential, a signature or a body.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

import attrs

from ecr_async.errors import ServiceError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from yarl import URL

__all__ = ["AttemptRecord", "Telemetry", "error_type", "log_attempt", "logger"]

logger = logging.getLogger("ecr_async")


@attrs.frozen
class AttemptRecord:
    """One attempt of a call, as it went.

    `number` counts from 1, up to at most `of`; `seconds` is how long the attempt took, without the
    pause after it. `status` and `request_id` are None where no answer came, `error` where nothing
    failed. After a failure `pause` is the time until the next attempt, in seconds, or None if this was
    the last.
    """

    operation: str
    region: str
    number: int
    of: int
    seconds: float
    status: int | None
    request_id: str | None
    error: Exception | None = None
    pause: float | None = None


class Telemetry(Protocol):
    """What a session tells of its calls, beyond the log: `Session(telemetry=…)`.

    Both methods are called on the event loop and must not block it.
    """

    def call(self, operation: str, region: str, url: URL) -> AbstractContextManager[object]:
        """Return a context in which one call is made, all its attempts included."""
        ...

    def attempt(self, record: AttemptRecord) -> None:
        """Take note of an attempt that has ended, in the context of its call."""
        ...


def log_attempt(record: AttemptRecord) -> None:
    """Write the attempt's line, at DEBUG."""
    if record.error is None:
        outcome = "succeeded"
    elif record.pause is None:
        outcome = f"failed with {error_type(record.error)}, giving up"
    else:
        outcome = f"failed with {error_type(record.error)}, trying again in {record.pause:.3f} s"
    logger.debug(
        "%s in %s: attempt %d of %d %s (status=%s request_id=%s duration=%.1f ms)",
        record.operation,
        record.region,
        record.number,
        record.of,
        outcome,
        record.status,
        record.request_id,
        record.seconds * 1000,
    )


def error_type(error: BaseException) -> str:
    """Return a name for the kind of error: the API's own, or that of the exception's class."""
    if isinstance(error, ServiceError):
        return error.code
    return f"{type(error).__module__}.{type(error).__qualname__}"
