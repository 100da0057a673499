"""Clients that mean no good, or are broken: what they can't do."""

import asyncio
import json
import sys
from hashlib import sha256
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from yarl import URL

from ecr_async import api as ecr
from ecr_async.local import LocalECR
from ecr_async.local.http import bodies, connections
from ecr_async.local.http.connections import Connections
from ecr_async.service import Service
from tests.integration.local.content import create
from tests.integration.local.test_protocol import TARGET, call, post, signed
from tests.integration.subprocesses import environment, started


async def test_a_target_that_is_not_signed(local: LocalECR) -> None:
    headers = signed(local, b"{}", "DescribeRepositories")
    headers["Authorization"] = headers["Authorization"].replace(";x-amz-target", "")
    response = await post(local, b"{}", headers)
    assert (response.status, response.body["__type"]) == (400, "InvalidSignatureException")
    assert response.body["message"] == "'X-Amz-Target' must be a 'SignedHeader' in the AWS Authorization."


@pytest.mark.parametrize("authorization", [None, "Basic x", "AWS4-HMAC-SHA256 Credential=x"])
async def test_a_stranger_is_turned_away_before_the_body(local: LocalECR, authorization: str | None) -> None:
    reader, writer = await asyncio.open_connection(local.url.host, local.url.port)
    lines = ["POST / HTTP/1.1", f"Host: {local.url.authority}", f"X-Amz-Target: {TARGET}UploadLayerPart"]
    lines += ["Content-Length: 20000000"] + ([f"Authorization: {authorization}"] if authorization else [])
    writer.write("\r\n".join([*lines, "", ""]).encode())  # and no body
    assert b" 400 " in await reader.readline()
    writer.close()


@pytest.mark.parametrize("path", ["/", "/v2/", "/_local/state"])
async def test_a_host_that_no_url_can_hold(local: LocalECR, path: str) -> None:
    reader, writer = await asyncio.open_connection(local.url.host, local.url.port)
    writer.write(f"POST {path} HTTP/1.1\r\nHost: l\xefcalhost:1\r\n\r\n".encode("latin-1"))
    assert b" 400 " in await reader.readline()
    assert b"the Host header must be in ASCII" in await reader.read(1000)
    writer.close()


