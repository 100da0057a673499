"""One region's ECR, and the way that every call to it takes."""

import asyncio
import copy
import logging
import random
import uuid
from collections import defaultdict
from hashlib import sha256
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
from yarl import URL

from ecr_async import codec
from ecr_async.endpoints import resolve
from ecr_async.errors import CallError
from ecr_async.operation import AnyOperation, Operation
from ecr_async.rates import RateLimiter
from ecr_async.retries import Attempts, RetryStrategy, classify
from ecr_async.signing import Signer
from ecr_async.transport import proxy_for

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

logger = logging.getLogger("ecr_async")


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
        invocation = str(uuid.UUID(int=random.getrandbits(128), version=4))  # noqa: S311 - a name, no secret
        attempts = self.retries.begin()
        limiter = None if self._limiters is None else self._limiters[operation.name]
        while True:
            sent = await limiter.acquire() if limiter else 0.0
            try:
                response = await self._attempt(operation, body, digest, invocation, attempts)
            except CallError as error:
                error.operation, error.attempts = operation.name, attempts.attempt
                if limiter and classify(error) == "throttling":
                    limiter.throttled(error.retry_after, sent=sent)
                delay = attempts.next_delay(error)
                logger.debug(
                    "%s: %s", error, "giving up" if delay is None else f"trying again in {delay:.3f} s"
                )
                if delay is None:
                    raise
            else:
                attempts.succeed()
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

    async def _attempt(
        self,
        operation: Operation[Any, ResponseT],
        body: bytes,
        digest: str,
        invocation: str,
        attempts: Attempts,
        *,
        clock_corrected: bool = False,
    ) -> ResponseT:
        session = self._session
        transport = session.transport
        route = self._route or await self._find_route()
        credentials = session.credentials.current or await session.credentials.get()
        offset = session.clock.offset
        headers = route.signer.sign(operation.target, digest, credentials, session.clock.now())
        headers["User-Agent"] = session.user_agent
        headers["amz-sdk-invocation-id"] = invocation
        headers["amz-sdk-request"] = attempts.header
        reply = await transport.post(route.url, headers, body, route.proxy)
        if reply.status == 200:
            return codec.decode(operation, reply.body)
        error = codec.decode_error(operation, reply.status, reply.headers, reply.body)
        if getattr(error, "code", None) in CLOCK_ERRORS and not clock_corrected:
            session.clock.learn(reply.headers.get("Date"))
            if session.clock.offset != offset:
                return await self._attempt(
                    operation, body, digest, invocation, attempts, clock_corrected=True
                )
        raise error

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
