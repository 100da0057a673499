"""A call on its way: what is sent, and how its last attempt was made."""

import random
import uuid
from typing import Any, Generic, TypeVar

import attrs

from ecr_async._auth.credentials import Credentials
from ecr_async._http.route import Route
from ecr_async._http.transport import Reply
from ecr_async._retry.standard import Attempts
from ecr_async._wire.operation import Operation
from ecr_async.errors import CallError

__all__ = ["Call"]

ResponseT = TypeVar("ResponseT")

_PREFIX = str(uuid.UUID(int=random.getrandbits(128), version=4))[:-12]


def _invocation() -> str:
    """Return a name for a call: a UUID whose last part alone is new, which costs a tenth of a whole one."""
    return f"{_PREFIX}{random.getrandbits(48):012x}"


@attrs.define(eq=False, repr=False)
class Call(Generic[ResponseT]):
    """One call: the same bytes on all attempts, and what is known of the last one.

    `invocation` names the call to the service, `started` is when the last attempt began, on the
    performance counter; `credentials`, `clock_offset` and `reply` are what it was made with and what
    came of it.
    """

    operation: Operation[Any, ResponseT]
    body: bytes
    digest: str
    route: Route
    attempts: Attempts
    invocation: str = attrs.field(factory=_invocation)
    started: float = 0.0
    credentials: Credentials | None = None
    credentials_replaced: bool = False
    clock_offset: float = 0.0
    clock_corrected: bool = False
    reply: Reply | None = None

    def complete(self, error: CallError) -> None:
        """Tell a failed attempt's error what the layer that failed did not know."""
        error.operation, error.attempts = self.operation.name, self.attempts.attempt
        if self.reply is not None:
            error.status, error.request_id = self.reply.status, self.reply.request_id