async def test_a_client_that_stalls_gives_its_place_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "STALL_SECONDS", 0.0)
    async with LocalECR() as local:
        reader, writer = await asyncio.open_connection(local.url.host, local.url.port)
        headers = signed(local, b"{}", "DescribeRepositories")
        lines = ["POST / HTTP/1.1", f"Host: {local.url.authority}", "Content-Length: 2"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        assert b" 408 " in await reader.readline()
        writer.close()


@pytest.mark.parametrize(
    "head",
    [
        f"GET /v2/{'a' * 10_000}/tags/list HTTP/1.1\r\nHost: x\r\n\r\n",
        f"GET / HTTP/1.1\r\nX-Long: {'a' * 10_000}\r\n\r\n",
        "GET / HTTP/1.1\r\nno colon\r\n\r\n",
        "\x16\x03\x01 this is TLS\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    ],
    ids=["long line", "long header", "bad header", "TLS", "version", "length"],
)
async def test_what_is_not_http_is_rejected_without_a_word_in_the_log(
    local: LocalECR, caplog: pytest.LogCaptureFixture, head: str
) -> None:
    reader, writer = await asyncio.open_connection(local.url.host, local.url.port)
    writer.write(head.encode("latin-1"))
    assert b" 400 " in await reader.readline()
    writer.close()
    assert caplog.records == []


class Connection:
    """A connection, as far as it matters here."""

    closed = False

    def force_close(self) -> None:
        self.closed = True


class Server:
    """A server whose closed connections have gone at once."""

    def __init__(self, *opened: Connection) -> None:
        self.opened = list(opened)

    @property
    def connections(self) -> list[Connection]:
        return [one for one in self.opened if not one.closed]

    def __call__(self) -> asyncio.BaseProtocol:
        self.opened.append(Connection())
        return asyncio.Protocol()


def test_silent_connections_are_closed_in_time() -> None:
    known, connection = Connections(), Connection()
    server = Server(connection)
    known.close_silent(server, 0.0)
    known.close_silent(server, connections.HEAD_SECONDS)
    assert not connection.closed
    known.close_silent(server, connections.HEAD_SECONDS + 1)
    assert connection.closed


async def served(known: Connections, connection: Connection, until: asyncio.Event) -> None:
    """Have a connection bring a request, which is served until the event."""

    async def handler(_: Any) -> Any:
        await until.wait()

    request: Any = SimpleNamespace(protocol=connection)
    await known.middleware(request, handler)


async def test_there_is_room_for_a_new_connection_as_long_as_some_are_of_no_use() -> None:
    known, now, never = Connections(2 * connections.BATCH), asyncio.Event(), asyncio.Event()
    now.set()
    idle, busy = Connection(), Connection()
    server = Server(*(Connection() for _ in range(2 * connections.BATCH - 2)), idle, busy)
    await served(known, idle, now)
    serving = asyncio.create_task(served(known, busy, never))
    await asyncio.sleep(0)
    admit = known.admitting(server)
    admit()
    assert [one.closed for one in server.opened].count(True) == connections.BATCH
    assert server.opened[0].closed, "the oldest of the silent ones"
    assert not idle.closed
    for one in server.connections:
        if one is not busy and one is not idle:
            await served(known, one, now)
    for _ in range(connections.BATCH + 1):
        admit()
    assert idle.closed, "for the others have been used since, or are new"
    assert not busy.closed
    serving.cancel()


async def test_a_server_that_is_busy_with_all_connections_takes_no_more() -> None:
    known, never = Connections(1), asyncio.Event()
    busy = Connection()
    server = Server(busy)
    serving = asyncio.create_task(served(known, busy, never))
    await asyncio.sleep(0)
    transport = SimpleNamespace(close=never.set)
    turned_away: Any = known.admitting(server)()
    turned_away.connection_made(transport)
    assert never.is_set(), "the new one is closed"
    assert server.opened == [busy]
    await serving


MANY = """
import asyncio, resource
from ecr_async.local import LocalECR
from ecr_async.local.embedded import serve

resource.setrlimit(resource.RLIMIT_NOFILE, (320, 320))
asyncio.run(serve(LocalECR(), lambda local: print(local.endpoint_url, flush=True)))
"""


async def test_more_half_sent_heads_than_there_are_descriptors() -> None:
    async with started(sys.executable, "-c", MANY, env=environment()) as process:
        assert process.stdout is not None
        url = URL((await process.stdout.readline()).decode().strip())
        writers: list[asyncio.StreamWriter] = []
        for number in range(400):
            _, writer = await asyncio.open_connection(url.host, url.port)
            writer.write(b"POST / HTTP/1.1\r\nHost:")
            writers.append(writer)
            if number % 40 == 0:
                async with aiohttp.ClientSession() as client, client.get(url / "v2/") as response:
                    assert response.status == 401
        async with aiohttp.ClientSession() as client, client.get(url / "v2/") as response:
            assert response.status == 401
        for writer in writers:
            writer.close()
        process.terminate()
        _, err = await process.communicate()
        assert err == b""


SHAPES: list[Any] = [
    {"repositoryName": "app", "imageIds": [[0, 5]]},
    {"repositoryName": "app", "imageIds": [[[]]]},
    {"repositoryName": "app", "imageIds": {"imageTag": "x"}},
    {"repositoryName": ["app"]},
    {"repositoryName": {"a": 1}},
    {"repositoryName": "app", "filter": [["tagStatus", "TAGGED"]]},
    {"repositoryName": "app", "maxResults": True},
    {"repositoryName": "app", "maxResults": 1.5},
    {"repositoryName": "app", "maxResults": "5"},
    {"repositoryName": "app", "imageIds": [None]},
    [["repositoryName", "app"]],
    "app",
    None,
    5,
]


@pytest.mark.parametrize("shape", SHAPES, ids=json.dumps)
async def test_a_hostile_shape_is_a_400(local: LocalECR, shape: Any) -> None:
    response = await call(local, "DescribeImages", json.dumps(shape).encode())
    assert (response.status, response.body["__type"]) == (400, "SerializationException")


@pytest.mark.parametrize("path", ["/", "/_local/faults", "/v2/app/blobs/uploads/"])
async def test_a_body_that_says_it_is_gzipped_is_taken_as_it_is(
    path: str, local: LocalECR, caplog: pytest.LogCaptureFixture
) -> None:
    """As ECR does; so one that is damaged is rejected like any other, and nothing is logged."""
    headers = signed(local, b"no gzip", "DescribeRepositories")
    headers |= {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    async with (
        aiohttp.ClientSession() as client,
        client.post(local.url.with_path(path), data=b"no gzip", headers=headers) as response,
    ):
        assert response.status in (400, 401)
    assert caplog.records == []


async def test_json_that_is_too_deep_is_a_400(local: LocalECR) -> None:
    response = await call(local, "DescribeImages", b'{"x":' * 100_000)
    assert (response.status, response.body["__type"]) == (400, "SerializationException")


@pytest.mark.parametrize("blob", [b'"no base64!"', b"5", b"[]", b'"\\ud800"', b'"AA"'])
async def test_a_blob_that_is_none(local: LocalECR, blob: bytes) -> None:
    upload = b"12345678-1234-1234-1234-123456789012"
    body = b'{"repositoryName":"app","uploadId":"%b","partFirstByte":0,"partLastByte":0,"layerPartBlob":%b}'
    response = await call(local, "UploadLayerPart", body % (upload, blob))
    assert (response.status, response.body["__type"]) == (400, "SerializationException")


async def test_base64_may_have_escaped_slashes(local: LocalECR, service: Service) -> None:
    await create(service, "app")
    begun = await ecr.initiate_layer_upload(service, ecr.InitiateLayerUploadRequest("app"))
    fields = '"partFirstByte":0,"partLastByte":2,"layerPartBlob":"\\/\\/\\/\\/"'
    body = f'{{"repositoryName":"app","uploadId":"{begun.upload_id}",{fields}}}'.encode()
    assert (await call(local, "UploadLayerPart", body)).body["lastByteReceived"] == 2
    digest = f"sha256:{sha256(bytes([255] * 3)).hexdigest()}"
    done = ecr.CompleteLayerUploadRequest("app", begun.upload_id or "", [digest])
    assert (await ecr.complete_layer_upload(service, done)).layer_digest == digest
