"""What is below the operations: signatures, targets, bodies, and the server's own paths."""

import asyncio
import io
import json
import os
import threading
import time
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import pytest

from ecr_async import api as ecr
from ecr_async._auth.credentials import Credentials
from ecr_async._auth.signing import Signer
from ecr_async.api.images import LIST_IMAGES
from ecr_async.errors import ConfigurationError, ServiceError
from ecr_async.local import LocalECR, serve
from ecr_async.local.operations import HANDLERS
from ecr_async.local.operations.table import Reads
from ecr_async.service import Service
from tests.integration.local.content import create, manifest, push, push_layer, put

TARGET = "AmazonEC2ContainerRegistry_V20150921."


@attrs.frozen
class Response:
    status: int
    headers: Mapping[str, str]
    body: dict[str, Any]


async def post(local: LocalECR, body: bytes, headers: Mapping[str, str]) -> Response:
    async with (
        aiohttp.ClientSession() as client,
        client.post(local.url, data=io.BytesIO(body), headers=headers) as response,
    ):
        return Response(response.status, response.headers, json.loads(await response.read()))


def signed(local: LocalECR, body: bytes, operation: str, **changes: Any) -> dict[str, str]:
    """Return the headers of a call that is signed just now, but for the changes."""
    settings = {
        "target": TARGET + operation,
        "key": Credentials(local.access_key_id, local.secret_access_key),
        "now": time.time(),
        "name": "ecr",
        **changes,
    }
    signer = Signer(local.url.authority, "/", "us-east-1", settings["name"])
    return signer.sign(settings["target"], sha256(body).hexdigest(), settings["key"], settings["now"])


async def call(local: LocalECR, operation: str, body: bytes = b"{}", **changes: Any) -> Response:
    return await post(local, body, signed(local, body, operation, **changes))


# ---------------------------------------------------------------------------- signatures


async def test_a_signed_call_succeeds(local: LocalECR) -> None:
    response = await call(local, "DescribeRepositories")
    assert (response.status, response.body) == (200, {"repositories": []})
    assert response.headers["Content-Type"] == "application/x-amz-json-1.1"
    assert response.headers["x-amzn-RequestId"]
    assert response.headers["Date"]


async def test_request_ids_differ(local: LocalECR) -> None:
    ids = [(await call(local, "DescribeRepositories")).headers["x-amzn-RequestId"] for _ in range(2)]
    assert ids[0] != ids[1]


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"key": Credentials("AKIANOBODY", "x")}, "UnrecognizedClientException", "security token"),
        ({"key": Credentials("AKIALOCALECR00000000", "x")}, "InvalidSignatureException", "does not match"),
        ({"now": 1_000_000_000.0}, "InvalidSignatureException", "Signature expired: 20010909T014640Z"),
        ({"now": 4_000_000_000.0}, "InvalidSignatureException", "Signature not yet current"),
        ({"name": "s3"}, "InvalidSignatureException", "correct service: 'ecr'"),
    ],
)
async def test_signatures_that_aws_rejects(
    local: LocalECR, changes: dict[str, Any], code: str, words: str
) -> None:
    response = await call(local, "DescribeRepositories", **changes)
    assert (response.status, response.body["__type"]) == (400, code)
    assert words in response.body["message"]


@pytest.mark.parametrize(
    ("header", "value", "code"),
    [
        ("Authorization", None, "MissingAuthenticationTokenException"),
        ("Authorization", "Basic QVdTOng=", "IncompleteSignatureException"),
        ("Authorization", "AWS4-HMAC-SHA256 Signature=0", "IncompleteSignatureException"),
        (
            "Authorization",
            "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=0",
            "IncompleteSignatureException",
        ),
        (
            "Authorization",
            "AWS4-HMAC-SHA256 Credential=a/20240101/us-east-1/ecr/aws4_request, SignedHeaders=date, Signature=0",
            "InvalidSignatureException",
        ),
        ("X-Amz-Date", None, "IncompleteSignatureException"),
        ("X-Amz-Date", "yesterday", "IncompleteSignatureException"),
        ("X-Amz-Date", "20010909T014640Z", "InvalidSignatureException"),
        ("X-Amz-Target", TARGET + "DeleteRepository", "InvalidSignatureException"),
    ],
)
async def test_headers_that_were_tampered_with(
    local: LocalECR, header: str, value: str | None, code: str
) -> None:
    headers = signed(local, b"{}", "DescribeRepositories")
    if value is None:
        del headers[header]
    else:
        headers[header] = value
    response = await post(local, b"{}", headers)
    assert (response.status, response.body["__type"]) == (400, code)


