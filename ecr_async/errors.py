"""Every exception that this library raises, under one root.

    ECRError
    ├── ValidationError       a request that the service would reject, caught before it is sent
    ├── ConfigurationError    no region, an invalid endpoint, an invalid setting
    │   └── CheckpointError   the checkpoint of a scan cannot be used
    ├── CredentialsError      no credentials found, or the provider that had them failed
    ├── MissingExtraError     a part of this library needs packages that are not installed
    ├── SessionClosedError    a call on a session that is closed or was never opened
    ├── WrongEventLoopError   a call on a session that was entered in another event loop, thread or process
    ├── CallError             a call that was made and did not succeed
    │   ├── ServiceError      the service returned an error; modelled ones are subclasses
    │   ├── ResponseError     a response that doesn't follow the service's protocol
    │   └── TransportError    no complete response came
    │       ├── ConnectError  no connection was made, so the service never saw the call
    │       │   └── CertificateError  the server's certificate is not trusted; not tried again
    │       └── TimeoutError  a time limit of ours ran out (also a builtin TimeoutError)
    │           └── PoolTimeoutError  no connection came free in time, so nothing was sent
    ├── PaginationError       the pages do not end
    ├── TransferError         an image that could not be moved (in ecr_async.transfer.errors)
    └── WaiterError           the awaited state was not reached
        ├── WaiterFailedError     the service says that it never will be
        └── WaiterTimeoutError    not within the time given (also a builtin TimeoutError)

Some are defined in rooms of their own: `EventError` (`ecr_async.events`), `LifecyclePolicyError`
(`ecr_async.lifecycle`), `NotRunningError` (`ecr_async.local`). Messages are written where they are raised.

The service's modelled errors (`RepositoryNotFoundException`, …) are subclasses of `ServiceError` in
the modules of `ecr_async.api`, under the names that the API gives them.

No message, attribute or repr of these holds a credential, a signature or a token.
"""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from typing import Any, ClassVar, TypedDict, Unpack

__all__ = [
    "CallError",
    "CertificateError",
    "CheckpointError",
    "ConfigurationError",
    "ConnectError",
    "CredentialsError",
    "ECRError",
    "MissingExtraAttributeError",
    "MissingExtraError",
    "MissingExtraImportError",
    "PaginationError",
    "PoolTimeoutError",
    "ResponseError",
    "ServiceError",
    "SessionClosedError",
    "TimeoutError",
    "TransportError",
    "ValidationError",
    "WaiterError",
    "WaiterFailedError",
    "WaiterTimeoutError",
    "WrongEventLoopError",
]


class ECRError(Exception):
    """The root: `except ECRError` catches whatever this library raises on purpose."""


class ValidationError(ECRError, ValueError):
    """A request that breaks a limit of the API, or an impossible argument of a function. Nothing was sent.

    `path` names the field, down to the element: `image_ids[3].image_digest`.
    `limit` says what would have been accepted.
    """

    def __init__(self, path: str, limit: str, *, operation: str | None = None) -> None:
        super().__init__(path, limit)
        self.path = path
        self.limit = limit
        self.operation = operation

    def __str__(self) -> str:
        where = f"{self.operation}: " if self.operation else ""
        return f"{where}{self.path}: {self.limit}"


class ConfigurationError(ECRError):
    """The session cannot work as it is configured; the message says where we looked."""


class CheckpointError(ConfigurationError):
    """The checkpoint of a scan cannot be used; the message names the file, the reason and what to do."""


class CredentialsError(ECRError):
    """No credentials, or a provider that failed; the message says which and never what it holds."""


class MissingExtraError(ECRError):
    """A part of this library needs packages that are not installed; the message says how to get them.

    It is an `ImportError` where a module is imported (`import ecr_async.arrow`), and an `AttributeError`
    where it is named (`ecr_async.arrow`), as `hasattr`, `help` and `inspect` expect.
    """

    def __init__(self, extra: str, module: str) -> None:
        super().__init__(extra, module)
        self.extra = extra
        self.module = module

    def __str__(self) -> str:
        return f"{self.module} is not installed; get it with: pip install 'ecr-async[{self.extra}]'"


class MissingExtraImportError(MissingExtraError, ImportError):
    """A module cannot be imported without an extra."""


class MissingExtraAttributeError(MissingExtraError, AttributeError):
    """A name of the package is not there without an extra."""


class SessionClosedError(ECRError, RuntimeError):
    """The session is closed, or was not entered with `async with`."""


class WrongEventLoopError(ECRError, RuntimeError):
    """The session was entered in another event loop: an earlier `asyncio.run`, another thread or process.

    Connections belong to the event loop that made them. Enter a session of its own in each.
    """


