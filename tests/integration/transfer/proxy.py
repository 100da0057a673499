"""A proxy in front of the embedded ECR, which counts what passes."""

import asyncio
import io
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

from aiohttp import ClientSession, ClientTimeout, web

MIB = 1024 * 1024
ProxyT = TypeVar("ProxyT", bound="Proxy")


class Proxy:
    """Passes everything on, and counts: bytes of parts that were accepted, bytes of layers that
    were served.
    """

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.url = ""
        self.calls = Counter[str]()
        self.accepted = 0
        self.served = 0
        self.passed = 0
        self.enough = asyncio.Event()
        self.threshold = 1 << 60

    def expect(self, threshold: int) -> None:
        """Set `enough` as soon as so many more bytes have passed, in either direction."""
        self.passed = 0
        self.threshold = threshold
        self.enough.clear()

    def count(self, size: int) -> None:
        self.passed += size
        if self.passed >= self.threshold:
            self.enough.set()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await self._body(request)
        operation = request.headers.get("X-Amz-Target", "").partition(".")[2]
        self.calls[operation] += 1
        timeout = ClientTimeout(total=None)
        headers = {name: value for name, value in request.headers.items() if name != "Transfer-Encoding"}
        async with (
            ClientSession(self.upstream, auto_decompress=False, timeout=timeout) as client,
            client.request(request.method, request.rel_url, data=io.BytesIO(body), headers=headers) as reply,
        ):
            if operation == "UploadLayerPart" and reply.status == 200:
                part = json.loads(body)
                self.accepted += part["partLastByte"] - part["partFirstByte"] + 1
            response = web.StreamResponse(status=reply.status, headers=reply.headers)
            with suppress(ConnectionError):  # of a process that was killed
                await response.prepare(request)
                async for chunk in reply.content.iter_any():
                    await response.write(chunk)
                    if request.method == "GET":
                        self.served += len(chunk)
                        self.count(len(chunk))
                await response.write_eof()
            return response

    async def _body(self, request: web.Request) -> bytes:
        pieces: list[bytes] = []
        try:
            async for piece in request.content.iter_any():
                pieces.append(piece)
                self.count(len(piece))
        except ConnectionError:  # of a process that was killed
            raise web.HTTPBadRequest from None
        return b"".join(pieces)


@asynccontextmanager
async def proxied(proxy: ProxyT) -> AsyncIterator[ProxyT]:
    """Serve a proxy for as long as the block lasts."""
    application = web.Application(client_max_size=64 * MIB)
    application.router.add_route("*", "/{path:.*}", proxy.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    proxy.url = f"http://{host}:{port}"
    try:
        yield proxy
    finally:
        await runner.cleanup()
