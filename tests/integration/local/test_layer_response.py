"""Layers on their way out: in pieces between which the event loop has its turn, whatever sends them."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from ecr_async import api as ecr
from ecr_async.local import LocalECR
from ecr_async.local.http.layer_response import PIECE, LayerResponse
from tests.integration.local.content import create, digest_of, push

CONTENT = bytes(range(251)) * (3 * PIECE // 251)
"""Three pieces, the last of which is not whole, and no two of which are the same."""

Client = TestClient[web.Request, web.Application]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "layer"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
async def client(file: Path) -> AsyncIterator[Client]:
    async def handler(_: web.Request) -> LayerResponse:
        return LayerResponse(file, {"Content-Type": "application/octet-stream"})

    application = web.Application()
    application.router.add_get("/", handler)
    async with TestClient(TestServer(application)) as client:
        yield client


async def test_the_loop_is_never_held_up_for_more_than_a_piece(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    sendfile, sizes = loop.sendfile, list[int]()

    async def noting(transport: Any, file: Any, offset: int, count: int, **options: Any) -> int:
        sizes.append(count)
        return await sendfile(transport, file, offset, count, **options)

    monkeypatch.setattr(loop, "sendfile", noting)
    assert await (await client.get("/")).read() == CONTENT
    assert sizes == [PIECE, PIECE, len(CONTENT) - 2 * PIECE]


@pytest.mark.parametrize("reason", [NotImplementedError, asyncio.SendfileNotAvailableError])
async def test_where_the_system_cannot_send_files(
    reason: type[Exception], client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unable(*_: Any, **options: Any) -> int:
        raise reason

    monkeypatch.setattr(asyncio.get_running_loop(), "sendfile", unable)
    assert await (await client.get("/")).read() == CONTENT


async def test_a_range_over_several_pieces(client: Client) -> None:
    headers = {"Range": f"bytes=100-{2 * PIECE}"}
    async with client.get("/", headers=headers) as response:
        assert (response.status, await response.read()) == (206, CONTENT[100 : 2 * PIECE + 1])


async def test_headers_alone(client: Client) -> None:
    async with client.head("/") as response:
        assert (response.status, response.headers["Content-Length"]) == (200, str(len(CONTENT)))
    async with client.get("/") as response:  # on the same connection
        assert await response.read() == CONTENT


async def test_the_last_no_bytes_are_none(client: Client) -> None:
    async with client.get("/", headers={"Range": "bytes=-0"}) as response:
        assert (response.status, await response.read()) == (416, b"")


async def test_a_file_that_was_removed_meanwhile(client: Client, file: Path) -> None:
    file.unlink()  # noqa: ASYNC240
    assert (await client.get("/")).status == 404


async def test_a_client_that_goes_away(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        response = await client.get("/")
        await response.content.readexactly(PIECE // 2)
        response.close()
    assert await (await client.get("/")).read() == CONTENT
    assert not caplog.records


async def test_by_tls() -> None:
    async with LocalECR(tls=True) as local, local.session() as session:
        service = session.service()
        await create(service)
        await push(service, CONTENT, "v1")
        request = ecr.GetDownloadUrlForLayerRequest("team/app", digest_of(CONTENT))
        url = (await ecr.get_download_url_for_layer(service, request)).download_url or ""
        trusting = ssl.create_default_context(cafile=local.ca_certificate)
        async with aiohttp.ClientSession() as client, client.get(url, ssl=trusting) as response:
            assert await response.read() == CONTENT
