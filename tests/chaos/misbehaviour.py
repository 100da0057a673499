"""A server that resets, stalls, truncates, lies, throttles and dies at random."""

import asyncio
import contextlib
import json
import random
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from tests.chaos.registry import Registry, Rejection
from tests.faults.server import Exchange, drop, head, page, reject, reset, respond, stall

__all__ = ["FAULTS", "Chaos"]

NOTHING = "nothing wrong"

Fault = Callable[["Chaos", Exchange], Coroutine[Any, Any, None]]


class Chaos:
    """The behaviour of a server: mostly right; `faults` are the shares of its responses that are not."""

    def __init__(
        self, registry: Registry, chance: random.Random, *, faults: Mapping[str, float] | None = None
    ) -> None:
        self.registry = registry
        self.chance = chance
        self.faults = faults or {}
        self.counts: Counter[str] = Counter()
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
        await FAULTS.get(name, Chaos.do_right)(self, exchange)

    def stop(self) -> None:
        """Let everything go right from now on."""
        self.faults, self._dead_for = {}, 0

    async def do_right(self, exchange: Exchange) -> None:
        try:
            body = json.dumps(self.registry.serve(exchange.request)).encode()
        except Rejection as rejection:
            await reject(str(rejection))(exchange)
        else:
            await respond(body)(exchange)

    async def do_and_lose(self, exchange: Exchange) -> None:
        """Carry out the request; the response is lost on its way."""
        with contextlib.suppress(Rejection):
            self.registry.serve(exchange.request)
        await self.chance.choice([drop, reset, stall])(exchange)

    async def truncate(self, exchange: Exchange) -> None:
        """Carry out the request, and send half of the response."""
        try:
            body = json.dumps(self.registry.serve(exchange.request)).encode()
        except Rejection:
            body = b'{"__type": "Rejection"}'
        await exchange.send(head(200, {"Content-Length": str(len(body))}) + body[: len(body) // 2])
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


LIES = [
    b"{",
    b"[]",
    b"null",
    b'{"repositories": 7, "imageDetails": 7, "repository": 7, "uploadId": 7, "status": 7}',
    b'{"repositories": [7], "imageDetails": [[]], "repository": [], "partSize": "x", "status": {}}',
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
