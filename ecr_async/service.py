"""One region's ECR, and the way that every call to it takes."""

import asyncio
from collections.abc import Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, ExitStack
from typing import Any, Self, TypeVar

from yarl import URL

from ecr_async._arguments import check_kinds
from ecr_async._http.body import Body
from ecr_async._http.proxy import proxy_for
from ecr_async._http.route import Route
from ecr_async._http.transport import Download, Reply
from ecr_async._pipeline.call import ATTEMPT_HEADER, INVOCATION_HEADER, Attempt, Call
from ecr_async._pipeline.idempotency import is_own_effect, leaves_doubt
from ecr_async._pipeline.instrumentation import is_observed, report_attempt
from ecr_async._pipeline.recovery import Recovery
from ecr_async._pipeline.runtime import Runtime
from ecr_async._retry.standard import RetryStrategy
from ecr_async._secret import SecretBytes
from ecr_async._wire import codec
from ecr_async._wire.operation import AnyOperation, Operation
from ecr_async._wire.structure import Structure
from ecr_async.errors import CallError, ConfigurationError, ResponseError

__all__ = ["Service", "call", "check_services", "not_a_service"]

ResponseT = TypeVar("ResponseT")

LARGE_RESPONSE = 128 * 1024
"""Responses larger than this many bytes are decoded one at a time, yielding to the event loop in between."""


class Service:
    """One region's ECR, as one session sees it: the first argument of every operation.

    Made by `Session.service`; cheap, and safe to share between tasks. The services of a session share
    its connections, credentials and clock; each has a retry quota of its own.
    """

    def __init__(
        self, runtime: Runtime, region: str, endpoint_url: str | None, retries: RetryStrategy
    ) -> None:
        self.region = region
        self.endpoint_url = endpoint_url
        self.retries = retries
        self._runtime = runtime
        self._route: Route | None = None

    def __repr__(self) -> str:
        account = f" of account {self.account}" if self.account else ""
        return f"<Service {self.region}{account}{f' at {self.endpoint_url}' if self.endpoint_url else ''}>"

    @property
    def account(self) -> str | None:
        """The account whose role the session has assumed; None for the session's own, whichever it is."""
        return self._runtime.account

    @property
    def runtime(self) -> Runtime:
        """What the services of the session share; not part of the public interface."""
        return self._runtime

    def call(self, operation: Operation[Any, ResponseT], request: Any) -> Coroutine[Any, Any, ResponseT]:
        """Make a call: encode, sign, send and decode; try again where that may help.

        Raises `ValidationError` for a request that violates the API's limits, `ServiceError` when the
        service rejects the call, `ResponseError` or `TransportError` when no response of the service came,
        `WrongEventLoopError` in another event loop than the one that the session was entered in.
        """
        check_kinds(Operation, operation=operation)
        if operation.heavy:
            return self._encode_in_thread_and_send(operation, request)
        return self.send(operation, _encode(operation, request))

    async def _encode_in_thread_and_send(
        self, operation: Operation[Any, ResponseT], request: Any
    ) -> ResponseT:
        return await self.send(operation, await asyncio.to_thread(_encode, operation, request))

    async def send(self, operation: Operation[Any, ResponseT], body: Body) -> ResponseT:
        """Make a call whose request is encoded already. Raises what `call` raises, except
        `ValidationError`.
        """
        runtime = self._runtime
        runtime.check_usable()
        if self._route is None:
            self._route = await runtime.routes.find(self.region, self.endpoint_url)
        call = Call(operation, body, self._route, self.retries.begin(operation.name))
        recovery: Recovery | None = None
        with self._context_of(call):
            while True:
                if call.attempts.is_paced:
                    await call.attempts.admission()
                attempt = Attempt(runtime.monotonic())
                try:
                    response = await self._attempt(call, attempt)
                except CallError as error:
                    _complete(error, call, attempt)
                    recovery = recovery or Recovery(call, runtime.clock, runtime.credentials)
                    delay = await recovery.next_delay(attempt, error)
                    self._report(call, attempt, error, delay)
                    if delay is None:
                        raise
                else:
                    self._report(call, attempt)
                    call.attempts.succeed()
                    return response
                await asyncio.sleep(delay)

    async def _attempt(self, call: Call[ResponseT], attempt: Attempt) -> ResponseT:
        runtime, route = self._runtime, call.route
        credentials = runtime.credentials.current or await runtime.credentials.get()
        async with runtime.transport.connection() as connection:
            attempt.started = runtime.monotonic()
            if connection.has_waited:
                credentials = runtime.credentials.current or credentials
            attempt.credentials = credentials
            headers = route.signer.sign(
                call.operation.target, call.body.sha256, credentials, runtime.clock.now()
            )
            headers[INVOCATION_HEADER] = call.invocation
            headers[ATTEMPT_HEADER] = call.attempts.header
            attempt.headers = headers
            attempt.reply = reply = await connection.post(
                route.url, headers, call.body.content, route.proxy, fresh=call.needs_new_connection
            )
            if reply.status == 200 and len(reply.body) < LARGE_RESPONSE:
                return codec.decode(call.operation, reply.body)
            if reply.status == 200:
                return await self._decode_in_turn(call.operation, reply)
        raise codec.decode_error(
            call.operation,
            reply.status,
            reply.headers,
            reply.body,
            find_error=runtime.find_error,
            redactor=attempt.redactor,
        )

    async def _decode_in_turn(self, operation: Operation[Any, ResponseT], reply: Reply) -> ResponseT:
        """Decode a large response, at most one in a turn of the event loop.

        One that has just been read is decoded at once, as long as the processor has it in its caches.
        """
        decoding = self._runtime.decoding
        if not decoding.take():
            await decoding.wait()
        try:
            steps = codec.decode_in_steps(operation, reply.body)
            while True:
                try:
                    next(steps)
                except StopIteration as finished:
                    response: ResponseT = finished.value
                    return response
                await asyncio.sleep(0)
        finally:
            self._runtime.loop.call_soon(decoding.give_back)

    @property
    def shared(self) -> dict[object, Any]:
        """What lives as long as the session and is the same for all of its services."""
        return self._runtime.shared

    def now(self) -> float:
        """Return the time as the service has it, in seconds since the epoch."""
        return self._runtime.clock.now()

    def download(
        self, url: str, headers: Mapping[str, str] | None = None, *, method: str = "GET"
    ) -> AbstractAsyncContextManager[Download]:
        """Request something other than ECR's API over the session's connections: a layer at its signed URL.

        Nothing is signed and nothing tried again. Raises `TransportError` or `ResponseError` when there is
        no HTTP response; any status is returned.
        """
        check_kinds(str, url=url, method=method)
        check_kinds(Mapping | None, headers=headers)
        self._runtime.check_usable()
        try:
            target = URL(url, encoded=True)  # a signed URL is good only as it was signed
        except ValueError:
            raise ResponseError("the URL is not one of HTTP") from None
        proxy = proxy_for(target) if self._runtime.config.trust_env else None
        return self._runtime.transport.download(method, target, headers or {}, proxy)

    def _context_of(self, call: Call[Any]) -> AbstractContextManager[object]:
        telemetry = self._runtime.telemetry
        if telemetry is None:
            return call.attempts
        context = ExitStack()
        context.enter_context(telemetry.call(call.operation.name, self.region, call.route.url))
        context.enter_context(call.attempts)
        return context

    def _report(
        self, call: Call[Any], attempt: Attempt, error: CallError | None = None, delay: float | None = None
    ) -> None:
        runtime = self._runtime
        if is_observed(runtime.telemetry):
            report_attempt(
                call,
                attempt,
                region=self.region,
                now=runtime.monotonic(),
                telemetry=runtime.telemetry,
                error=error,
                retry_delay=delay,
            )

    def with_retries(self, retries: RetryStrategy) -> Self:
        """Return this service with another retry strategy."""
        check_kinds(RetryStrategy, retries=retries)
        return type(self)(self._runtime, self.region, self.endpoint_url, retries)


