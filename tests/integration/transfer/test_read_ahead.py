"""While a part of a layer is sent the next one is read, unless that would take too much memory."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

import ecr_async as ecr
from ecr_async.local import LocalECR
from tests.integration.local.content import create
from tests.integration.transfer.layouts import image, noise, write_layout
from tests.integration.transfer.proxy import Proxy, proxied

MIB = 1024 * 1024
MADE = image(noise(25 * MIB, 1))


class Watching(Proxy):
    """Notes in which order parts are read and sent; none is sent before `go_on` is set."""

    def __init__(self, upstream: str) -> None:
        super().__init__(upstream)
        self.order: list[tuple[str, int]] = []
        self.go_on = asyncio.Event()
        self.second_is_read = asyncio.Event()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if (wanted := request.headers.get("Range")) is not None:
            first = int(wanted.removeprefix("bytes=").partition("-")[0])
            self.order.append(("read", first // MIB))
            if first:
                self.second_is_read.set()
        if request.headers.get("X-Amz-Target", "").endswith(".UploadLayerPart"):
            first = json.loads(await request.read())["partFirstByte"]
            await self.go_on.wait()
            self.order.append(("sent", first // MIB))
        return await super().handle(request)

    async def _body(self, request: web.Request) -> bytes:
        return await request.read()


@pytest.fixture
async def proxy(
    local: LocalECR, service: ecr.Service, repository: str, tmp_path: Path
) -> AsyncIterator[Watching]:
    source = write_layout(tmp_path / "in", [("v1", MADE)])
    await ecr.push_image(service, source, repository, tags=["v1"])
    await create(service, "team/copy")
    async with proxied(Watching(local.endpoint_url)) as proxy:
        yield proxy


async def test_the_next_part_is_read_meanwhile(local: LocalECR, proxy: Watching) -> None:
    async with local.session(endpoint_url=proxy.url) as session, asyncio.timeout(60):
        service = session.service()
        copying = asyncio.create_task(ecr.copy_image(service, "team/app", "v1", service, "team/copy"))
        await proxy.second_is_read.wait()
        proxy.go_on.set()
        copied = await copying
    assert copied.digest == MADE.digest
    assert proxy.order.index(("read", 10)) < proxy.order.index(("sent", 0))


async def test_one_part_at_a_time_where_memory_is_for_one(local: LocalECR, proxy: Watching) -> None:
    proxy.go_on.set()
    async with local.session(endpoint_url=proxy.url) as session:
        service = session.service()
        await ecr.copy_image(service, "team/app", "v1", service, "team/copy", concurrency=1)
    parts = [(what, at) for what, at in proxy.order if at]
    assert parts == [("read", 10), ("sent", 10), ("read", 20), ("sent", 20)]
