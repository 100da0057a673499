"""Docker archives of every version of docker: layers packed or plain, several images, a layout besides."""

import gzip
import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest

import ecr_async as ecr
from ecr_async.oci import digest_of
from ecr_async.oci.media_types import DOCKER_MANIFEST, OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST
from tests.integration.local.content import create
from tests.integration.transfer.layouts import Made, describe, pack, tarball, write_layout


def write_archive(path: Path, layer: bytes, plain: bytes) -> Path:
    config = json.dumps(
        {
            "os": "linux",
            "architecture": "amd64",
            "rootfs": {"type": "layers", "diff_ids": [digest_of(plain)]},
        }
    ).encode()
    saved = [{"Config": "config.json", "RepoTags": ["app:v1"], "Layers": ["0/layer.tar"]}]
    files = {"0/layer.tar": layer, "config.json": config, "manifest.json": json.dumps(saved).encode()}
    path.write_bytes(tarball(files))
    return path


PLAIN = tarball({"motd": b"hello"})


@pytest.mark.parametrize("members", [1, 2])
async def test_a_packed_layer_is_sent_as_it_is(service: ecr.Service, tmp_path: Path, members: int) -> None:
    await create(service)
    half = len(PLAIN) if members == 1 else len(PLAIN) // 2
    packed = b"".join(gzip.compress(part) for part in (PLAIN[:half], PLAIN[half:]) if part)
    archive = write_archive(tmp_path / "a.tar", packed, PLAIN)
    await ecr.push_image(service, archive, "team/app", tags=["v1"])
    layers = await ecr.check_layers(service, "team/app", [digest_of(packed)])
    assert [layer.layer_availability for layer in layers.done] == ["AVAILABLE"]


async def test_a_packed_layer_that_is_broken_is_rejected(service: ecr.Service, tmp_path: Path) -> None:
    await create(service)
    broken = gzip.compress(PLAIN)[:10] + b"\xff" * 20
    archive = write_archive(tmp_path / "a.tar", broken, PLAIN)
    with pytest.raises(ecr.LayoutError, match="is damaged"):
        await ecr.push_image(service, archive, "team/app", tags=["v1"])


async def test_another_tag_than_those_of_the_archive(service: ecr.Service, tmp_path: Path) -> None:
    await create(service)
    archive = write_archive(tmp_path / "a.tar", gzip.compress(PLAIN), PLAIN)
    with pytest.raises(ecr.LayoutError, match=r"0 images where 'v9' is expected; it has app:v1"):
        await ecr.push_image(service, archive, "team/app", reference="v9")


async def test_a_packed_layer_that_is_cut_off_is_rejected(service: ecr.Service, tmp_path: Path) -> None:
    """All of its content is there, and its checksum is not."""
    await create(service)
    archive = write_archive(tmp_path / "a.tar", gzip.compress(PLAIN)[:-4], PLAIN)
    with pytest.raises(ecr.LayoutError, match="is cut off"):
        await ecr.push_image(service, archive, "team/app", tags=["v1"])


async def test_a_packed_layer_unpacks_to_no_more_than_the_limit(service: ecr.Service, tmp_path: Path) -> None:
    await create(service)
    plain = bytes(1 << 20)
    archive = write_archive(tmp_path / "a.tar", gzip.compress(plain), plain)
    with pytest.raises(ecr.ArchiveTooLargeError, match="more than 1,000 bytes"):
        await ecr.push_image(service, archive, "team/app", max_unpacked=1000)


# ---------------------------------------------------------------------------- several images in one archive


def save(path: Path, images: Sequence[tuple[Sequence[bytes], Sequence[str] | None]]) -> list[str]:
    """Write what `docker save` of version 1.10 to 24 does, and return the images' IDs.

    A layer that an earlier image has too is a link to it.
    """
    saved: list[dict[str, object]] = []
    first: dict[bytes, str] = {}
    with tarfile.open(path, "w") as tar:

        def add(name: str, content: bytes) -> None:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))

        for layers, tags in images:
            config = json.dumps({"rootfs": {"diff_ids": [digest_of(layer) for layer in layers]}}).encode()
            add(f"{digest_of(config)[7:]}.json", config)
            names = [f"{digest_of(config + layer)[7:]}/layer.tar" for layer in layers]
            for name, layer in zip(names, layers, strict=True):
                add(name.replace("layer.tar", "VERSION"), b"1.0")
                add(name.replace("layer.tar", "json"), b"{}")
                if layer in first:
                    link = tarfile.TarInfo(name)
                    link.type, link.linkname = tarfile.SYMTYPE, f"../{first[layer]}"
                    tar.addfile(link)
                else:
                    add(first.setdefault(layer, name), layer)
            saved.append({"Config": f"{digest_of(config)[7:]}.json", "RepoTags": tags, "Layers": names})
        add("manifest.json", json.dumps(saved).encode())
        add("repositories", b"{}")
    return [f"sha256:{str(each['Config']).removesuffix('.json')}" for each in saved]