async def test_a_signature_of_strange_characters(local: LocalECR) -> None:
    headers = signed(local, b"{}", "DescribeRepositories")
    headers["Authorization"] += "\u00fc"
    response = await post(local, b"{}", headers)
    assert (response.status, response.body["__type"]) == (400, "IncompleteSignatureException")


async def post_raw(local: LocalECR, headers: Mapping[str, str]) -> Response:
    """Post an empty object with headers in Latin-1, which no client would send."""
    reader, writer = await asyncio.open_connection(local.url.host, local.url.port)
    lines = ["POST / HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    lines += [f"Host: {local.url.authority}", "Content-Length: 2", "Connection: close", "", "{}"]
    writer.write("\r\n".join(lines).encode("latin-1"))
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    return Response(int(head.split()[1]), {}, json.loads(body))


@pytest.mark.parametrize("line", ["POST /", "PUT /_local/clock", "PUT /v2/team/app/manifests/v1"])
async def test_a_client_that_goes_away_in_the_middle_of_a_body_is_no_failure(
    line: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with LocalECR(verify_signatures=False) as local:
        reader, writer = await asyncio.open_connection(local.url.host, local.url.port)
        head = f"{line} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n"
        writer.write(head.encode() + b'{"a"')
        writer.write_eof()
        assert b" 500 " not in await reader.read()
        writer.close()
        await writer.wait_closed()
    assert not [record for record in caplog.records if record.name == "ecr_async.local"]


@pytest.mark.parametrize("header", ["X-Amz-Target", "X-Amz-Security-Token"])
async def test_a_signed_header_that_is_not_utf_8(local: LocalECR, header: str) -> None:
    key = Credentials(local.access_key_id, local.secret_access_key, "token")
    headers = signed(local, b"{}", "DescribeRepositories", key=key)
    headers[header] += "\u00fc"
    response = await post_raw(local, headers)
    assert (response.status, response.body["__type"]) == (400, "InvalidSignatureException")


async def test_a_target_that_is_not_utf_8() -> None:
    async with LocalECR(verify_signatures=False) as local:
        response = await post_raw(local, {"X-Amz-Target": TARGET + "\u00fc"})
    assert (response.status, response.body["__type"]) == (400, "UnknownOperationException")
    assert f"'{TARGET}?'" in response.body["message"]


async def test_a_body_that_was_tampered_with(local: LocalECR) -> None:
    headers = signed(local, b'{"maxResults": 1}', "DescribeRepositories")
    response = await post(local, b'{"maxResults": 2}', headers)
    assert response.body["__type"] == "InvalidSignatureException"


async def test_signatures_can_be_left_unchecked() -> None:
    async with LocalECR(verify_signatures=False) as local:
        target = {"X-Amz-Target": TARGET + "CreateRepository"}
        unsigned = await post(local, b'{"repositoryName": "app"}', target)
        assert unsigned.body["repository"]["registryId"] == "123456789012"
        stranger = Credentials("AKIANOBODY", "x")
        response = await call(local, "DescribeRepositories", key=stranger, now=1_000_000_000.0)
        assert len(response.body["repositories"]) == 1


async def test_the_region_is_the_one_that_is_signed_for(local: LocalECR) -> None:
    async with local.session() as session:
        for region in ("us-east-1", "eu-west-1", "cn-north-1"):
            await create(session.service(region), "app")
        response = await ecr.describe_repositories(
            session.service("cn-north-1"), ecr.DescribeRepositoriesRequest()
        )
    [repository] = response.repositories
    assert repository.repository_arn == "arn:aws-cn:ecr:cn-north-1:123456789012:repository/app"


# ---------------------------------------------------------------------------- operations and bodies


async def test_an_operation_that_does_not_exist(local: LocalECR) -> None:
    for target in (TARGET + "MakeCoffee", "DynamoDB_20120810.ListTables", "DescribeRepositories"):
        response = await call(local, "", target=target)
        assert (response.status, response.body["__type"]) == (400, "UnknownOperationException")


@pytest.mark.parametrize(
    ("operation", "body", "code", "words"),
    [
        ("DescribeImages", b"no JSON", "SerializationException", "body"),
        ("DescribeImages", b"[]", "SerializationException", "Start of list found"),
        ("DescribeImages", b"{}", "InvalidParameterException", "'repositoryName'"),
        ("DescribeImages", b'{"repositoryName": "UPPER"}', "InvalidParameterException", "'repositoryName'"),
        (
            "DescribeImages",
            b'{"repositoryName": 5}',
            "SerializationException",
            "NUMBER_VALUE can not be converted to a String",
        ),
        (
            "DescribeImages",
            b'{"repositoryName": "app", "maxResults": 0}',
            "InvalidParameterException",
            "'maxResults' failed to satisfy constraint: 'must have value greater than or equal to 1'",
        ),
        (
            "DescribeImages",
            b'{"repositoryName": "app", "maxResults": 1001}',
            "InvalidParameterException",
            "'must have value less than or equal to 1000'",
        ),
        (
            "DescribeImages",
            b'{"repositoryName": "app", "imageIds": []}',
            "InvalidParameterException",
            "'imageIds'",
        ),
        (
            "DescribeImages",
            b'{"repositoryName": "app", "imageIds": [{"imageTag": "x"}], "maxResults": 5}',
            "InvalidParameterException",
            "'maxResults' failed to satisfy constraint: 'cannot be specified together with 'imageIds''",
        ),
        (
            "DescribeImages",
            b'{"repositoryName": "app", "filter": {"tagStatus": "SOMETIMES"}}',
            "InvalidParameterException",
            "'filter.tagStatus'",
        ),
        (
            "BatchGetImage",
            json.dumps({"repositoryName": "app", "imageIds": [{"imageTag": "x"}] * 101}).encode(),
            "InvalidParameterException",
            "Member must have length less than or equal to 100",
        ),
        (
            "UploadLayerPart",
            b'{"repositoryName": "app", "uploadId": "no id", "partFirstByte": 0, "partLastByte": 0, "layerPartBlob": ""}',
            "InvalidParameterException",
            "'uploadId'",
        ),
    ],
)
async def test_requests_that_break_a_limit(
    local: LocalECR, operation: str, body: bytes, code: str, words: str
) -> None:
    response = await call(local, operation, body)
    assert (response.status, response.body["__type"]) == (400, code)
    assert words in response.body["message"]


async def test_lists_are_there_even_if_empty_and_what_is_absent_is_left_out(local: LocalECR) -> None:
    async with local.session() as session:
        service = session.service()
        await create(service, "app")
        body = b'{"repositoryName": "app"}'
        assert (await call(local, "DescribeImages", body)).body == {"imageDetails": []}
        assert (await call(local, "ListImages", body)).body == {"imageIds": []}
        await push(service, b"layer", name="app")
    [detail] = (await call(local, "DescribeImages", body)).body["imageDetails"]
    assert set(detail) == {
        "registryId",
        "repositoryName",
        "imageDigest",
        "imageSizeInBytes",
        "imagePushedAt",
        "imageManifestMediaType",
        "artifactMediaType",
        "imageStatus",
    }
    assert isinstance(detail["imagePushedAt"], float)


async def test_a_failure_of_the_server_is_the_servers(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> ecr.ListImagesResponse:
        raise ZeroDivisionError

    broken = {**HANDLERS, "ListImages": Reads(LIST_IMAGES, fail)}
    monkeypatch.setattr("ecr_async.local.server.HANDLERS", broken)
    with pytest.raises(ecr.ServerException) as raised:
        await ecr.list_images(service, ecr.ListImagesRequest("app"))
    assert raised.value.status == 500
    assert "ZeroDivisionError" in caplog.text


# ---------------------------------------------------------------------------- the server itself


async def test_health_needs_no_signature(local: LocalECR) -> None:
    async with aiohttp.ClientSession() as client, client.get(local.url / "_local/health") as response:
        assert response.status == 200


async def test_a_reset_empties_every_registry(local: LocalECR, service: Service) -> None:
    await create(service)
    await push(service, b"layer", "v1")
    async with (
        aiohttp.ClientSession() as client,
        client.post(local.url / "_local/reset", json={}) as response,
    ):
        assert response.status == 200
    described = await ecr.describe_repositories(service, ecr.DescribeRepositoriesRequest())
    assert described.repositories == ()
    await create(service)
    await push(service, b"layer", "v1")


async def test_state_in_a_folder_outlives_the_server(tmp_path: Path) -> None:
    folder = tmp_path / "made" / "if need be"
    async with LocalECR(data=folder) as local, local.session() as session:
        service = session.service()
        await create(service)
        await push(service, b"layer", "v1")
        opened = await ecr.initiate_layer_upload(service, ecr.InitiateLayerUploadRequest("team/app"))
        upload_id = opened.upload_id or ""
        first = ecr.UploadLayerPartRequest("team/app", upload_id, 0, 5 * 2**20 - 1, bytes(5 * 2**20))
        await ecr.upload_layer_part(service, first)
    async with LocalECR(data=folder) as local, local.session() as session:
        service = session.service()
        listed = await ecr.list_images(service, ecr.ListImagesRequest("team/app"))
        assert [image_id.image_tag for image_id in listed.image_ids] == ["v1"]
        with pytest.raises(ecr.LayerAlreadyExistsException):
            await push_layer(service, b"layer")
        rest = ecr.UploadLayerPartRequest("team/app", upload_id, 5 * 2**20, 5 * 2**20, b"x")
        await ecr.upload_layer_part(service, rest)
        digest = f"sha256:{sha256(bytes(5 * 2**20) + b'x').hexdigest()}"
        done = ecr.CompleteLayerUploadRequest("team/app", upload_id, [digest])
        assert (await ecr.complete_layer_upload(service, done)).layer_digest == digest


async def test_a_servers_temporary_folder_goes_with_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    async with LocalECR() as local, local.session() as session:
        await create(session.service())
        await push_layer(session.service(), b"layer")
        assert os.listdir(tmp_path)
    assert not os.listdir(tmp_path)


async def test_a_server_runs_within_its_block_only() -> None:
    local = LocalECR()
    with pytest.raises(RuntimeError, match="async with"):
        _ = local.endpoint_url
    async with local:
        assert local.endpoint_url.startswith("http://127.0.0.1:")
    with pytest.raises(RuntimeError, match="async with"):
        _ = local.endpoint_url


async def test_a_port_that_is_taken_is_an_error_that_leaves_nothing_behind(local: LocalECR) -> None:
    with pytest.raises(ConfigurationError, match="Address already in use"):
        async with LocalECR(port=local.url.port or 0):
            pass


async def test_an_error_without_a_class_is_a_plain_service_error(local: LocalECR) -> None:
    async with local.session(access_key_id="AKIANOBODY", secret_access_key="x") as session:
        with pytest.raises(ServiceError) as raised:
            await ecr.describe_repositories(session.service(), ecr.DescribeRepositoriesRequest())
    assert raised.value.code == "UnrecognizedClientException"


async def test_concurrent_pushes_of_a_tag_leave_one_image_with_it() -> None:
    async with LocalECR(verify_layers=False) as local, local.session() as session:
        service = session.service()
        await create(service)
        await asyncio.gather(*(put(service, manifest(str(n).encode()), "latest") for n in range(20)))
        tagged = ecr.ListImagesRequest("team/app", filter=ecr.ListImagesFilter("TAGGED"))
        assert len((await ecr.list_images(service, tagged)).image_ids) == 1
        everything = await ecr.list_images(service, ecr.ListImagesRequest("team/app"))
        assert len(everything.image_ids) == 20


async def test_urls_are_on_the_host_by_which_the_server_was_reached(local: LocalECR) -> None:
    here = f"http://localhost:{local.url.port}"
    async with local.session(endpoint_url=here) as session:
        service = session.service()
        created = await ecr.create_repository(service, ecr.CreateRepositoryRequest("team/app"))
        assert created.repository is not None
        assert created.repository.repository_uri == f"localhost:{local.url.port}/team/app"
        [data] = (
            await ecr.get_authorization_token(service, ecr.GetAuthorizationTokenRequest())
        ).authorization_data
        assert data.proxy_endpoint == here


async def test_a_server_can_be_run_until_it_is_cancelled() -> None:
    started: asyncio.Future[LocalECR] = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(serve(LocalECR(), started.set_result))
    local = await started
    async with aiohttp.ClientSession() as client, client.get(local.url / "_local/health") as response:
        assert response.status == 200
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    with pytest.raises(RuntimeError, match="async with"):
        _ = local.endpoint_url


async def test_a_body_beyond_all_limits_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ecr_async.local.server.MAX_BODY_BYTES", 1024)
    async with LocalECR(verify_signatures=False) as local, aiohttp.ClientSession() as client:
        async with client.post(local.url, data=bytes(1025)) as response:
            assert response.status == 413
        async with client.post(local.url, data=bytes(1023)) as response:
            assert response.status == 400


async def test_a_folder_that_cannot_be_made_is_an_error_that_leaves_no_thread(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    before = threading.active_count()
    with pytest.raises(ConfigurationError, match="a file of that name"):
        async with LocalECR(data=tmp_path / "file"):
            pass
    assert threading.active_count() == before