class CallFacts(TypedDict, total=False):
    """Known facts about a failed call, as `CallError` describes them."""

    operation: str
    status: int | None
    request_id: str | None
    attempts: int
    retry_after: float | None


class CallError(ECRError):
    """A call that was made and did not succeed.

    `operation` is the API's name of it, `attempts` how many times it was sent, `status` the HTTP
    status and `request_id` the service's own name for the last attempt, if a response came; `retry_after`
    is the delay before the next attempt that the service requested, in seconds.

    `may_have_succeeded` is true where an attempt may have taken effect although the call failed: its
    response was lost, and what came afterwards is not a rejection, or the one that such an attempt would
    cause itself. A `RepositoryAlreadyExistsException` is of that kind if the first `CreateRepository` timed
    out and the second one found the repository made.
    """

    def __init__(
        self,
        message: str,
        *,
        operation: str = "",
        status: int | None = None,
        request_id: str | None = None,
        attempts: int = 1,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.operation = operation
        self.status = status
        self.request_id = request_id
        self.attempts = attempts
        self.retry_after = retry_after
        self.may_have_succeeded = False

    def _what(self) -> str:
        return self.message

    def __str__(self) -> str:
        known: list[str] = []
        if self.status is not None:
            known.append(f"HTTP {self.status}")
        if self.request_id:
            known.append(f"request {self.request_id}")
        known.append("1 attempt" if self.attempts == 1 else f"{self.attempts} attempts")
        where = f"{self.operation}: " if self.operation else ""
        return f"{where}{self._what()} ({', '.join(known)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self.args, self.__dict__.copy())


def _restore(cls: type[CallError], args: tuple[Any, ...], state: dict[str, Any]) -> CallError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class ServiceError(CallError):
    """An error that the service returned.

    `code` is the API's name of the error (`RepositoryNotFoundException`), `message` the service's
    sentence, `details` whatever else the error's body held. An error that the API does not declare
    is a plain `ServiceError`.
    """

    code: str = ""
    members: ClassVar[Mapping[str, str]] = {}
    """Modelled fields of this error: wire name to attribute."""

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        details: Mapping[str, Any] | None = None,
        **facts: Unpack[CallFacts],
    ) -> None:
        super().__init__(message, **facts)
        if code is not None:
            self.code = code
        self.details: Mapping[str, Any] = details or {}
        for wire, name in self.members.items():
            setattr(self, name, self.details.get(wire))

    def _what(self) -> str:
        return f"{self.code}: {self.message}" if self.message else self.code


class ResponseError(CallError):
    """A response that is not the service's: a proxy's HTML, a redirect, JSON that does not fit the API's
    model.

    `body` is the beginning of an error's body, at most 1,024 bytes; of a success nothing is kept, since
    it may hold a token. `truncated` says that the body of a success ended in the middle, so another
    attempt may get the whole of it.
    """

    def __init__(
        self,
        message: str,
        *,
        body: bytes = b"",
        truncated: bool = False,
        **facts: Unpack[CallFacts],
    ) -> None:
        super().__init__(message, **facts)
        self.body = body[:1024]
        self.truncated = truncated


class TransportError(CallError):
    """No complete response: connection refused, reset or dropped, a TLS failure. The service may have acted.

    `is_stale_connection` is true where a connection that had been used before was lost before any part of a
    response came, as it is when the server or something on the way has dropped it while it was idle.
    """

    is_stale_connection: bool = False


class ConnectError(TransportError):
    """No connection could be made, so the service never saw the call."""


class CertificateError(ConnectError):
    """The server's TLS certificate is not trusted: another host's, expired, or of an unknown authority.

    The next attempt would get the same one, so none is made. A private authority's
    certificates are given to a session as `ca_bundle`.
    """


class TimeoutError(TransportError, builtins.TimeoutError):
    """A time limit of ours ran out: connect, read, or the whole attempt."""


class PoolTimeoutError(TimeoutError):
    """No connection came free within the session's `pool_timeout`; the call was not sent."""


class PaginationError(ECRError):
    """The service returned a token for the second time: the pages would never end."""


class WaiterError(ECRError):
    """The awaited state was not reached. `last_response` is the last poll's response, or None."""

    def __init__(self, message: str, *, last_response: Any = None) -> None:
        super().__init__(message)
        self.last_response = last_response


class WaiterFailedError(WaiterError):
    """The service reports a state from which the awaited one is never reached."""


class WaiterTimeoutError(WaiterError, builtins.TimeoutError):
    """The awaited state was not reached within the time given."""
