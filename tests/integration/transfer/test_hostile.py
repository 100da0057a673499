"""Layouts, archives and servers that lie: a typed error, and nothing written where it doesn't belong."""

import io
import json
import os
import shutil
import tarfile
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

import ecr_async as ecr
from ecr_async.local import LocalECR
from ecr_async.oci import digest_of
from ecr_async.oci.media_types import OCI_INDEX, OCI_MANIFEST
from tests.integration.local.content import create
from tests.integration.transfer.layouts import (
    Made,
    files_of,
    image,
    noise,
    pack,
    tarball,
    write_docker_archive,
    write_layout,
)

MIB = 1024 * 1024
MADE = image(noise(2000, 1))
LAYER = noise(3 * MIB, 7)


def member(name: str, content: bytes = b"x", **attributes: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for attribute, value in attributes.items():
        setattr(info, attribute, value)
    return info, content


def write_tar(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w") as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return path


# ---------------------------------------------------------------------------- archives


@pytest.mark.parametrize(
    "hostile",
    [
        member("../outside"),
        member("/outside"),
        member("blobs/../../outside"),
        member("link", b"", type=tarfile.SYMTYPE, linkname="../../etc/passwd"),
        member("link", b"", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        member("link", b"", type=tarfile.LNKTYPE, linkname="/etc/passwd"),
        member("device", b"", type=tarfile.CHRTYPE),
        member("pipe", b"", type=tarfile.FIFOTYPE),
    ],
    ids=lambda pair: f"{pair[0].name} {pair[0].linkname}",
)
async def test_names_that_lead_out_of_an_archive(
    service: ecr.Service, repository: str, tmp_path: Path, hostile: tuple[tarfile.TarInfo, bytes]
) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    archive = write_tar(inside / "a.tar", member("oci-layout", b"{}"), member("index.json", b"{}"), hostile)
    with pytest.raises(
        ecr.LayoutError, match=r"leads out of the archive|neither a file, a folder nor a link"
    ):
        await ecr.push_image(service, archive, repository)
    assert set(files_of(tmp_path)) == {"inside/a.tar"}


async def test_links_in_a_circle(service: ecr.Service, repository: str, tmp_path: Path) -> None:
    circle = [
        member("oci-layout", b"", type=tarfile.SYMTYPE, linkname="b"),
        member("b", b"", type=tarfile.SYMTYPE, linkname="oci-layout"),
    ]
    with pytest.raises(ecr.LayoutError, match="circle"):
        await ecr.push_image(service, write_tar(tmp_path / "a.tar", *circle), repository)


@pytest.mark.parametrize(
    "content", [b"", b"no tar at all", os.urandom(2000), b"\x1f\x8bno gzip", tarball({"a": b"b"})]
)
async def test_files_that_are_something_else(
    service: ecr.Service, repository: str, tmp_path: Path, content: bytes
) -> None:
    archive = tmp_path / "a.tar"
    archive.write_bytes(content)
    with pytest.raises(ecr.LayoutError):
        await ecr.push_image(service, archive, repository)


@pytest.mark.parametrize("mode", ["w", "w:gz"])
async def test_an_archive_that_is_cut_off(
    service: ecr.Service, repository: str, tmp_path: Path, mode: str
) -> None:
    archive = pack(write_layout(tmp_path / "in", [("v1", image(LAYER))]), tmp_path / "a.tar", mode)
    content = archive.read_bytes()
    archive.write_bytes(content[: len(content) // 2])
    with pytest.raises(ecr.LayoutError):
        await ecr.push_image(service, archive, repository)


async def test_an_archive_that_unpacks_to_too_much(
    service: ecr.Service, repository: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = bytes(MIB)
    bomb = b"".join(packer.compress(zeros) for _ in range(64)) + packer.flush()
    (tmp_path / "bomb.tar.gz").write_bytes(bomb)
    with pytest.raises(ecr.ArchiveTooLargeError, match=r"more than 8,388,608 bytes"):
        await ecr.push_image(service, tmp_path / "bomb.tar.gz", repository, max_unpacked=8 * MIB)
    assert files_of(temporary) == {}


async def test_zeros_after_a_gzipped_archive(service: ecr.Service, repository: str, tmp_path: Path) -> None:
    """Padding to whole blocks, as on a tape, which gzip(1) ignores as well."""
    archive = pack(write_layout(tmp_path / "in", [("v1", MADE)]), tmp_path / "a.tar.gz", "w:gz")
    archive.write_bytes(archive.read_bytes() + bytes(10_240))
    assert (await ecr.push_image(service, archive, repository)).digest == MADE.digest


@pytest.mark.parametrize("rest", [b"garbage", b"\0\0garbage", b"\x1f\x8bgarbage garbage garbage"])
async def test_something_else_after_a_gzipped_archive(
    service: ecr.Service, repository: str, tmp_path: Path, rest: bytes
) -> None:
    archive = pack(write_layout(tmp_path / "in", [("v1", MADE)]), tmp_path / "a.tar.gz", "w:gz")
    archive.write_bytes(archive.read_bytes() + rest)
    with pytest.raises(ecr.LayoutError, match="gzipped content"):
        await ecr.push_image(service, archive, repository)


@pytest.mark.parametrize(
    ("start", "name"), [(b"BZh91AY", "bzip2"), (b"\xfd7zXZ\0\0", "xz"), (b"\x28\xb5\x2f\xfd\x24", "zstd")]
)
async def test_other_compressions_are_named(
    service: ecr.Service, repository: str, tmp_path: Path, start: bytes, name: str
) -> None:
    archive = tmp_path / "a.tar"
    archive.write_bytes(start + noise(2000))
    with pytest.raises(ecr.LayoutError, match=f"compressed with {name}; only gzip is unpacked"):
        await ecr.push_image(service, archive, repository)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
async def test_headers_that_claim_to_be_huge_are_not_read(
    service: ecr.Service, repository: str, tmp_path: Path, kind: bytes
) -> None:
    """tarfile reads an extended header into memory, as large as it says that it is."""
    archive = tmp_path / "a.tar"
    header = tarfile.TarInfo("name")
    header.type, header.size = kind, 8 << 30
    with archive.open("wb") as file:
        file.write(header.tobuf(tarfile.GNU_FORMAT))
        file.truncate(header.size + 10_240)
    with pytest.raises(ecr.LayoutError, match=r"a header of more than 1,048,576 bytes"):
        await ecr.push_image(service, archive, repository)


async def test_a_member_with_holes(service: ecr.Service, repository: str, tmp_path: Path) -> None:
    """tar --sparse packs only what is not zero, so the bytes in the archive are not those of the file."""
    header = tarfile.TarInfo("blobs/sha256/x")
    header.type = tarfile.GNUTYPE_SPARSE
    archive = tmp_path / "a.tar"
    with tarfile.open(archive, "w", format=tarfile.GNU_FORMAT) as tar:
        tar.addfile(header)
    with pytest.raises(ecr.LayoutError, match="'blobs/sha256/x' is packed with holes"):
        await ecr.push_image(service, archive, repository)


async def test_of_members_with_one_name_the_last_counts(
    service: ecr.Service, repository: str, tmp_path: Path
) -> None:
    """As when the archive is unpacked; `tar --append` makes such."""
    source = write_layout(tmp_path / "in", [("v1", MADE)])
    archive = tmp_path / "a.tar"
    write_tar(
        archive, member("index.json", b"nothing"), *(member(*each) for each in files_of(source).items())
    )
    assert (await ecr.push_image(service, archive, repository)).digest == MADE.digest


async def test_a_docker_archive_whose_layer_was_changed(
    service: ecr.Service, repository: str, tmp_path: Path
) -> None:
    archive = write_docker_archive(tmp_path / "a.tar", [{"motd": b"hello"}], ["app:v1"])
    archive.write_bytes(archive.read_bytes().replace(b"hello", b"jello"))
    with pytest.raises(ecr.DigestMismatchError):
        await ecr.push_image(service, archive, repository)


@pytest.mark.parametrize(
    "manifest",
    [
        b"{}",
        b"[{}]",
        b'[{"Config": "../../etc/passwd", "Layers": []}]',
        b'[{"Config": "manifest.json", "Layers": []}]',
        b'[{"Config": "c.json", "Layers": ["a", "b"]}]',
        b"[" * 100_000,
    ],
)
async def test_docker_archives_that_are_malformed(
    service: ecr.Service, repository: str, tmp_path: Path, manifest: bytes
) -> None:
    config = b'{"rootfs": {"diff_ids": ["sha256:00"]}}'
    archive = write_tar(tmp_path / "a.tar", member("manifest.json", manifest), member("c.json", config))
    with pytest.raises(ecr.LayoutError):
        await ecr.push_image(service, archive, repository)


# ---------------------------------------------------------------------------- layouts


async def test_a_link_out_of_a_layout(service: ecr.Service, repository: str, tmp_path: Path) -> None:
    source = write_layout(tmp_path / "in", [("v1", MADE)])
    blob = source / "blobs" / digest_of(noise(2000, 1)).replace(":", "/")
    (tmp_path / "secret").write_bytes(blob.read_bytes())
    blob.unlink()
    blob.symlink_to(tmp_path / "secret")
    with pytest.raises(ecr.LayoutError, match="leads out of the layout"):
        await ecr.push_image(service, source, repository)


@pytest.mark.parametrize(
    "entry",
    [
        {"mediaType": OCI_MANIFEST, "digest": "sha256:../../x", "size": 1},
        {
            "mediaType": OCI_MANIFEST,
            "digest": "../../../etc/passwd",
            "size": 1,
        },
        {
            "mediaType": OCI_MANIFEST,
            "digest": "sha256:" + "0" * 64,
            "size": 1,
        },
        {"mediaType": OCI_MANIFEST, "digest": MADE.digest, "size": 1 << 60},
        {"mediaType": OCI_MANIFEST, "digest": MADE.digest, "size": 5},
        {
            "mediaType": OCI_INDEX,
            "digest": MADE.digest,
            "size": len(MADE.content),
        },
    ],
)
async def test_an_index_that_lies(
    service: ecr.Service, repository: str, tmp_path: Path, entry: dict[str, object]
) -> None:
    source = write_layout(tmp_path / "in", [("v1", MADE)])
    (source / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    with pytest.raises((ecr.LayoutError, ecr.ManifestError)):
        await ecr.push_image(service, source, repository)


async def test_a_manifest_that_is_not_what_its_digest_says(
    service: ecr.Service, repository: str, tmp_path: Path
) -> None:
    source = write_layout(tmp_path / "in", [("v1", MADE)])
    (source / "blobs" / MADE.digest.replace(":", "/")).write_bytes(MADE.content.replace(b"layers", b"others"))
    with pytest.raises(ecr.DigestMismatchError) as caught:
        await ecr.push_image(service, source, repository, tags=["v1"])
    assert caught.value.digest == MADE.digest


async def test_a_layer_that_is_not_what_its_digest_says(
    service: ecr.Service, repository: str, tmp_path: Path
) -> None:
    source = write_layout(tmp_path / "in", [("v1", MADE)])
    digest = digest_of(noise(2000, 1))
    (source / "blobs" / digest.replace(":", "/")).write_bytes(noise(2000, 2))
    with pytest.raises(ecr.DigestMismatchError) as caught:
        await ecr.push_image(service, source, repository, tags=["v1"])
    assert caught.value.digest == digest
    listed = await ecr.list_images(service, ecr.ListImagesRequest(repository))
    assert listed.image_ids == ()


async def test_more_manifests_than_memory_is_for(
    service: ecr.Service, repository: str, tmp_path: Path
) -> None:
    """An index may be small, and list gigabytes: JSON with spaces, which hardly take room in an archive."""
    padded = [
        Made(MADE.content + b" " * (4 * MIB - len(MADE.content) - number), MADE.blobs) for number in range(20)
    ]
    source = write_layout(tmp_path / "in", [(f"v{number}", made) for number, made in enumerate(padded)])
    with pytest.raises(ecr.LayoutError, match="bytes of manifests, where 67,108,864 are allowed"):
        await ecr.push_image(service, source, repository)


async def test_hard_links_within_an_archive(service: ecr.Service, repository: str, tmp_path: Path) -> None:
    """As tar packs files that rsync or ostree have linked."""
    source = write_layout(tmp_path / "in", [("v1", MADE)])
    linked = source / "linked"
    linked.mkdir()
    for blob in list((source / "blobs" / "sha256").iterdir()):
        (linked / blob.name).hardlink_to(blob)
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for name in ("linked", "blobs", "index.json", "oci-layout"):
            tar.add(source / name, arcname=name)
    assert (await ecr.push_image(service, tmp_path / "a.tar", repository)).digest == MADE.digest


@pytest.mark.parametrize("name", ["blobs", "blobs/sha256", ".ecr-async"])
async def test_a_layout_with_links_for_folders_is_not_written_to(
    service: ecr.Service, repository: str, tmp_path: Path, name: str
) -> None:
    await ecr.push_image(service, write_layout(tmp_path / "in", [("v1", MADE)]), repository, tags=["v1"])
    out, outside = tmp_path / "out", tmp_path / "outside"
    (out / name).parent.mkdir(parents=True)
    outside.mkdir()
    (out / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (out / name).symlink_to(outside)
    with pytest.raises(ecr.LayoutError, match="a link"):
        await ecr.pull_image(service, repository, "v1", out)
    assert files_of(outside) == {}


async def test_a_folder_of_something_else_is_left_alone(
    service: ecr.Service, repository: str, tmp_path: Path
) -> None:
    await ecr.push_image(service, write_layout(tmp_path / "in", [("v1", MADE)]), repository, tags=["v1"])
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter").write_text("dear")
    with pytest.raises(ecr.LayoutError, match="other content"):
        await ecr.pull_image(service, repository, "v1", tmp_path / "home")
    assert set(files_of(tmp_path / "home")) == {"letter"}


# ---------------------------------------------------------------------------- servers of layers


Responder = Callable[[web.Request, bytes], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def layers_from(
    respond: Responder, content: bytes = LAYER
) -> AsyncIterator[tuple[str, list[str | None]]]:
    """A server that responds to requests for a layer as it likes; its URL, and the requested ranges."""
    ranges: list[str | None] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        ranges.append(request.headers.get("Range"))
        return await respond(request, content)

    application = web.Application()
    application.router.add_get("/layer", handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}/layer", ranges
    finally:
        await runner.cleanup()


def served(request: web.Request, content: bytes) -> web.Response:
    """Responder honestly, ranges too."""
    wanted = request.headers.get("Range")
    if wanted is None:
        return web.Response(body=content)
    first, _, last = wanted.removeprefix("bytes=").partition("-")
    part = content[int(first) : int(last) + 1]
    shown = {"Content-Range": f"bytes {first}-{last}/{len(content)}"}
    return web.Response(status=206, body=part, headers=shown)


@pytest.fixture
async def pulled_from(
    local: LocalECR, service: ecr.Service, repository: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Awaitable[ecr.PulledImage]]:
    """Pulls an image of one large layer, which comes from another server."""
    await ecr.push_image(
        service, write_layout(tmp_path / "in", [("v1", image(LAYER))]), repository, tags=["v1"]
    )

    async def pull(url: str) -> ecr.PulledImage:
        async def signed(
            _: object, request: ecr.GetDownloadUrlForLayerRequest
        ) -> ecr.GetDownloadUrlForLayerResponse:
            if request.layer_digest == digest_of(LAYER):
                return ecr.GetDownloadUrlForLayerResponse(url, request.layer_digest)
            return await ecr.get_download_url_for_layer(service, request)

        monkeypatch.setattr("ecr_async.transfer.repositories.downloads.get_download_url_for_layer", signed)
        return await ecr.pull_image(service, repository, "v1", tmp_path / "out")

    return pull


async def test_a_download_that_breaks_off_is_resumed(
    pulled_from: Callable[[str], Awaitable[ecr.PulledImage]], tmp_path: Path
) -> None:
    async def breaking(request: web.Request, content: bytes) -> web.StreamResponse:
        if request.headers.get("Range") is not None:
            return served(request, content)
        response = web.StreamResponse(headers={"Content-Length": str(len(content))})
        await response.prepare(request)
        await response.write(content[: 2 * MIB])
        assert request.transport is not None
        request.transport.close()
        return response

    async with layers_from(breaking) as (url, ranges):
        assert (await pulled_from(url)).bytes_moved > 3 * MIB
    assert ranges[0] is None
    assert ranges[1] is not None
    first = int(ranges[1].removeprefix("bytes=").partition("-")[0])
    assert 0 < first <= 2 * MIB


async def test_a_server_that_knows_no_ranges(
    pulled_from: Callable[[str], Awaitable[ecr.PulledImage]],
) -> None:
    count = 0

    async def breaking(request: web.Request, content: bytes) -> web.StreamResponse:
        nonlocal count
        count += 1
        if count > 1:
            return web.Response(body=content)
        response = web.StreamResponse(headers={"Content-Length": str(len(content))})
        await response.prepare(request)
        await response.write(content[: 2 * MIB])
        assert request.transport is not None
        request.transport.close()
        return response

    async with layers_from(breaking) as (url, _):
        await pulled_from(url)


async def test_an_expired_url_is_requested_anew(
    pulled_from: Callable[[str], Awaitable[ecr.PulledImage]],
) -> None:
    count = 0

    async def expiring(request: web.Request, content: bytes) -> web.StreamResponse:
        nonlocal count
        count += 1
        return (
            web.Response(status=403, text="Request has expired") if count == 1 else served(request, content)
        )

    async with layers_from(expiring) as (url, ranges):
        await pulled_from(url)
    assert ranges == [None, None]


async def lying(request: web.Request, content: bytes) -> web.StreamResponse:
    return served(request, content[:-1] + bytes([content[-1] ^ 1]))


async def too_short(request: web.Request, content: bytes) -> web.StreamResponse:
    return served(request, content[:-1])


async def too_long(request: web.Request, content: bytes) -> web.StreamResponse:
    return served(request, content + b"x")


async def endless(request: web.Request, content: bytes) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    try:
        while True:
            await response.write(content)
    except OSError:
        return response


@pytest.mark.parametrize("respond", [lying, too_short, too_long, endless])
async def test_content_that_is_not_what_its_digest_says(
    pulled_from: Callable[[str], Awaitable[ecr.PulledImage]], tmp_path: Path, respond: Responder
) -> None:
    async with layers_from(respond) as (url, _):
        with pytest.raises(ecr.DigestMismatchError) as caught:
            await pulled_from(url)
    assert caught.value.digest == digest_of(LAYER)
    assert "blobs/" + digest_of(LAYER).replace(":", "/") not in files_of(tmp_path / "out")
    assert "index.json" not in files_of(tmp_path / "out")


async def test_a_url_that_never_works_is_a_typed_error(
    pulled_from: Callable[[str], Awaitable[ecr.PulledImage]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ecr_async._retry.standard.Backoff.delay", lambda *_: 0.0)

    async def forbidden(request: web.Request, content: bytes) -> web.StreamResponse:
        return web.Response(status=403)

    async with layers_from(forbidden) as (url, ranges):
        with pytest.raises(ecr.ResponseError) as caught:
            await pulled_from(url)
    assert (caught.value.status, caught.value.attempts, len(ranges)) == (403, 5, 5)


def put_a_file_in_the_way(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.write_text("a file where a folder should be")


async def test_the_state_of_an_upload_may_be_damaged(
    service: ecr.Service, repository: str, state: Path, tmp_path: Path
) -> None:
    made = image(noise(11 * MIB))
    source = write_layout(tmp_path / "in", [("v1", made)])
    first = await ecr.push_image(service, source, repository, tags=["v1"])
    assert files_of(state) == {}
    await create(service, "team/b")
    assert (await ecr.push_image(service, source, "team/b")).bytes_moved == first.bytes_moved
    put_a_file_in_the_way(state)
    await create(service, "team/c")
    assert (await ecr.push_image(service, source, "team/c")).bytes_moved == first.bytes_moved


# ---------------------------------------------------------------------------- what a crash leaves


async def test_an_archive_that_is_a_named_pipe(service: ecr.Service, repository: str, tmp_path: Path) -> None:
    """Opening it would wait for a writer for ever, in a thread that keeps the process alive."""
    pipe = tmp_path / "image.tar"
    os.mkfifo(pipe)
    with pytest.raises(ecr.LayoutError, match="a pipe cannot be read"):
        await ecr.push_image(service, pipe, repository)
    await ecr.push_image(service, write_layout(tmp_path / "layout", [("v1", MADE)]), repository, tags=["v1"])
    with pytest.raises(ecr.LayoutError, match="not a regular file"):
        await ecr.pull_image(service, repository, "v1", pipe)


@pytest.mark.parametrize("archive", [False, True])
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"manifests": 5}'])
async def test_a_pull_into_a_layout_with_a_broken_index(
    service: ecr.Service, repository: str, tmp_path: Path, content: bytes, archive: bool
) -> None:
    layout = write_layout(tmp_path / "layout", [("v1", MADE)])
    await ecr.push_image(service, layout, repository, tags=["v1"])
    (layout / "index.json").write_bytes(content)
    target = pack(layout, tmp_path / "layout.tar") if archive else layout
    before = target.read_bytes() if archive else files_of(layout)
    with pytest.raises(ecr.LayoutError, match=r"index\.json") as caught:
        await ecr.pull_image(service, repository, "v1", target)
    assert caught.value.path == str(target)
    if archive:
        assert target.read_bytes() == before


async def test_a_manifest_that_a_crash_left_full_of_zeros_is_written_anew(
    service: ecr.Service, repository: str, tmp_path: Path
) -> None:
    layout = write_layout(tmp_path / "layout", [("v1", MADE)])
    pushed = await ecr.push_image(service, layout, repository, tags=["v1"])
    manifest = layout / "blobs" / "sha256" / pushed.digest.removeprefix("sha256:")
    whole = manifest.read_bytes()
    manifest.write_bytes(bytes(len(whole)))
    await ecr.pull_image(service, repository, "v1", layout)
    assert manifest.read_bytes() == whole
