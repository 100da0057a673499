"""Layers: uploaded in parts that are checked, downloaded from a URL of their own."""

import threading
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from ecr_async import api as ecr
from ecr_async.local import LocalECR
from ecr_async.local.state.blobs import Blobs
from ecr_async.service import Service
from tests.integration.local.content import (
    MIB,
    REGISTRY,
    UNKNOWN_DIGEST,
    begin_upload,
    create,
    digest_of,
    push,
    push_layer,
    send_part,
)


@pytest.fixture(autouse=True)
async def repository(service: Service) -> str:
    return await create(service)


async def complete(service: Service, upload_id: str, *digests: str) -> ecr.CompleteLayerUploadResponse:
    request = ecr.CompleteLayerUploadRequest("team/app", upload_id, digests)
    return await ecr.complete_layer_upload(service, request)


async def availability(service: Service, digest: str, name: str = "team/app") -> ecr.Layer:
    request = ecr.BatchCheckLayerAvailabilityRequest(name, [digest])
    return (await ecr.batch_check_layer_availability(service, request)).layers[0]


# ---------------------------------------------------------------------------- upload


async def test_parts_become_a_layer(service: Service) -> None:
    opened = await ecr.initiate_layer_upload(service, ecr.InitiateLayerUploadRequest("team/app"))
    assert opened.part_size == 10 * MIB
    assert opened.upload_id is not None
    content = b"a" * (5 * MIB) + b"b" * (5 * MIB) + b"the rest"
    for first in range(0, len(content), 5 * MIB):
        part = content[first : first + 5 * MIB]
        assert await send_part(service, opened.upload_id, first, part) == first + len(part) - 1
    done = await complete(service, opened.upload_id, digest_of(content))
    assert done == ecr.CompleteLayerUploadResponse(REGISTRY, "team/app", opened.upload_id, digest_of(content))
    layer = await availability(service, digest_of(content))
    assert (layer.layer_availability, layer.layer_size) == ("AVAILABLE", len(content))


