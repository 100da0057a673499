"""Parts so large that they are taken in while they arrive: the same rules hold as for small ones."""

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from ecr_async import api as ecr
from ecr_async._auth.credentials import Credentials
from ecr_async.local import LocalECR
from ecr_async.local.http import bodies
from ecr_async.service import Service
from tests.integration.local.content import (
    MIB,
    begin_upload,
    create,
    digest_of,
    manifest,
    push_layer,
    put,
    send_part,
)
from tests.integration.local.test_protocol import TARGET, call, signed

PART = bytes(range(256)) * 4096
"""One MiB."""


@pytest.fixture(autouse=True)
async def repository(service: Service) -> str:
    return await create(service)


def members(upload_id: str, content: bytes = PART, first: int = 0, **changes: Any) -> dict[str, Any]:
    return {
        "repositoryName": "team/app",
        "uploadId": upload_id,
        "partFirstByte": first,
        "partLastByte": first + len(content) - 1,
        "layerPartBlob": base64.b64encode(content).decode(),
        **changes,
    }


async def send(local: LocalECR, document: Any, **changes: Any) -> tuple[int, dict[str, Any]]:
    response = await call(local, "UploadLayerPart", json.dumps(document).encode(), **changes)
    return response.status, response.body


async def layer_of(service: Service, upload_id: str, content: bytes) -> None:
    """Complete an upload that must have this content."""
    request = ecr.CompleteLayerUploadRequest("team/app", upload_id, [digest_of(content)])
    await ecr.complete_layer_upload(service, request)


async def test_members_in_any_order(local: LocalECR, service: Service) -> None:
    upload_id = await begin_upload(service)
    turned = dict(reversed(members(upload_id).items()))
    assert (await send(local, turned))[1]["lastByteReceived"] == MIB - 1
    own_registry = members(upload_id, PART[::-1], MIB, registryId="123456789012")
    assert (await send(local, own_registry))[1]["lastByteReceived"] == 2 * MIB - 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"uploadId": "12345678-1234-1234-1234-123456789012"}, "UploadNotFoundException"),
        ({"repositoryName": "team/other"}, "RepositoryNotFoundException"),
        ({"repositoryName": "TEAM"}, "InvalidParameterException"),
        ({"repositoryName": 5}, "SerializationException"),
        ({"registryId": "210987654321"}, "RepositoryNotFoundException"),
        ({"partFirstByte": 1}, "InvalidLayerPartException"),
        ({"partLastByte": 5}, "InvalidLayerPartException"),
        ({"partLastByte": "5"}, "SerializationException"),
        ({"partLastByte": None}, "InvalidParameterException"),
        ({"layerPartBlob": "A" * 300_000 + "!"}, "SerializationException"),
        ({"layerPartBlob": "A" * 300_001}, "SerializationException"),
        ({"layerPartBlob": ["A" * 300_000]}, "SerializationException"),
    ],
    ids=str,
)
@pytest.mark.parametrize("turn", [False, True])
async def test_what_is_rejected(
    local: LocalECR, service: Service, changes: dict[str, Any], code: str, turn: bool
) -> None:
    upload_id = await begin_upload(service)
    document = {**members(upload_id), **changes}
    status, body = await send(local, dict(reversed(document.items())) if turn else document)
    assert (status, body["__type"]) == (400, code)
    await send_part(service, upload_id, 0, b"the right one")
    await layer_of(service, upload_id, b"the right one")


async def test_more_than_a_part_may_have(local: LocalECR, service: Service) -> None:
    upload_id = await begin_upload(service)
    status, body = await send(local, members(upload_id, bytes(20 * MIB + 1)))
    assert (status, body["__type"]) == (400, "InvalidParameterException")
    assert "must have length less than or equal to 20971520" in body["message"]


