"""The specification's category Push: blobs monolithically and in chunks, then manifests.

https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#push
"""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from ecr_async.oci.media_types import OCI_MANIFEST
from tests.integration.local.content import MIB, UNKNOWN_DIGEST, digest_of, index, manifest
from tests.integration.local.distribution.client import Door, Response

UPLOADS = "/v2/team/app/blobs/uploads/"
ALGORITHMS = ["sha256", "sha512"]
EMPTY = b""


async def begin(door: Door) -> str:
    begun = await door.send("POST", UPLOADS)
    assert begun.status == 202
    assert begun.headers["Range"] == "0-0"
    assert begun.headers["Docker-Upload-UUID"] in begun.location
    return begun.location


async def check_blob(door: Door, done: Response, content: bytes, algorithm: str = "sha256") -> None:
    digest = digest_of(content, algorithm)
    assert (done.status, done.headers["Docker-Content-Digest"]) == (201, digest)
    assert (await door.send("GET", done.location)).body == content


# ---------------------------------------------------------------------------- monolithically


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("content", [b"a layer", EMPTY, bytes(3 * MIB)], ids=["small", "empty", "large"])
async def test_post_then_put(door: Door, content: bytes, algorithm: str) -> None:
    location = await begin(door)
    done = await door.send("PUT", f"{location}?digest={digest_of(content, algorithm)}", content)
    await check_blob(door, done, content, algorithm)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("content", [b"a layer", EMPTY], ids=["small", "empty"])
async def test_single_post(door: Door, content: bytes, algorithm: str) -> None:
    done = await door.send("POST", f"{UPLOADS}?digest={digest_of(content, algorithm)}", content)
    await check_blob(door, done, content, algorithm)


async def test_the_slash_behind_uploads_may_be_missing(door: Door) -> None:
    assert (await door.send("POST", UPLOADS.rstrip("/"))).status == 202


async def test_a_blob_that_is_there_may_be_pushed_again(door: Door) -> None:
    await door.push_blob(b"a layer")
    await door.push_blob(b"a layer")
    done = await door.send("POST", f"{UPLOADS}?digest={digest_of(b'a layer')}", b"a layer")
    await check_blob(door, done, b"a layer")


@pytest.mark.parametrize("method", ["PUT", "POST"])
async def test_bytes_of_another_digest_are_rejected(door: Door, method: str) -> None:
    location = await begin(door) if method == "PUT" else UPLOADS
    wrong = await door.send(method, f"{location}?digest={UNKNOWN_DIGEST}", b"a layer")
    assert (wrong.status, wrong.code) == (400, "DIGEST_INVALID")
    assert (await door.send("HEAD", f"/v2/team/app/blobs/{UNKNOWN_DIGEST}")).status == 404


@pytest.mark.parametrize(
    "digest", ["", "sha256", "sha256:12", "md5:d41d8cd98f00b204e9800998ecf8427e", "SHA256:0"]
)
async def test_invalid_digests_are_rejected(door: Door, digest: str) -> None:
    location = await begin(door)
    wrong = await door.send("PUT", f"{location}?digest={digest}", b"a layer")
    assert (wrong.status, wrong.code) == (400, "DIGEST_INVALID")


# ---------------------------------------------------------------------------- in chunks


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize(
    "closing", [b"", b"the rest"], ids=["closed by an empty PUT", "last chunk in the PUT"]
)
async def test_chunks(door: Door, closing: bytes, algorithm: str) -> None:
    location, sent = await begin(door), 0
    chunks = [b"a" * 70_000, b"b" * 10, b"c" * 3000]
    for chunk in chunks:
        span = f"{sent}-{sent + len(chunk) - 1}"
        response = await door.send("PATCH", location, chunk, Content_Range=span)
        sent += len(chunk)
        assert (response.status, response.headers["Range"]) == (202, f"0-{sent - 1}")
        location = response.location
    content = b"".join(chunks) + closing
    headers = {"Content_Range": f"{sent}-{len(content) - 1}"} if closing else {}
    done = await door.send("PUT", f"{location}?digest={digest_of(content, algorithm)}", closing, **headers)
    await check_blob(door, done, content, algorithm)