async def test_files_are_not_closed_by_the_event_loop(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closing one may wait for the disk."""
    opened, closed_by = Blobs.open_upload, list[int]()

    def noting(blobs: Blobs, upload_id: str, offset: int) -> Any:
        file: Any = opened(blobs, upload_id, offset)
        close = file.close

        def note() -> None:
            closed_by.append(threading.get_ident())
            close()

        file.close = note
        return file

    monkeypatch.setattr(Blobs, "open_upload", noting)
    await push_layer(service, b"layer")
    assert len(closed_by) == 2
    assert threading.get_ident() not in closed_by


async def test_the_largest_part_is_taken(service: Service) -> None:
    upload_id = await begin_upload(service)
    assert await send_part(service, upload_id, 0, bytes(20 * MIB)) == 20 * MIB - 1


@pytest.mark.parametrize(
    ("first", "last", "size"),
    [
        (0, 9, 10),  # sent before
        (5, 14, 10),  # overlaps
        (11, 20, 10),  # leaves a gap
        (10, 18, 10),  # says one byte less
        (10, 20, 10),  # says one byte more
        (10, 9, 0),  # has nothing in it
    ],
)
async def test_a_part_must_follow_what_is_there(service: Service, first: int, last: int, size: int) -> None:
    upload_id = await begin_upload(service)
    await send_part(service, upload_id, 0, b"0123456789")
    request = ecr.UploadLayerPartRequest("team/app", upload_id, first, last, bytes(size))
    with pytest.raises(ecr.InvalidLayerPartException) as raised:
        await ecr.upload_layer_part(service, request)
    assert raised.value.details == {
        "registryId": REGISTRY,
        "repositoryName": "team/app",
        "uploadId": upload_id,
        "lastValidByteReceived": 9,
    }
    await send_part(service, upload_id, 10, b"more")


async def test_only_the_last_part_may_be_small(service: Service) -> None:
    upload_id = await begin_upload(service)
    await send_part(service, upload_id, 0, bytes(5 * MIB - 1))
    await send_part(service, upload_id, 5 * MIB - 1, b"x")
    with pytest.raises(ecr.LayerPartTooSmallException):
        await complete(service, upload_id, digest_of(bytes(5 * MIB - 1) + b"x"))


async def test_the_digest_must_be_the_one_announced(service: Service) -> None:
    upload_id = await begin_upload(service)
    await send_part(service, upload_id, 0, b"layer")
    with pytest.raises(ecr.InvalidLayerException, match="None of the provided layer digests match"):
        await complete(service, upload_id, UNKNOWN_DIGEST)
    assert (await availability(service, digest_of(b"layer"))).layer_availability == "UNAVAILABLE"
    done = await complete(service, upload_id, UNKNOWN_DIGEST, digest_of(b"layer"))
    assert done.layer_digest == digest_of(b"layer")


async def test_an_upload_without_parts_is_not_a_layer(service: Service) -> None:
    with pytest.raises(ecr.EmptyUploadException):
        await complete(service, await begin_upload(service), digest_of(b""))


async def test_a_layer_is_uploaded_once(service: Service) -> None:
    digest = await push_layer(service, b"layer")
    with pytest.raises(ecr.LayerAlreadyExistsException, match=digest):
        await push_layer(service, b"layer")
    assert (await availability(service, digest)).layer_availability == "AVAILABLE"


async def test_an_upload_ends_with_its_completion(service: Service) -> None:
    upload_id = await begin_upload(service)
    await send_part(service, upload_id, 0, b"layer")
    await complete(service, upload_id, digest_of(b"layer"))
    with pytest.raises(ecr.UploadNotFoundException, match=upload_id):
        await send_part(service, upload_id, 5, b"more")
    with pytest.raises(ecr.UploadNotFoundException, match=upload_id):
        await complete(service, upload_id, digest_of(b"layer"))


async def test_an_upload_belongs_to_its_repository(service: Service) -> None:
    await create(service, "other")
    upload_id = await begin_upload(service, "other")
    with pytest.raises(ecr.UploadNotFoundException):
        await send_part(service, upload_id, 0, b"layer")


async def test_uploads_do_not_mix(service: Service) -> None:
    one, two = await begin_upload(service), await begin_upload(service)
    for upload_id, content in ((one, b"1"), (two, b"2")):
        await send_part(service, upload_id, 0, content)
    assert (await complete(service, two, digest_of(b"2"))).layer_digest == digest_of(b"2")
    assert (await complete(service, one, digest_of(b"1"))).layer_digest == digest_of(b"1")


Call = Callable[[Service, str], Awaitable[Any]]


@pytest.mark.parametrize(
    "call",
    [
        lambda service, name: ecr.initiate_layer_upload(service, ecr.InitiateLayerUploadRequest(name)),
        lambda service, name: ecr.upload_layer_part(
            service, ecr.UploadLayerPartRequest(name, str(uuid.uuid4()), 0, 0, b"x")
        ),
        lambda service, name: ecr.complete_layer_upload(
            service, ecr.CompleteLayerUploadRequest(name, str(uuid.uuid4()), [UNKNOWN_DIGEST])
        ),
        lambda service, name: ecr.batch_check_layer_availability(
            service, ecr.BatchCheckLayerAvailabilityRequest(name, [UNKNOWN_DIGEST])
        ),
        lambda service, name: ecr.get_download_url_for_layer(
            service, ecr.GetDownloadUrlForLayerRequest(name, UNKNOWN_DIGEST)
        ),
    ],
)
async def test_layers_are_in_repositories(service: Service, call: Call) -> None:
    with pytest.raises(ecr.RepositoryNotFoundException, match="none/such"):
        await call(service, "none/such")


# ---------------------------------------------------------------------------- availability


async def test_a_layer_is_available_where_it_was_pushed_to(service: Service) -> None:
    await create(service, "other")
    digest = await push_layer(service, b"layer")
    assert (await availability(service, digest, "other")).layer_availability == "UNAVAILABLE"


async def test_an_invalid_digest_is_a_failure(service: Service) -> None:
    request = ecr.BatchCheckLayerAvailabilityRequest("team/app", ["", "no digest", UNKNOWN_DIGEST])
    response = await ecr.batch_check_layer_availability(service, request)
    assert [layer.layer_digest for layer in response.layers] == [UNKNOWN_DIGEST]
    assert [(failure.layer_digest, failure.failure_code) for failure in response.failures] == [
        ("", "MissingLayerDigest"),
        ("no digest", "InvalidLayerDigest"),
    ]


# ---------------------------------------------------------------------------- download


async def download_url(service: Service, digest: str) -> str:
    request = ecr.GetDownloadUrlForLayerRequest("team/app", digest)
    response = await ecr.get_download_url_for_layer(service, request)
    assert response.layer_digest == digest
    assert response.download_url is not None
    return response.download_url


async def fetch(url: str, **headers: str) -> tuple[int, bytes]:
    async with aiohttp.ClientSession() as client, client.get(url, headers=headers) as response:
        return response.status, await response.read()


async def test_a_layer_is_downloaded_whole_or_in_ranges(service: Service) -> None:
    await push(service, b"0123456789", "v1")
    url = await download_url(service, digest_of(b"0123456789"))
    assert await fetch(url) == (200, b"0123456789")
    assert await fetch(url, Range="bytes=2-4") == (206, b"234")
    assert await fetch(url, Range="bytes=7-") == (206, b"789")


async def test_a_url_is_for_one_layer_and_for_an_hour() -> None:
    now = [1_700_000_000.0]
    async with LocalECR(clock=lambda: now[0]) as local, local.session() as session:
        service = session.service()
        await create(service)
        await push(service, b"one", "v1")
        await push(service, b"two", "v2")
        url = await download_url(service, digest_of(b"one"))
        assert (await fetch(url.replace(digest_of(b"one"), digest_of(b"two"))))[0] == 403
        assert (await fetch(url.partition("?")[0]))[0] == 403
        now[0] += 3600
        assert await fetch(url) == (200, b"one")
        now[0] += 1
        assert (await fetch(url))[0] == 403


async def test_only_layers_of_images_are_handed_out(service: Service) -> None:
    with pytest.raises(ecr.LayersNotFoundException, match=UNKNOWN_DIGEST):
        await download_url(service, UNKNOWN_DIGEST)
    digest = await push_layer(service, b"orphan")
    with pytest.raises(ecr.LayerInaccessibleException, match=digest):
        await download_url(service, digest)