@pytest.mark.parametrize(
    ("reference", "number"),
    [
        ("app:v1", 0),
        ("docker.io/library/app:v1", 0),
        ("latest", 0),
        ("localhost:5000/team/app:v1", 0),
        ("v2", 1),
        ("team/other:v1", 1),
        ("docker.io/team/other:v1", 1),
    ],
)
async def test_one_of_several_images(
    service: ecr.Service, tmp_path: Path, reference: str, number: int
) -> None:
    await create(service)
    base, mine, yours = (tarball({name: b"content"}) for name in ("base", "mine", "yours"))
    tags = ["app:v1", "app:latest", "localhost:5000/team/app:v1"], ["team/other:v1", "team/other:v2"]
    ids = save(tmp_path / "a.tar", [((base, mine), tags[0]), ((base, yours), tags[1])])
    by_name = await ecr.push_image(service, tmp_path / "a.tar", "team/app", reference=reference)
    by_id = await ecr.push_image(service, tmp_path / "a.tar", "team/app", reference=ids[number])
    assert by_name.digest == by_id.digest
    assert by_name.blobs_moved == 3
    assert by_id.blobs_moved == 0


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        (None, r"2 images; `reference` must choose one of app:v1, other:v1"),
        ("v1", r"2 images where 'v1' is expected; it has app:v1, other:v1"),
    ],
)
async def test_a_name_that_several_images_have(
    service: ecr.Service, tmp_path: Path, reference: str | None, message: str
) -> None:
    await create(service)
    save(tmp_path / "a.tar", [((PLAIN,), ["app:v1"]), ((PLAIN, tarball({"a": b"b"})), ["other:v1"])])
    with pytest.raises(ecr.LayoutError, match=message):
        await ecr.push_image(service, tmp_path / "a.tar", "team/app", reference=reference)


async def test_an_image_without_tags(service: ecr.Service, tmp_path: Path) -> None:
    """What `docker save <id>` and skopeo without a name write."""
    await create(service)
    save(tmp_path / "a.tar", [((PLAIN,), None)])
    assert (await ecr.push_image(service, tmp_path / "a.tar", "team/app", tags=["v1"])).tags == ("v1",)


async def test_what_crane_saves(service: ecr.Service, tmp_path: Path) -> None:
    """Packed layers, and a configuration named by its whole digest: ggcr's issues 284, 526."""
    await create(service)
    packed = gzip.compress(PLAIN)
    config = json.dumps({"rootfs": {"diff_ids": [digest_of(PLAIN)] * 2}}).encode()
    layer = f"{digest_of(packed)[7:]}.tar.gz"
    saved = [{"Config": digest_of(config), "RepoTags": None, "Layers": [layer, layer]}]
    files = {layer: packed, digest_of(config): config, "manifest.json": json.dumps(saved).encode()}
    (tmp_path / "a.tar").write_bytes(tarball(files))
    pushed = await ecr.push_image(service, tmp_path / "a.tar", "team/app", reference=digest_of(config))
    assert (pushed.blobs, pushed.bytes) == (2, len(packed) + len(config))


# ---------------------------------------------------------------------------- with an OCI layout besides


def hybrid(folder: Path, layer: bytes, plain: bytes, media_type: str) -> Made:
    """Write what `docker save` does from version 25 on."""
    config = json.dumps({"rootfs": {"diff_ids": [digest_of(plain)]}}).encode()
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": describe(config, OCI_CONFIG),
        "layers": [describe(layer, media_type)],
    }
    made = Made(json.dumps(document).encode(), {digest_of(each): each for each in (config, layer)})
    names = [f"blobs/sha256/{digest_of(each)[7:]}" for each in (config, layer)]
    write_layout(folder, [("v1", made)])
    saved = [{"Config": names[0], "RepoTags": ["app:v1"], "Layers": names[1:]}]
    (folder / "manifest.json").write_text(json.dumps(saved))
    return made


async def test_plain_layers_of_a_hybrid_archive_are_packed(service: ecr.Service, tmp_path: Path) -> None:
    """As `docker push` packs them; in the layout they are as large as on disk."""
    await create(service)
    plain = tarball({"zeros": bytes(100_000)})
    hybrid(tmp_path / "in", plain, plain, "application/vnd.oci.image.layer.v1.tar")
    archive = pack(tmp_path / "in", tmp_path / "a.tar")
    pushed = [await ecr.push_image(service, archive, "team/app", reference=name) for name in (None, "v1")]
    assert {each.media_type for each in pushed} == {DOCKER_MANIFEST}
    assert pushed[0].digest == pushed[1].digest
    assert pushed[0].bytes < 10_000


async def test_packed_layers_of_a_hybrid_archive_stay_as_they_are(
    service: ecr.Service, tmp_path: Path
) -> None:
    """containerd's image store saves the image that was built or pulled, digest and all."""
    await create(service)
    made = hybrid(tmp_path / "in", gzip.compress(PLAIN), PLAIN, OCI_LAYER_GZIP)
    archive = pack(tmp_path / "in", tmp_path / "a.tar")
    assert (await ecr.push_image(service, archive, "team/app", reference="v1")).digest == made.digest
