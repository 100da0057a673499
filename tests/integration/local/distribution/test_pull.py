"""The specification's category Pull: manifests and blobs, whole, in ranges, or headers alone.

https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pull
"""

import pytest

from ecr_async.oci.media_types import DOCKER_MANIFEST, OCI_MANIFEST
from ecr_async.service import Service
from tests.integration.local.content import UNKNOWN_DIGEST, digest_of, manifest, push
from tests.integration.local.distribution.client import Door

BLOB = bytes(range(256)) * 8


@pytest.mark.parametrize("path", ["/v2/", "/v2"])
async def test_the_door_says_what_it_is(door: Door, path: str) -> None:
    assert (await door.send("HEAD", "/v2/")).status == 200
    response = await door.send("GET", path)
    assert (response.status, response.json) == (200, {})
    assert response.headers["Docker-Distribution-Api-Version"] == "registry/2.0"


@pytest.mark.parametrize("by", ["tag", "digest"])
async def test_a_manifest(door: Door, service: Service, by: str) -> None:
    digest = await push(service, b"a layer", "v1")
    path = f"/v2/team/app/manifests/{'v1' if by == 'tag' else digest}"
    pulled = await door.send("GET", path)
    assert (pulled.status, pulled.body.decode()) == (200, manifest(b"a layer"))
    head = await door.send("HEAD", path)
    assert (head.status, head.body) == (200, b"")
    for response in (pulled, head):
        assert response.headers["Content-Type"] == OCI_MANIFEST
        assert response.headers["Docker-Content-Digest"] == digest
        assert response.headers["Content-Length"] == str(len(pulled.body))


async def test_a_manifest_has_the_media_type_that_it_was_pushed_with(door: Door) -> None:
    for blob in (b"{}", b"a layer"):
        await door.push_blob(blob)
    text = manifest(b"a layer", mediaType=None)
    await door.send("PUT", "/v2/team/app/manifests/v1", text.encode(), Content_Type=DOCKER_MANIFEST)
    pulled = await door.send("GET", "/v2/team/app/manifests/v1")
    assert (pulled.headers["Content-Type"], pulled.body.decode()) == (DOCKER_MANIFEST, text)


@pytest.mark.parametrize("reference", ["v2", UNKNOWN_DIGEST, "sha512:" + "0" * 128])
async def test_a_manifest_that_is_not_there(door: Door, service: Service, reference: str) -> None:
    await push(service, b"a layer", "v1")
    response = await door.send("GET", f"/v2/team/app/manifests/{reference}")
    assert (response.status, response.code) == (404, "MANIFEST_UNKNOWN")
    assert (await door.send("HEAD", f"/v2/team/app/manifests/{reference}")).status == 404


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        ("sha256:baddigeststring", "DIGEST_INVALID"),
        ("2024.42.27+1234a5c05", "TAG_INVALID"),  # https://github.com/bazel-contrib/rules_oci/issues/721
    ],
)
async def test_a_reference_that_cannot_be_one(door: Door, reference: str, code: str) -> None:
    response = await door.send("GET", f"/v2/team/app/manifests/{reference}")
    assert (response.status, response.code) == (400, code)
    assert (await door.send("HEAD", f"/v2/team/app/manifests/{reference}")).status == 400


@pytest.mark.parametrize(
    "path", ["manifests/v1", f"blobs/{UNKNOWN_DIGEST}", "tags/list", f"referrers/{UNKNOWN_DIGEST}"]
)
async def test_a_repository_that_is_not_there(door: Door, path: str) -> None:
    response = await door.send("GET", f"/v2/team/other/{path}")
    assert (response.status, response.code) == (404, "NAME_UNKNOWN")
    assert "team/other" in response.json["errors"][0]["message"]


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
async def test_a_blob(door: Door, algorithm: str) -> None:
    digest = await door.push_blob(BLOB, algorithm=algorithm)
    pulled = await door.send("GET", f"/v2/team/app/blobs/{digest}")
    assert (pulled.status, pulled.body) == (200, BLOB)
    head = await door.send("HEAD", f"/v2/team/app/blobs/{digest}")
    assert (head.status, head.body) == (200, b"")
    for response in (pulled, head):
        assert response.headers["Docker-Content-Digest"] == digest
        assert response.headers["Content-Length"] == str(len(BLOB))
        assert response.headers["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize(
    ("span", "expected", "content_range"),
    [
        ("bytes=500-1499", slice(500, 1500), "bytes 500-1499/2048"),
        ("bytes=500-", slice(500, None), "bytes 500-2047/2048"),
        ("bytes=-500", slice(-500, None), "bytes 1548-2047/2048"),
        ("bytes=2000-5000", slice(2000, None), "bytes 2000-2047/2048"),
        ("bytes=0-0", slice(0, 1), "bytes 0-0/2048"),
    ],
)
async def test_a_range_of_a_blob(door: Door, span: str, expected: slice, content_range: str) -> None:
    digest = await door.push_blob(BLOB)
    response = await door.send("GET", f"/v2/team/app/blobs/{digest}", Range=span)
    assert (response.status, response.body) == (206, BLOB[expected])
    assert response.headers["Content-Range"] == content_range
    assert response.headers["Content-Length"] == str(len(response.body))


@pytest.mark.parametrize("span", ["bytes=500-0", "bytes=2048-", "bytes=5000-10000"])
async def test_a_range_that_a_blob_has_not(door: Door, span: str) -> None:
    digest = await door.push_blob(BLOB)
    response = await door.send("GET", f"/v2/team/app/blobs/{digest}", Range=span)
    assert (response.status, response.headers["Content-Range"]) == (416, "bytes */2048")


@pytest.mark.parametrize(
    "span", ["bytes=a-b", "bytes=-", "items=0-1", "bytes=0-1,4-5", "bytes 0-1", "", "bytes=0-" + "9" * 5000]
)
async def test_a_range_that_makes_no_sense_is_ignored(door: Door, span: str) -> None:
    digest = await door.push_blob(bytes(2048))
    response = await door.send("GET", f"/v2/team/app/blobs/{digest}", Range=span)
    assert (response.status, len(response.body)) == (200, 2048)
    assert "Content-Range" not in response.headers


async def test_a_blob_that_is_not_there(door: Door) -> None:
    response = await door.send("GET", f"/v2/team/app/blobs/{UNKNOWN_DIGEST}")
    assert (response.status, response.code) == (404, "BLOB_UNKNOWN")
    assert (await door.send("HEAD", f"/v2/team/app/blobs/{UNKNOWN_DIGEST}")).status == 404


async def test_a_blob_of_another_repository_is_not_there(door: Door, service: Service) -> None:
    from tests.integration.local.content import create, push_layer

    digest = await push_layer(service, b"a layer", await create(service, "team/other"))
    assert (await door.send("HEAD", f"/v2/team/other/blobs/{digest}")).status == 200
    assert (await door.send("HEAD", f"/v2/team/app/blobs/{digest}")).status == 404


@pytest.mark.parametrize(
    "path", ["/v2/team/app", "/v2/team/app/manifests/", "/v2/team/app/layers/x", "/v2/x"]
)
async def test_paths_outside_the_api(door: Door, path: str) -> None:
    response = await door.send("GET", path)
    assert (response.status, len(response.json["errors"])) == (404, 1)


async def test_methods_outside_the_api(door: Door) -> None:
    response = await door.send("POST", f"/v2/team/app/blobs/{digest_of(b'')}")
    assert (response.status, response.code) == (405, "UNSUPPORTED")
    assert set(response.headers["Allow"].split(", ")) == {"GET", "HEAD", "DELETE"}
