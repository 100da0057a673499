"""Docker archives whose layers are compressed already, as containerd's image store saves them."""

import gzip
import json
from pathlib import Path

import pytest

import ecr_async as ecr
from ecr_async.oci import digest_of
from tests.integration.local.content import create
from tests.integration.transfer.layouts import tarball


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
    with pytest.raises(ecr.LayoutError, match="cannot be unpacked"):
        await ecr.push_image(service, archive, "team/app", tags=["v1"])


async def test_another_tag_than_those_of_the_archive(service: ecr.Service, tmp_path: Path) -> None:
    await create(service)
    archive = write_archive(tmp_path / "a.tar", gzip.compress(PLAIN), PLAIN)
    with pytest.raises(ecr.LayoutError, match=r"0 images where 'v9' is expected; it has app:v1"):
        await ecr.push_image(service, archive, "team/app", reference="v9")
