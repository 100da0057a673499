"""Clients that mean no good, or are broken: what they can't do."""

import asyncio
import contextlib
import json
from hashlib import sha256
from typing import Any

import pytest

from ecr_async import api as ecr
from ecr_async.local import LocalECR, bodies, connections
from ecr_async.local.connections import Connections
from ecr_async.service import Service
from tests.integration.local.content import create
from tests.integration.local.test_protocol import TARGET, call, post, signed


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


class Silent:
    """A connection, as far as it matters here."""

    closed = False

    def force_close(self) -> None:
        self.closed = True


class Server:
    def __init__(self, *open_connections: Silent) -> None:
        self.connections = list(open_connections)


def test_silent_connections_are_closed_in_time() -> None:
    known, connection = Connections(), Silent()
    server = Server(connection)
    known.close_silent(server, 0.0)
    known.close_silent(server, connections.HEAD_SECONDS)
    assert not connection.closed
    known.close_silent(server, connections.HEAD_SECONDS + 1)
    assert connection.closed


def test_of_too_many_silent_connections_the_oldest_are_closed() -> None:
    known, old = Connections(), Silent()
    known.close_silent(Server(old), 0.0)
    many = [Silent() for _ in range(connections.MOST_SILENT)]
    known.close_silent(Server(old, *many), 1.0)
    assert old.closed
    assert not any(one.closed for one in many)


async def test_many_half_sent_heads_do_not_stop_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MOST_SILENT", 8)
    monkeypatch.setattr(connections, "INTERVAL", 0.01)
    async with LocalECR() as local:
        readers: list[asyncio.StreamReader] = []
        writers: list[asyncio.StreamWriter] = []
        for _ in range(50):
            reader, writer = await asyncio.open_connection(local.url.host, local.url.port)
            writer.write(b"POST / HTTP/1.1\r\nHost:")
            readers.append(reader)
            writers.append(writer)
        ended = [asyncio.create_task(reader.read()) for reader in readers]
        while len(silent := [task for task in ended if not task.done()]) > 8:
            await asyncio.wait(silent, return_when=asyncio.FIRST_COMPLETED)
        assert (await call(local, "DescribeRepositories")).status == 200
        for task in ended:
            task.cancel()
        await asyncio.gather(*ended, return_exceptions=True)
        for writer in writers:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


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
