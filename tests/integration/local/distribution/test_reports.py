"""What users of registries and emulators have reported in public, and what is right."""

import json

import pytest

from ecr_async import api as ecr
from ecr_async.oci.media_types import OCI_INDEX, OCI_MANIFEST
from ecr_async.service import Service
from tests.integration.local.content import create, descriptor, digest_of, manifest, push
from tests.integration.local.distribution.client import Door

MIB = 1024 * 1024


async def test_progress_counts_all_chunks(door: Door) -> None:
    """zot's Range said too little: https://github.com/regclient/regclient/issues/961.

    ECR's stays behind: https://github.com/aws/containers-roadmap/issues/2831, which clients trip over.
    """
    location = (await door.send("POST", "/v2/team/app/blobs/uploads/")).location
    for number in range(3):
        span = f"{number * MIB}-{(number + 1) * MIB - 1}"
        sent = await door.send("PATCH", location, bytes([number]) * MIB, Content_Range=span)
        assert (sent.status, sent.headers["Range"]) == (202, f"0-{(number + 1) * MIB - 1}")
        location = sent.location
        assert (await door.send("GET", location)).headers["Range"] == sent.headers["Range"]


async def test_a_last_chunk_out_of_order_loses_nothing(door: Door) -> None:
    """The registry appended it: https://github.com/opencontainers/distribution-spec/issues/590."""
    location = (await door.send("POST", "/v2/team/app/blobs/uploads/")).location
    location = (await door.send("PATCH", location, b"abc", Content_Range="0-2")).location
    closing = f"{location}?digest={digest_of(b'abcdef')}"
    early = await door.send("PUT", closing, b"def", Content_Range="4-6")
    assert (early.status, early.headers["Range"]) == (416, "0-2")
    assert (await door.send("PUT", closing, b"def", Content_Range="3-5")).status == 201


async def test_cancelling_an_upload_that_is_not_there(door: Door) -> None:
    """It was a 500: https://github.com/cloudflare/serverless-registry/pull/90."""
    location = (await door.send("POST", "/v2/team/app/blobs/uploads/")).location
    assert (await door.send("DELETE", location)).status == 204
    again = await door.send("DELETE", location)
    assert (again.status, again.code) == (404, "BLOB_UPLOAD_UNKNOWN")


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
@pytest.mark.parametrize("path", [f"{'a' * 300}/manifests/v1", f"team/app/manifests/{'a' * 400}"])
async def test_names_that_are_too_long(door: Door, method: str, path: str) -> None:
    """They were a 500, or a page: https://github.com/distribution/distribution/issues/2670."""
    body = manifest(b"a layer").encode() if method == "PUT" else None
    response = await door.send(method, f"/v2/{path}", body, Content_Type=OCI_MANIFEST)
    assert response.status in (400, 404)
    if method != "HEAD":
        assert response.code in ("NAME_INVALID", "NAME_UNKNOWN", "TAG_INVALID", "MANIFEST_INVALID")


async def test_an_index_with_an_attestation_as_docker_builds_it(door: Door, service: Service) -> None:
    """zot responded with 400 to the index: https://github.com/project-zot/zot/issues/3005."""
    statement = b'{"_type": "https://in-toto.io/Statement/v0.1"}'
    for blob in (b"{}", b"a layer", statement):
        await door.push_blob(blob)
    image = manifest(b"a layer")
    attestation = manifest(layers=[descriptor(statement, "application/vnd.in-toto+json")])
    for text in (image, attestation):
        assert (await door.put(text)).status == 201
    marks = {
        "vnd.docker.reference.digest": digest_of(image),
        "vnd.docker.reference.type": "attestation-manifest",
    }
    unknown = {"architecture": "unknown", "os": "unknown"}
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [
            descriptor(image.encode(), OCI_MANIFEST) | {"platform": {"architecture": "amd64", "os": "linux"}},
            descriptor(attestation.encode(), OCI_MANIFEST) | {"annotations": marks, "platform": unknown},
        ],
    }
    index = json.dumps(document)
    assert (await door.put(index, "example")).status == 201
    assert (await door.send("GET", "/v2/team/app/manifests/example")).body == index.encode()
    found = await ecr.describe_images(service, ecr.DescribeImagesRequest("team/app"))
    assert {one.image_digest for one in found.image_details} == set(
        map(digest_of, (image, attestation, index))
    )


async def test_any_of_an_image_s_tags_will_do(service: Service) -> None:
    """moto knew the last one only: https://github.com/getmoto/moto/issues/8269 and pull/6230."""
    await create(service, "team/tags")
    digest = await push(service, b"a layer", "v1", "v2", "v3", name="team/tags")
    listed = await ecr.list_images(service, ecr.ListImagesRequest("team/tags"))
    assert [(one.image_digest, one.image_tag) for one in listed.image_ids] == [
        (digest, "v1"),
        (digest, "v2"),
        (digest, "v3"),
    ]
    for tag in ("v1", "v2", "v3"):
        request = ecr.BatchGetImageRequest("team/tags", [ecr.ImageIdentifier(image_tag=tag)])
        [image] = (await ecr.batch_get_image(service, request)).images
        assert image.image_id == ecr.ImageIdentifier(digest, tag)


async def test_some_of_many_are_deleted_without_failures(service: Service) -> None:
    """moto reported one for each other image: https://github.com/getmoto/moto/issues/4941."""
    await create(service, "team/many")
    digests = [await push(service, bytes([number]) * 10, name="team/many") for number in range(5)]
    wanted = [ecr.ImageIdentifier(digest) for digest in digests[3:]]
    response = await ecr.batch_delete_image(service, ecr.BatchDeleteImageRequest("team/many", wanted))
    assert (list(response.image_ids), response.failures) == (wanted, ())


async def test_a_digest_is_the_manifest_s_own(service: Service) -> None:
    """moto made one up, LocalStack took a layer's: https://github.com/getmoto/moto/issues/6997 and
    https://github.com/localstack/localstack/issues/4469.
    """
    await create(service, "team/digest")
    await push(service, b"a layer", name="team/digest")
    text = manifest(b"a layer", annotations={"a": "b"}) + "\r\n"  # other bytes are another image
    put = ecr.PutImageRequest("team/digest", text, image_digest=digest_of(text))
    await ecr.put_image(service, put)
    named = ecr.DescribeImagesRequest("team/digest", image_ids=[ecr.ImageIdentifier(digest_of(text))])
    [detail] = (await ecr.describe_images(service, named)).image_details
    assert detail.image_digest == digest_of(text)
