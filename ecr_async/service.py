"""One region's ECR, and the way that every call to it takes."""

import asyncio
import copy
import logging
import random
import time
import uuid
from collections import defaultdict
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import attrs
from yarl import URL

from ecr_async import codec
from ecr_async.credentials import Credentials
from ecr_async.endpoints import resolve
from ecr_async.errors import CallError, ServiceError
from ecr_async.observation import AttemptRecord, log_attempt, logger
from ecr_async.operation import AnyOperation, Operation
from ecr_async.rates import RateLimiter
from ecr_async.retries import Attempts, RetryStrategy, classify
from ecr_async.signing import Signer, without_secrets
from ecr_async.transport import Reply, proxy_for

if TYPE_CHECKING:
    from ecr_async.session import Session

__all__ = ["Service"]

ResponseT = TypeVar("ResponseT")

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


class Service:
    """One region's ECR, as one session sees it: the first argument of every operation.

    Made by `Session.service`; cheap, and safe to share between tasks. The services of a session share
    its connections, credentials and clock; each has a retry quota of its own.
    """

    def __init__(
        self, session: "Session", region: str, endpoint_url: str | None, retries: RetryStrategy
    ) -> None:
        self.region = region
        self.retries = retries
        self._session = session
        self.endpoint_url = endpoint_url
        self._limiters = _limiters() if retries.config.mode == "adaptive" else None
        self._route: _Route | None = None

    def __repr__(self) -> str:
        return f"<Service {self.region}{f' at {self.endpoint_url}' if self.endpoint_url else ''}>"

    async def call(self, operation: Operation[Any, ResponseT], request: Any) -> ResponseT:
        """Make a call: encode, sign, send, decode, and again where that may help.

        Raises `ValidationError` for a request that breaks the API's limits, `ServiceError` for the
        service's refusal, `ResponseError` or `TransportError` when no answer of the service came.
        """
        body, digest = await _prepared(operation, request)
        route = self._route or await self._find_route()
        call = _Call(operation, body, digest, route, self.retries.begin())
        telemetry = self._session.telemetry
        if telemetry is None:
            return await self._carry_out(call)
        with telemetry.call(operation.name, self.region, route.url):
            return await self._carry_out(call)

    async def _carry_out(self, call: "_Call[ResponseT]") -> ResponseT:
        limiter = None if self._limiters is None else self._limiters[call.operation.name]
        while True:
            sent = await limiter.acquire() if limiter else 0.0
            call.started = time.perf_counter()
            try:
                response = await self._attempt(call)
            except CallError as error:
                call.complete(error)
                if limiter and classify(error) == "throttling":
                    limiter.throttled(error.retry_after, sent=sent)
                remedied = await self._remedied(call, error)
                delay = call.attempts.at_once() if remedied else call.attempts.next_delay(error)
                self._observe(call, error, delay)
                if delay is None:
                    raise
            else:
                self._observe(call)
                call.attempts.succeed()
                return response
            await asyncio.sleep(delay)

    def paced(self, retries: RetryStrategy) -> "Service":
        """Return this service with other retries, and its calls paced to what it admits.

        That is how `retry_mode="adaptive"` paces: one rate limiter for each operation. They live as long
        as the Service that has them; an adaptive one shares its own.
        """
        paced = copy.copy(self)
        paced.retries = retries
        paced._limiters = self._limiters if self._limiters is not None else _limiters()
        return paced

    async def _attempt(self, call: "_Call[ResponseT]") -> ResponseT:
        session = self._session
        transport = session.transport
        call.reply = None
        call.credentials = session.credentials.current or await session.credentials.get()
        call.clock_offset = session.clock.offset
        headers = call.route.signer.sign(
            call.operation.target, call.digest, call.credentials, session.clock.now()
        )
        headers["User-Agent"] = session.user_agent
        headers["amz-sdk-invocation-id"] = call.invocation
        headers["amz-sdk-request"] = call.attempts.header
        call.reply = reply = await transport.post(call.route.url, headers, call.body, call.route.proxy)
        if reply.status == 200:
            return codec.decode(call.operation, reply.body)
        body = without_secrets(reply.body, headers)
        raise codec.decode_error(call.operation, reply.status, reply.headers, body)

    async def _remedied(self, call: "_Call[Any]", error: CallError) -> bool:
        """Set right, once a call, what the service may refuse us for: our clock, credentials that ended early."""
        code = error.code if isinstance(error, ServiceError) else None
        if code in CLOCK_ERRORS and not call.clock_corrected and call.reply is not None:
            clock = self._session.clock
            clock.learn(call.reply.headers.get("Date"))
            call.clock_corrected = clock.offset != call.clock_offset
            return call.clock_corrected
        if code in CREDENTIALS_ERRORS and not call.credentials_replaced and call.credentials is not None:
            call.credentials_replaced = await self._session.credentials.replace(call.credentials)
            return call.credentials_replaced
        return False

    def _observe(
        self, call: "_Call[Any]", error: CallError | None = None, pause: float | None = None
    ) -> None:
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

    async def _find_route(self) -> "_Route":
        """Resolve the endpoint, once; botocore's rules are read off the event loop."""
        config = self._session.config
        options = {"use_fips": config.use_fips, "use_dualstack": config.use_dualstack}
        if self.endpoint_url is None:
            endpoint = await asyncio.to_thread(resolve, self.region, **options)
        else:
            endpoint = resolve(self.region, **options, endpoint_url=self.endpoint_url)
        url = URL(endpoint.url)
        signer = Signer(_host_header(url), url.raw_path, endpoint.signing_region, endpoint.signing_name)
        self._route = _Route(url, signer, proxy_for(url))
        return self._route


@attrs.frozen
class _Route:
    """Where calls go: the URL, what signs for it, and the proxy on the way."""

    url: URL
    signer: Signer
    proxy: URL | None


def _invocation() -> str:
    """Return a name for a call, the same on all its attempts."""
    return str(uuid.UUID(int=random.getrandbits(128), version=4))


@attrs.define
class _Call(Generic[ResponseT]):
    """A call on its way: what is sent, and how the last attempt was made."""

    operation: Operation[Any, ResponseT]
    body: bytes
    digest: str
    route: _Route
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


def _limiters() -> defaultdict[str, RateLimiter]:
    """Return the rate limiters of operations, by name, each made on first use, with its event loop's clock."""
    return defaultdict(lambda: RateLimiter(monotonic=asyncio.get_running_loop().time))


def _host_header(url: URL) -> str:
    host = url.host_subcomponent or ""
    return host if url.is_default_port() or url.explicit_port is None else f"{host}:{url.explicit_port}"


async def _prepared(operation: AnyOperation, request: Any) -> tuple[bytes, str]:
    """Return the body and its hash; a blob's are made off the event loop."""

    def prepare() -> tuple[bytes, str]:
        body = codec.encode(operation, request)
        return body, sha256(body).hexdigest()

    return await asyncio.to_thread(prepare) if operation.heavy else prepare()
