"""The specification's category Content Discovery: tags, repositories, referrers.

https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#content-discovery
"""

import re

import pytest

from ecr_async import api as ecr
from ecr_async.oci.media_types import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST
from ecr_async.service import Service
from tests.integration.local.content import UNKNOWN_DIGEST, create, digest_of, manifest, push, put
from tests.integration.local.distribution.client import Door, Response

TAGS = ["0.9", "1.0", "A", "_x", "a", "b"]
"""In the order of their bytes."""


def next_page(response: Response) -> str | None:
    found = re.fullmatch(r'<(.+)>; rel="next"', response.headers.get("Link", ""))
    return found and found[1]


async def pages(door: Door, path: str | None, member: str) -> list[list[str]]:
    found = []
    while path is not None:
        response = await door.send("GET", path)
        assert response.status == 200, response.body
        found.append(response.json[member])
        path = next_page(response)
    return found


# ---------------------------------------------------------------------------- tags


async def test_no_tags(door: Door) -> None:
    response = await door.send("GET", "/v2/team/app/tags/list")
    assert response.json == {"name": "team/app", "tags": []}


async def test_tags_in_order(door: Door, service: Service) -> None:
    await push(service, b"a layer", *reversed(TAGS))
    response = await door.send("GET", "/v2/team/app/tags/list")
    assert response.json == {"name": "team/app", "tags": TAGS}
    assert "Link" not in response.headers


@pytest.mark.parametrize(
    ("query", "tags"),
    [("last=A", TAGS[3:]), ("last=Z", TAGS[3:]), ("n=0", []), ("n=2&last=0.9", TAGS[1:3]), ("last=b", [])],
)
async def test_tags_from_a_place_on(door: Door, service: Service, query: str, tags: list[str]) -> None:
    await push(service, b"a layer", *TAGS)
    response = await door.send("GET", f"/v2/team/app/tags/list?{query}")
    assert response.json["tags"] == tags
    if "n=0" in query:
        assert "Link" not in response.headers


@pytest.mark.parametrize("size", [1, 2, 3, 4, 6, 7])
async def test_pages_of_tags(door: Door, service: Service, size: int) -> None:
    await push(service, b"a layer", *TAGS)
    found = await pages(door, f"/v2/team/app/tags/list?n={size}", "tags")
    assert [tag for page in found for tag in page] == TAGS
    assert {len(page) for page in found[:-1]} <= {size}
    assert found[-1]


async def test_pages_have_a_thousand_tags_at_most(door: Door, service: Service) -> None:
    tags = sorted(f"v{number}" for number in range(1000))
    first = await push(service, b"a layer", *tags)
    second = await push(service, b"another", "w")
    assert first != second
    for query in ("", "?n=5000"):
        found = await pages(door, f"/v2/team/app/tags/list{query}", "tags")
        assert found == [tags, ["w"]]


@pytest.mark.parametrize("size", ["-1", "many", "1.5", "%D9%A3"])
async def test_sizes_that_are_none(door: Door, size: str) -> None:
    response = await door.send("GET", f"/v2/team/app/tags/list?n={size}")
    assert (response.status, response.code) == (400, "PAGINATION_NUMBER_INVALID")


async def test_tags_of_archived_images_are_not_listed(door: Door, service: Service) -> None:
    digest = await push(service, b"a layer", "old")
    await push(service, b"another", "new")
    await ecr.update_image_storage_class(
        service, ecr.UpdateImageStorageClassRequest("team/app", ecr.ImageIdentifier(digest), "ARCHIVE")
    )
    assert (await door.send("GET", "/v2/team/app/tags/list")).json["tags"] == ["new"]
    for method in ("GET", "HEAD"):
        assert (await door.send(method, "/v2/team/app/manifests/old")).status == 404


# ---------------------------------------------------------------------------- repositories


async def test_the_catalog(door: Door, service: Service) -> None:
    for name in ("zoo", "alpha", "team/b"):
        await create(service, name)
    names = ["alpha", "team/app", "team/b", "zoo"]
    assert await pages(door, "/v2/_catalog", "repositories") == [names]
    assert await pages(door, "/v2/_catalog?n=3", "repositories") == [names[:3], names[3:]]
    assert await pages(door, "/v2/_catalog?last=team/app", "repositories") == [names[2:]]


# ---------------------------------------------------------------------------- referrers


async def push_referrer(
    service: Service, subject: str, artifact_type: str | None, config: bytes = b"{}", **annotations: str
) -> str:
    """Push an artifact about a subject; return its manifest."""
    text = manifest(
        b"a layer",
        config=config,
        artifactType=artifact_type,
        subject={"mediaType": OCI_MANIFEST, "digest": subject, "size": 2},
        annotations=annotations or None,
    )
    await put(service, text)
    return text


async def referrers(door: Door, subject: str, query: str = "") -> Response:
    response = await door.send("GET", f"/v2/team/app/referrers/{subject}{query}")
    assert (response.status, response.headers["Content-Type"]) == (200, OCI_INDEX)
    assert (response.json["schemaVersion"], response.json["mediaType"]) == (2, OCI_INDEX)
    return response


async def test_no_referrers_of_what_is_not_there(door: Door) -> None:
    assert (await referrers(door, UNKNOWN_DIGEST)).json["manifests"] == []


async def test_referrers_are_described(door: Door, service: Service) -> None:
    subject = await push(service, b"a layer", "v1")
    text = await push_referrer(service, subject, "application/spdx+json", note="hello")
    plain = await push_referrer(service, subject, None)
    assert (await referrers(door, subject)).json["manifests"] == [
        {
            "mediaType": OCI_MANIFEST,
            "digest": digest_of(text),
            "size": len(text),
            "artifactType": "application/spdx+json",
            "annotations": {"note": "hello"},
        },
        {
            "mediaType": OCI_MANIFEST,
            "digest": digest_of(plain),
            "size": len(plain),
            "artifactType": OCI_CONFIG,
        },
    ]


async def test_referrers_by_artifact_type(door: Door, service: Service) -> None:
    subject = await push(service, b"a layer", "v1")
    wanted = await push_referrer(service, subject, "application/spdx+json")
    await push_referrer(service, subject, "application/vnd.example")
    response = await referrers(door, subject, "?artifactType=application/spdx%2Bjson")
    assert [one["digest"] for one in response.json["manifests"]] == [digest_of(wanted)]
    assert response.headers["OCI-Filters-Applied"] == "artifactType"


async def test_referrers_come_in_pages(door: Door, service: Service) -> None:
    subject = await push(service, b"a layer", "v1")
    digests = [
        digest_of(await push_referrer(service, subject, "application/x", number=str(number)))
        for number in range(120)
    ]
    await push_referrer(service, subject, "application/y")
    found = await pages(door, f"/v2/team/app/referrers/{subject}?artifactType=application/x", "manifests")
    assert [len(page) for page in found] == [50, 50, 20]
    assert [one["digest"] for page in found for one in page] == digests  # type: ignore[index]


async def test_referrers_of_an_invalid_digest(door: Door) -> None:
    response = await door.send("GET", "/v2/team/app/referrers/v1")
    assert (response.status, response.code) == (400, "DIGEST_INVALID")
