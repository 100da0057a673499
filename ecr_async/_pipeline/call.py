"""One call under way, and one attempt of it."""

import random
import uuid
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import msgspec
from multidict import istr

from ecr_async._auth.credentials import Credentials
from ecr_async._http.body import Body
from ecr_async._http.route import Route
from ecr_async._http.transport import Reply
from ecr_async._record import Record
from ecr_async._retry.standard import Attempts
from ecr_async._wire.operation import Operation
from ecr_async._wire.redaction import Redactor

__all__ = ["ATTEMPT_HEADER", "INVOCATION_HEADER", "Attempt", "Call"]

ResponseT = TypeVar("ResponseT")

INVOCATION_HEADER = istr("amz-sdk-invocation-id")
ATTEMPT_HEADER = istr("amz-sdk-request")

_PREFIX = str(uuid.UUID(int=random.getrandbits(128), version=4))[:-12]


def _invocation() -> str:
    """Return a name for a call: a UUID whose last part alone is new, which costs a tenth of a whole one."""
    return f"{_PREFIX}{random.getrandbits(48):012x}"


class Call(Record, Generic[ResponseT]):
    """One call: the same bytes on all attempts. `invocation` names it to the service.

    `needs_new_connection` is set once a used one turned out to be dead, `is_doubtful` once an attempt failed
    in a way that leaves open whether it took effect.
    """

    operation: Operation[Any, ResponseT]
    body: Body
    route: Route
    attempts: Attempts
    invocation: str = msgspec.field(default_factory=_invocation)
    needs_new_connection: bool = False
    is_doubtful: bool = False


class Attempt(Record):
    """One attempt: what it was made with, and what came back.

    `queued` and `started` are on the runtime's monotonic clock, in seconds: when the wait for a connection
    began, and when it was over, or None if it never was. `headers` are those that were sent, `reply` is
    None until one came.
    """

    queued: float
    started: float | None = None
    credentials: Credentials | None = None
    headers: Mapping[str, str] = {}
    reply: Reply | None = None

    @property
    def request_id(self) -> str | None:
        """The service's own name for the attempt."""
        found = self.reply.request_id if self.reply else None
        return found and self.redactor.text(found)

    @property
    def redactor(self) -> Redactor:
        """What takes this attempt's secrets out of a text."""
        signature = self.headers.get("Authorization", "").rpartition("=")[2]
        if self.credentials is None:
            return Redactor([signature])
        return Redactor([signature, self.credentials.session_token, self.credentials.secret_access_key])
