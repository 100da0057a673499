"""A server that resets, stalls, truncates, lies, throttles and dies at random."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol

import attrs

from tests.faults.server import JSON, Exchange, Request, drop, head, page, reject, reset, respond, stall

__all__ = ["FAULTS", "Backend", "Chaos", "Reply"]

NOTHING = "nothing wrong"

Fault = Callable[["Chaos", Exchange], Coroutine[Any, Any, None]]


@attrs.frozen
class Reply:
    """A right response."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = {"Content-Type": JSON}

    @property
    def head(self) -> bytes:
        """What comes before the body."""
        return head(self.status, {**self.headers, "Content-Length": str(len(self.body))})


class Backend(Protocol):
    """What carries out the requests."""

    async def respond(self, request: Request) -> Reply:
        """Carry out a request."""
        ...


class Chaos:
    """The behaviour of a server: mostly right; `faults` are the shares of its responses that are not.

    `counts` are the requests by what was done, and `calls` is how many of them a call began with.
    """

    def __init__(
        self, backend: Backend, chance: random.Random, *, faults: Mapping[str, float] | None = None
    ) -> None:
        self.backend = backend
        self.chance = chance
        self.faults = faults or {}
        self.counts: Counter[str] = Counter()
        self.calls = 0
        self._dead_for = 0

    async def serve(self, exchange: Exchange) -> None:
        """Answer one request, or do what servers do."""
        name = NOTHING
        if self._dead_for:
            self._dead_for -= 1
            name = "is dead"
        elif self.faults:
            right = 1 - sum(self.faults.values())
            name = self.chance.choices([NOTHING, *self.faults], [right, *self.faults.values()])[0]
        self.counts[name] += 1
        self.calls += exchange.request.headers.get("amz-sdk-request", "").startswith("attempt=1;")
        await FAULTS.get(name, Chaos.do_right)(self, exchange)

    def stop(self) -> None:
        """Let everything go right from now on."""
        self.faults, self._dead_for = {}, 0

    async def do_right(self, exchange: Exchange) -> None:
        reply = await self.backend.respond(exchange.request)
        await exchange.send(reply.head + reply.body)

    async def do_and_lose(self, exchange: Exchange) -> None:
        """Carry out the request; the response is lost on its way."""
        await self.backend.respond(exchange.request)
        await self.chance.choice([drop, reset, stall])(exchange)

    async def truncate(self, exchange: Exchange) -> None:
        """Carry out the request, and send a part of the response."""
        reply = await self.backend.respond(exchange.request)
        part = self.chance.choice(
            [reply.head[:20], reply.head, reply.head + reply.body[: len(reply.body) // 2]]
        )
        await exchange.send(part)
        await self.chance.choice([drop, reset, stall])(exchange)

    async def be_slow(self, exchange: Exchange) -> None:
        try:
            async with asyncio.timeout(self.chance.uniform(0, 20)):
                await exchange.wait_for_the_client_to_hang_up()
        except TimeoutError:
            await self.do_right(exchange)

    async def hang_up_afterwards(self, exchange: Exchange) -> None:
        await self.do_right(exchange)
        await self.chance.choice([drop, reset])(exchange)

    async def die(self, exchange: Exchange) -> None:
        self._dead_for = self.chance.randrange(20)
        await reset(exchange)

    async def lie(self, exchange: Exchange) -> None:
        """Send something else than a response of the operation."""
        await respond(self.chance.choice(LIES))(exchange)

    async def throttle(self, exchange: Exchange) -> None:
        await reject("ThrottlingException", x_amz_retry_after=str(self.chance.randrange(0, 3000)))(exchange)

    async def fail(self, exchange: Exchange) -> None:
        await self.chance.choice(FAILURES)(exchange)


MEMBERS = (
    "downloadUrl",
    "failures",
    "image",
    "imageDetails",
    "imageIds",
    "images",
    "layerDigest",
    "layers",
    "partSize",
    "policyText",
    "repositories",
    "repository",
    "status",
    "uploadId",
)
"""Members of responses, each of which has a type that is neither an empty list nor a number of 7.5."""

LIES = [
    b"{",
    b"[]",
    b"null",
    *(
        b"{%s}" % b", ".join(b'"%s": %s' % (name.encode(), value) for name in MEMBERS)
        for value in (b"7.5", b"[[]]")
    ),
    b"<html></html>",
    b"\xff\xfe",
]

FAILURES = [
    page(500),
    page(502),
    page(503),
    page(504),
    page(301, Location="http://127.0.0.1:9/"),
    page(403),
    page(407),
    reject("ServerException", 500),
    reject("InvalidSignatureException"),
    reject("ExpiredTokenException"),
]


async def _speak_another_protocol(_: Chaos, exchange: Exchange) -> None:
    await exchange.send(b"220 mail.example ESMTP\r\n\r\n")
    exchange.close()


async def _switch_protocols(_: Chaos, exchange: Exchange) -> None:
    await exchange.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n")
    await exchange.wait_for_the_client_to_hang_up()


FAULTS: dict[str, Fault] = {
    "closes before it acts": lambda _, exchange: drop(exchange),
    "resets before it acts": lambda _, exchange: reset(exchange),
    "stalls": lambda _, exchange: stall(exchange),
    "acts and loses the response": Chaos.do_and_lose,
    "truncates": Chaos.truncate,
    "is slow": Chaos.be_slow,
    "hangs up afterwards": Chaos.hang_up_afterwards,
    "dies": Chaos.die,
    "is dead": lambda _, exchange: reset(exchange),
    "lies": Chaos.lie,
    "throttles": Chaos.throttle,
    "fails": Chaos.fail,
    "speaks another protocol": _speak_another_protocol,
    "switches protocols": _switch_protocols,
}