async def stream(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def test_a_stream_of_unknown_length(door: Door) -> None:
    chunks = [b"a" * MIB, b"b", b"c" * (2 * MIB)]
    response = await door.send("PATCH", await begin(door), stream(*chunks))
    assert (response.status, response.headers["Range"]) == (202, f"0-{3 * MIB}")
    content = b"".join(chunks)
    done = await door.send("PUT", f"{response.location}?digest={digest_of(content)}")
    await check_blob(door, done, content)


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
@pytest.mark.parametrize("span", ["20-29", "0-9", "9-18"], ids=["ahead", "from the beginning", "overlapping"])
async def test_chunks_out_of_order_are_rejected_and_nothing_is_lost(
    door: Door, method: str, span: str
) -> None:
    location = (await door.send("PATCH", await begin(door), b"0123456789", Content_Range="0-9")).location
    query = f"?digest={digest_of(b'x' * 10)}" if method == "PUT" else ""
    rejected = await door.send(method, location + query, b"x" * 10, Content_Range=span)
    assert (rejected.status, rejected.code) == (416, "BLOB_UPLOAD_INVALID")
    assert (rejected.headers["Range"], rejected.location) == ("0-9", location)
    status = await door.send("GET", location)
    assert (status.status, status.headers["Range"], status.location) == (204, "0-9", location)
    done = await door.send("PUT", f"{location}?digest={digest_of(b'0123456789')}")
    await check_blob(door, done, b"0123456789")


@pytest.mark.parametrize("span", ["0", "a-b", "9-0", "-9", "0-9,10-19", "0-99999999999999999999"])
async def test_invalid_ranges_are_rejected(door: Door, span: str) -> None:
    rejected = await door.send("PATCH", await begin(door), b"0123456789", Content_Range=span)
    assert (rejected.status, rejected.code) == (400, "BLOB_UPLOAD_INVALID")


async def test_a_chunk_of_another_length_than_its_range_is_rejected(door: Door) -> None:
    location = await begin(door)
    declared = await door.send("PATCH", location, b"0123456789", Content_Range="0-10")
    streamed = await door.send("PATCH", location, stream(b"01234", b"56789"), Content_Range="0-10")
    for rejected in (declared, streamed):
        assert (rejected.status, rejected.code) == (400, "SIZE_INVALID")
    assert (await door.send("GET", location)).headers["Range"] == "0-0"


async def test_an_upload_goes_on_after_its_client_went_away(door: Door) -> None:
    location, content = await begin(door), bytes(range(256)) * (16 * MIB // 256)
    _, writer = await asyncio.open_connection(door.url.host, door.url.port)
    head = (
        f"PATCH {location} HTTP/1.1\r\nHost: {door.url.authority}\r\nContent-Length: {2 * len(content)}\r\n"
    )
    writer.write(f"{head}Authorization: {door.headers['Authorization']}\r\n\r\n".encode() + content)
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    received = 0
    for _ in range(10_000):
        received = int((await door.send("GET", location)).headers["Range"].partition("-")[2]) + 1
        if received > 1:
            break
    assert 1 < received <= len(content)
    done = await door.send("PUT", f"{location}?digest={digest_of(content)}", content[received:])
    await check_blob(door, done, content)


async def test_an_upload_can_be_cancelled(door: Door) -> None:
    location = (await door.send("PATCH", await begin(door), b"0123456789")).location
    assert (await door.send("DELETE", location)).status == 204
    for method in ("GET", "PATCH", "DELETE", "PUT"):
        gone = await door.send(method, f"{location}?digest={UNKNOWN_DIGEST}")
        assert (gone.status, gone.code) == (404, "BLOB_UPLOAD_UNKNOWN")


async def test_an_upload_belongs_to_its_repository(door: Door) -> None:
    location = await begin(door)
    elsewhere = await door.send("GET", location.replace("team/app", "team/other"))
    assert (elsewhere.status, elsewhere.code) == (404, "NAME_UNKNOWN")


async def test_nothing_is_pushed_to_a_repository_that_is_not_there(door: Door) -> None:
    for response in (
        await door.send("POST", "/v2/team/other/blobs/uploads/"),
        await door.put(manifest(b"a layer"), "v1", "team/other"),
    ):
        assert (response.status, response.code) == (404, "NAME_UNKNOWN")


# ---------------------------------------------------------------------------- manifests


async def push_parts(door: Door, *layers: bytes) -> str:
    for blob in (b"{}", *layers):
        await door.push_blob(blob)
    return manifest(*layers)


@pytest.mark.parametrize("reference", ["v1", None], ids=["by tag", "by digest"])
async def test_a_manifest_once_its_blobs_are_there(door: Door, reference: str | None) -> None:
    text = await push_parts(door, b"a layer")
    done = await door.put(text, reference)
    digest = digest_of(text)
    assert (done.status, done.headers["Docker-Content-Digest"]) == (201, digest)
    assert done.location == f"/v2/team/app/manifests/{digest}"
    assert (await door.send("GET", done.location)).body.decode() == text


async def test_a_manifest_by_a_sha512_digest(door: Door) -> None:
    blobs = [b"{}", b"a layer"]
    for blob in blobs:
        await door.push_blob(blob, algorithm="sha512")
    document = json.loads(manifest(b"a layer"))
    document["config"]["digest"] = digest_of(b"{}", "sha512")
    document["layers"][0]["digest"] = digest_of(b"a layer", "sha512")
    text = json.dumps(document)
    digest = digest_of(text, "sha512")
    done = await door.put(text, digest)
    assert (done.status, done.headers["Docker-Content-Digest"]) == (201, digest)
    pulled = await door.send("GET", f"/v2/team/app/manifests/{digest}")
    assert (pulled.body.decode(), pulled.headers["Docker-Content-Digest"]) == (text, digest)


async def test_a_manifest_by_digest_with_tags(door: Door) -> None:
    text = await push_parts(door, b"a layer")
    done = await door.put(text, f"{digest_of(text)}?tag=v1&tag=latest")
    assert (done.status, done.headers["OCI-Tag"]) == (201, "v1, latest")
    for tag in ("v1", "latest"):
        head = await door.send("HEAD", f"/v2/team/app/manifests/{tag}")
        assert head.headers["Docker-Content-Digest"] == digest_of(text)


async def test_a_manifest_may_be_pushed_again(door: Door) -> None:
    text = await push_parts(door, b"a layer")
    for _ in range(2):
        assert (await door.put(text, "v1")).status == 201
    assert (await door.put(text)).status == 201


async def test_an_index_once_its_manifests_are_there(door: Door) -> None:
    text = await push_parts(door, b"a layer")
    early = await door.put(index(text), "v1")
    assert (early.status, early.code) == (404, "MANIFEST_BLOB_UNKNOWN")
    await door.put(text)
    assert (await door.put(index(text), "v1")).status == 201


async def test_a_manifest_of_missing_blobs_is_rejected(door: Door) -> None:
    rejected = await door.put(manifest(b"a layer"), "v1")
    assert (rejected.status, rejected.code) == (404, "BLOB_UPLOAD_UNKNOWN")
    assert digest_of(b"a layer") in rejected.json["errors"][0]["message"]


async def test_a_subject_need_not_be_there(door: Door) -> None:
    await push_parts(door, b"a layer")
    subject = {"mediaType": OCI_MANIFEST, "digest": UNKNOWN_DIGEST, "size": 2}
    done = await door.put(manifest(b"a layer", subject=subject))
    assert (done.status, done.headers["OCI-Subject"]) == (201, UNKNOWN_DIGEST)


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        (UNKNOWN_DIGEST, "DIGEST_INVALID"),
        ("sha256:baddigeststring", "DIGEST_INVALID"),
        ("-tag", "TAG_INVALID"),
    ],
)
async def test_references_that_do_not_fit_are_rejected(door: Door, reference: str, code: str) -> None:
    rejected = await door.put(await push_parts(door, b"a layer"), reference)
    assert (rejected.status, rejected.code) == (400, code)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"schemaVersion": 1}', b"\xff\xfe"])
async def test_an_invalid_manifest_is_rejected(door: Door, body: bytes) -> None:
    rejected = await door.send("PUT", "/v2/team/app/manifests/v1", body, Content_Type=OCI_MANIFEST)
    assert (rejected.status, rejected.code) == (405, "UNSUPPORTED")  # so ECR does
    assert rejected.json["errors"][0]["message"].startswith("Invalid parameter at 'ImageManifest' failed")


async def test_a_manifest_of_four_mib_is_taken_and_no_larger_one(door: Door) -> None:
    text = await push_parts(door, b"a layer")
    full = text + " " * (4 * MIB - len(text))
    assert (await door.put(full, "v1")).status == 201
    rejected = await door.put(full + " ", "v1")
    assert (rejected.status, rejected.code) == (413, "SIZE_INVALID")