async def test_a_part_that_nobody_has_signed_does_not_count(local: LocalECR, service: Service) -> None:
    upload_id = await begin_upload(service)
    stranger = Credentials(local.access_key_id, "not the secret")
    status, body = await send(local, members(upload_id, PART), key=stranger)
    assert (status, body["__type"]) == (400, "InvalidSignatureException")
    assert (await send(local, members(upload_id, PART[::-1])))[0] == 200
    await layer_of(service, upload_id, PART[::-1])


async def test_a_target_that_is_named_twice(local: LocalECR, service: Service) -> None:
    upload_id, other = await begin_upload(service), await begin_upload(service)
    text = json.dumps(members(upload_id))[:-1] + f', "uploadId": "{other}"}}'
    response = await call(local, "UploadLayerPart", text.encode())
    assert response.body["__type"] == "SerializationException"


# ---------------------------------------------------------------------------- slow clients


async def drip(local: LocalECR, body: bytes, sent: int, *, forged: bool = True) -> asyncio.StreamWriter:
    """Begin a request and send the beginning of its body."""
    key = Credentials(local.access_key_id, "not the secret" if forged else local.secret_access_key)
    _, writer = await asyncio.open_connection(local.url.host, local.url.port)
    lines = ["POST / HTTP/1.1", f"Host: {local.url.authority}", f"Content-Length: {len(body)}"]
    headers = signed(local, body, "UploadLayerPart", key=key)
    assert headers["X-Amz-Target"] == TARGET + "UploadLayerPart"
    lines += [f"{name}: {value}" for name, value in headers.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode() + body[:sent])
    await writer.drain()
    return writer


@pytest.mark.parametrize("sent", [1_000, 300_000])
async def test_strangers_who_drip_hold_up_nobody(local: LocalECR, service: Service, sent: int) -> None:
    unknown = json.dumps(members("12345678-1234-1234-1234-123456789012")).encode()
    writers = [await drip(local, unknown, sent) for _ in range(10)]
    upload_id = await begin_upload(service)
    assert await send_part(service, upload_id, 0, PART) == MIB - 1
    await layer_of(service, upload_id, PART)
    for writer in writers:
        writer.close()


async def test_a_large_body_has_its_time(
    local: LocalECR, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "LARGE_SECONDS", 0.0)
    unknown = json.dumps(members("12345678-1234-1234-1234-123456789012")).encode()
    reader, writer = await asyncio.open_connection(local.url.host, local.url.port)
    headers = signed(local, unknown, "UploadLayerPart")
    lines = ["POST / HTTP/1.1", f"Host: {local.url.authority}", f"Content-Length: {len(unknown)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode() + unknown[:300_000])
    assert b" 408 " in await reader.readline()
    writer.close()


async def test_a_client_that_goes_away_leaves_its_upload_usable(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with LocalECR(data=tmp_path) as local, local.session() as session:
        service = session.service()
        await create(service)
        upload_id = await begin_upload(service)
        writer = await drip(local, json.dumps(members(upload_id)).encode(), 600_000, forged=False)
        writer.close()
        assert await send_part(service, upload_id, 0, PART) == MIB - 1
        await layer_of(service, upload_id, PART)
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


async def test_a_rejected_part_adds_nothing_to_the_layer(local: LocalECR, service: Service) -> None:
    """Two clients may continue one upload: the second to send a part is rejected, and its bytes are there."""
    upload_id = await begin_upload(service)
    await send(local, members(upload_id))
    status, error = await send(local, members(upload_id))
    assert (status, error["__type"]) == (400, "InvalidLayerPartException")
    await layer_of(service, upload_id, PART)
    await push_layer(service, b"{}")
    await put(service, manifest(PART), "v1")
    opened = await ecr.get_download_url_for_layer(
        service, ecr.GetDownloadUrlForLayerRequest("team/app", digest_of(PART))
    )
    assert opened.download_url is not None
    async with aiohttp.ClientSession() as client, client.get(opened.download_url) as response:
        assert await response.read() == PART
