"""One region's ECR, and the way that every call to it takes."""

import asyncio
import contextlib
import copy
import logging
import time
from collections import defaultdict
from hashlib import sha256
from typing import TYPE_CHECKING, Any, TypeVar

from ecr_async._auth.signing import without_secrets
from ecr_async._gc import collection_paused
from ecr_async._http.route import Route, find_route
from ecr_async._pipeline.call import Call
from ecr_async._pipeline.instrumentation import AttemptRecord, log_attempt, logger
from ecr_async._pipeline.recovery import recover
from ecr_async._retry.rate_limiter import RateLimiter
from ecr_async._retry.standard import RetryStrategy, classify
from ecr_async._wire import codec
from ecr_async._wire.operation import AnyOperation, Operation
from ecr_async.errors import CallError

if TYPE_CHECKING:
    from ecr_async.session import Session

__all__ = ["Service"]

ResponseT = TypeVar("ResponseT")

_UNTOLD = contextlib.nullcontext()

LARGE_ANSWER = 128 * 1024
"""Bytes above which answers are decoded one at a time, the event loop having its turn between them."""


class Service:
    """One region's ECR, as one session sees it: the first argument of every operation.

    Made by `Session.service`; cheap, and safe to share between tasks. The services of a session share
    its connections, credentials and clock; each has a retry quota of its own.
    """

    def __init__(
        self, session: "Session", region: str, endpoint_url: str | None, retries: RetryStrategy
    ) -> None:
        self.region = region
        self.endpoint_url = endpoint_url
        self.retries = retries
        self._session = session
        self._limiters = _limiters() if retries.config.mode == "adaptive" else None
        self._route: Route | None = None

    def __repr__(self) -> str:
        return f"<Service {self.region}{f' at {self.endpoint_url}' if self.endpoint_url else ''}>"

    async def call(self, operation: Operation[Any, ResponseT], request: Any) -> ResponseT:
        """Make a call: encode, sign, send, decode, and again where that may help.

        Raises `ValidationError` for a request that breaks the API's limits, `ServiceError` for the
        service's refusal, `ResponseError` or `TransportError` when no answer of the service came.
        """
        if operation.heavy:
            body, digest = await asyncio.to_thread(_prepared, operation, request)
        else:
            body, digest = _prepared(operation, request)
        if self._route is None:
            self._route = await find_route(self._session.opened.config, self.region, self.endpoint_url)
        call = Call(operation, body, digest, self._route, self.retries.begin())
        limiter = None if self._limiters is None else self._limiters[operation.name]
        telemetry = self._session.telemetry
        with _UNTOLD if telemetry is None else telemetry.call(operation.name, self.region, self._route.url):
            while True:
                sent = await limiter.acquire() if limiter else 0.0
                try:
                    response = await self._attempt(call)
                except CallError as error:
                    call.complete(error)
                    if limiter and classify(error) == "throttling":
                        limiter.throttled(error.retry_after, sent=sent)
                    delay = await self._delay_after(call, error)
                    self._observe(call, error, delay)
                    if delay is None:
                        raise
                else:
                    self._observe(call)
                    call.attempts.succeed()
                    return response
                await asyncio.sleep(delay)

    async def _delay_after(self, call: Call[Any], error: CallError) -> float | None:
        """Return the seconds to wait before the next attempt, None to give up."""
        session = self._session
        if await recover(call, error, session.clock, session.opened.credentials):
            return call.attempts.at_once()
        return call.attempts.next_delay(error)

    async def _attempt(self, call: Call[ResponseT]) -> ResponseT:
        clock, opened, route = self._session.clock, self._session.opened, call.route
        call.reply = None
        call.credentials = opened.credentials.current or await opened.credentials.get()
        call.clock_offset = clock.offset
        headers = route.signer.sign(call.operation.target, call.digest, call.credentials, clock.now())
        headers["amz-sdk-invocation-id"] = call.invocation
        headers["amz-sdk-request"] = call.attempts.header
        call.reply = reply = await opened.transport.post(route.url, headers, call.body, route.proxy)
        if reply.status != 200:
            body = without_secrets(reply.body, headers)
            raise codec.decode_error(call.operation, reply.status, reply.headers, body)
        if len(reply.body) < LARGE_ANSWER:
            return codec.decode(call.operation, reply.body)
        async with opened.decoding:
            return await _decoded_in_steps(call.operation, reply.body)

    def _observe(self, call: Call[Any], error: CallError | None = None, pause: float | None = None) -> None:
        """Tell of the attempt that has just ended whoever wants to know."""
        telemetry = self._session.telemetry
        logged = logger.isEnabledFor(logging.DEBUG)
        if not logged and telemetry is None:
            return
        answer = error or call.reply
        record = AttemptRecord(
            operation=call.operation.name,
            region=self.region,
            number=call.attempts.attempt if error is None else error.attempts,
            of=call.attempts.max_attempts,
            seconds=time.perf_counter() - call.started,
            status=answer.status if answer else None,
            request_id=answer.request_id if answer else None,
            error=error,
            pause=pause,
        )
        if logged:
            log_attempt(record)
        if telemetry is not None:
            telemetry.attempt(record)

    def paced(self, retries: RetryStrategy) -> "Service":
        """Return this service with other retries, and its calls paced to what it admits.

        That is how `retry_mode="adaptive"` paces: one rate limiter for each operation. They live as long
        as the Service that has them; an adaptive one shares its own.
        """
        paced = copy.copy(self)
        paced.retries = retries
        paced._limiters = self._limiters if self._limiters is not None else _limiters()
        return paced


def _prepared(operation: AnyOperation, request: Any) -> tuple[bytes, str]:
    body = codec.encode(operation, request)
    return body, sha256(body).hexdigest()


async def _decoded_in_steps(operation: Operation[Any, ResponseT], body: bytes) -> ResponseT:
    """Decode a large answer, giving the event loop its turn after each half."""
    with collection_paused():
        document = codec.parse(body)
        await asyncio.sleep(0)
        response = codec.structure(operation, document)
        del document  # as many objects again, which need not wait for another turn
    await asyncio.sleep(0)
    return response


def _limiters() -> defaultdict[str, RateLimiter]:
    """Return the rate limiters of operations, by name, each made on first use, with its event loop's clock."""
    return defaultdict(lambda: RateLimiter(monotonic=asyncio.get_running_loop().time))