def call(
    service: Service, operation: Operation[Any, ResponseT], request: Any
) -> Coroutine[Any, Any, ResponseT]:
    """Make the call of an operation's function. Raises `ConfigurationError` where `service` isn't one."""
    if not isinstance(service, Service):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise not_a_service("service", service)
    return service.call(operation, request)


def check_services(**arguments: object) -> None:
    """Raise `ConfigurationError` that names the first of the arguments that isn't a `Service`."""
    for name, given in arguments.items():
        if not isinstance(given, Service):
            raise not_a_service(name, given)


def not_a_service(path: str, given: object, expected: str = "a Service") -> ConfigurationError:
    """Return the error for what was passed in the place of a service; it says what to pass instead."""
    hint = ""
    if isinstance(given, Structure):
        hint = "; the service comes before the request"
    elif callable(getattr(given, "service", None)):
        hint = "; pass session.service()"
    shown = "None" if given is None else type(given).__name__
    return ConfigurationError(f"{path}: must be {expected}, not {shown}{hint}")


def _encode(operation: AnyOperation, request: Any) -> Body:
    return Body.of(SecretBytes(codec.encode(operation, request)))


def _complete(error: CallError, call: Call[Any], attempt: Attempt) -> None:
    """Add to an attempt's error what the layer that failed did not know."""
    error.operation = call.operation.name
    error.attempts = call.attempts.made - (attempt.started is None)
    if attempt.reply is not None:
        error.status, error.request_id = attempt.reply.status, attempt.reply.request_id
    error.request_id = error.request_id and attempt.redactor.text(error.request_id)
    call.is_doubtful = call.is_doubtful or leaves_doubt(error)
    error.may_have_succeeded = call.is_doubtful and is_own_effect(error.operation, error)
