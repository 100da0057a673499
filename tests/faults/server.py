"""An HTTP/1.1 server on loopback that misbehaves as a test wants it to, byte by byte.

    async with FaultServer(drop, respond()) as server:
        async with session_for(server) as session:
            ...

The first request meets the first behaviour, the second request the second; the last one stays. When
the block ends, no connection may be open and no task may be left that was begun in it: else the test fails.
"""

import asyncio
import json
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Self, TypeAlias

import attrs

import ecr_async as ecr
from tests.virtual_time import in_real_time

REQUEST_ID = "8ec6ce1f-0000-4000-8000-b4a5f1cc33d0"
JSON = "application/x-amz-json-1.1"
HTML = "text/html"


@attrs.frozen
class Request:
    """What a client sent, on the how-many-th connection."""

    connection: int
    line: str
    headers: Mapping[str, str]
    body: bytes


@attrs.frozen
class Exchange:
    """A request, and the connection for the response."""

    request: Request
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def close(self) -> None:
        self.writer.close()

    async def wait_for_the_client_to_hang_up(self) -> None:
        await self.reader.read()


Behaviour: TypeAlias = Callable[[Exchange], Awaitable[None]]


class FaultServer:
    """Listens on 127.0.0.1 and keeps count of requests and connections.

    `slow` is how a request's body is taken: so many bytes, then a pause of so many seconds, and so on. With
    `remembers=False` it keeps neither requests nor what has ended.
    """

    def __init__(
        self,
        *behaviours: Behaviour,
        tls: ssl.SSLContext | None = None,
        slow: tuple[int, float] | None = None,
        remembers: bool = True,
    ) -> None:
        self.requests: list[Request] = []
        self.connections = 0
        self.most_connections = 0
        self._behaviours = list(behaviours)
        self._tls = tls
        self._slow = slow
        self._remembers = remembers
        self._serving: list[asyncio.Task[Any]] = []
        self._open: set[asyncio.Task[Any]] = set()
        self._changed = asyncio.Condition()

    async def __aenter__(self) -> Self:
        self._earlier = asyncio.all_tasks()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        if error is None:
            await self.wait_until_open(0)
            await asyncio.gather(*self._serving)
            assert asyncio.all_tasks() <= self._earlier

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def open_connections(self) -> int:
        return len(self._open)

    async def wait_until_open(self, connections: int) -> None:
        """Wait until exactly so many connections are open; fail if that doesn't come about."""
        async with asyncio.timeout(1), self._changed:
            await self._changed.wait_for(lambda: len(self._open) == connections)

    async def wait_until_requested(self, requests: int) -> None:
        """Wait until at least so many requests have come in."""
        async with asyncio.timeout(1), self._changed:
            await self._changed.wait_for(lambda: len(self.requests) >= requests)

    def sent(self, header: str) -> list[str | None]:
        """What each request had in a header."""
        return [request.headers.get(header.lower()) for request in self.requests]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.append(task)
        self._open.add(task)
        self.connections += 1
        self.most_connections = max(self.most_connections, len(self._open))
        await self._notify()
        try:
            await self._talk(self.connections, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has hung up
        finally:
            self._open.discard(task)
            writer.close()
            if not self._remembers:
                self._serving.remove(task)
            await self._notify()

    async def _talk(
        self, connection: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while not writer.is_closing():
            request = await self._read(connection, reader)
            if self._remembers:
                self.requests.append(request)
            await self._notify()
            behaviour = self._behaviours.pop(0) if len(self._behaviours) > 1 else self._behaviours[0]
            await behaviour(Exchange(request, reader, writer))

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _read(self, connection: int, reader: asyncio.StreamReader) -> Request:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *fields = head.rstrip("\r\n").split("\r\n")
        headers = {name.lower(): value.strip() for name, value in (field.split(":", 1) for field in fields)}
        body = await self._read_body(reader, int(headers.get("content-length", 0)))
        return Request(connection, line, headers, body)

    async def _read_body(self, reader: asyncio.StreamReader, size: int) -> bytes:
        if self._slow is None:
            with in_real_time():
                return await reader.readexactly(size)
        at_once, pause = self._slow
        pieces: list[bytes] = []
        while size:
            pieces.append(await reader.readexactly(min(size, at_once)))
            size -= len(pieces[-1])
            await asyncio.sleep(pause)
        return b"".join(pieces)


def session_for(server: FaultServer, **options: Any) -> ecr.Session:
    """A session that calls the server; `options` are those of `Session`, and come first."""
    defaults: dict[str, Any] = {"region": "eu-west-1", "endpoint_url": server.url}
    if "credentials" not in options:
        defaults |= {"access_key_id": "AKIAEXAMPLE", "secret_access_key": "secret"}
    return ecr.Session(**(defaults | options))


async def describe(service: ecr.Service) -> ecr.DescribeRepositoriesResponse:
    """Make one call, for which a response without members will do."""
    return await ecr.describe_repositories(service, ecr.DescribeRepositoriesRequest())


# ---------------------------------------------------------------------------- well-formed responses


def head(status: int, headers: Mapping[str, str]) -> bytes:
    fields = {"x-amzn-RequestId": REQUEST_ID, **headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} Reason\r\n{lines}\r\n".encode()


def respond(body: bytes = b"{}", status: int = 200, kind: str = JSON, **headers: str) -> Behaviour:
    """Respond as HTTP wants it; an underscore in a header's name stands for a hyphen."""
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    whole = head(status, {"Content-Type": kind, "Content-Length": str(len(body)), **fields}) + body

    async def behave(exchange: Exchange) -> None:
        await exchange.send(whole)

    return behave


def reject(code: str, status: int = 400, message: str = "no", **headers: str) -> Behaviour:
    """Respond with one of the API's errors."""
    body = json.dumps({"__type": f"com.amazonaws.ecr#{code}", "message": message}).encode()
    return respond(body, status, **headers)


def page(status: int, **headers: str) -> Behaviour:
    """Respond with HTML, as proxies and load balancers do."""
    return respond(b"<html><body><h1>Sorry</h1></body></html>", status, HTML, **headers)


def respond_and_hang_up(exchange: Exchange) -> Awaitable[None]:
    """Respond as if the connection would be kept, and close it."""

    async def behave() -> None:
        await respond()(exchange)
        exchange.close()

    return behave()


# ---------------------------------------------------------------------------- faults


async def drop(exchange: Exchange) -> None:
    """Close the connection without a response."""
    exchange.close()


async def reset(exchange: Exchange) -> None:
    """Abort the connection, so that the client is sent a reset."""
    connection = exchange.writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    exchange.writer.transport.abort()


async def stall(exchange: Exchange) -> None:
    """Never respond."""
    await exchange.wait_for_the_client_to_hang_up()


def send_and_drop(*pieces: bytes) -> Behaviour:
    """Send this much and close."""

    async def behave(exchange: Exchange) -> None:
        await exchange.send(b"".join(pieces))
        exchange.close()

    return behave


def send_apart(*pieces: bytes) -> Behaviour:
    """Send the pieces so that the client gets them one by one, and wait until it hangs up."""

    async def behave(exchange: Exchange) -> None:
        for piece in pieces:
            await exchange.send(piece)
            for _ in range(100):  # the client runs in this event loop, and takes in the piece meanwhile
                await asyncio.sleep(0)
        await exchange.wait_for_the_client_to_hang_up()

    return behave


def send_and_stall(*pieces: bytes) -> Behaviour:
    """Send this much, and nothing more."""

    async def behave(exchange: Exchange) -> None:
        await exchange.send(b"".join(pieces))
        await exchange.wait_for_the_client_to_hang_up()

    return behave


def send_endlessly(start: bytes, piece: bytes) -> Behaviour:
    """Send the start, then the piece again and again."""

    async def behave(exchange: Exchange) -> None:
        await exchange.send(start)
        while not exchange.writer.is_closing():
            await exchange.send(piece)

    return behave
