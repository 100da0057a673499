"""Images pushed into the embedded ECR and pulled out again, byte for byte."""

import json
import shutil
import tarfile
from pathlib import Path

import pytest

import ecr_async as ecr
from tests.integration.local.content import create
from tests.integration.transfer.layouts import (
    artifact,
    files_of,
    image,
    index,
    noise,
    pack,
    write_docker_archive,
    write_layout,
)

MIB = 1024 * 1024

AMD = image(noise(3000, 1), noise(2000, 2))
ARM = image(noise(3000, 1), noise(1000, 3), architecture="arm64")
BOTH = index({"linux/amd64": AMD, "linux/arm64/v8": ARM})


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def blobs_in(layout: Path) -> set[str]:
    return {"sha256:" + path.name for path in (layout / "blobs" / "sha256").iterdir()}


async def test_an_image_comes_out_as_it_went_in(
    service: ecr.Service, repository: str, tmp_path: Path
) -> None:
    source = write_layout(tmp_path / "in", [("v1", AMD)])
    pushed = await ecr.push_image(service, source, repository, tags=["v1", "latest"])
    assert (pushed.digest, pushed.tags, pushed.blobs_moved) == (AMD.digest, ("v1", "latest"), 3)
    assert pushed.bytes == pushed.bytes_moved == sum(map(len, AMD.blobs.values()))
    pulled = await ecr.pull_image(service, repository, "latest", tmp_path / "out")
    assert (pulled.digest, pulled.bytes_moved) == (AMD.digest, pushed.bytes)
    out = files_of(tmp_path / "out")
    assert {name: out[name] for name in out if name.startswith("blobs")} == {
        name: content for name, content in files_of(source).items() if name.startswith("blobs")
    }


async def test_a_second_push_and_a_second_pull_move_nothing(
    service: ecr.Service, repository: str, tmp_path: Path
) -> None:
    source = write_layout(tmp_path / "in", [("v1", AMD)])
    await ecr.push_image(service, source, repository, tags=["v1"])
    again = await ecr.push_image(service, source, repository, tags=["v1"])
    assert (again.blobs_moved, again.bytes_moved) == (0, 0)
    await ecr.pull_image(service, repository, "v1", tmp_path / "out")
    before = files_of(tmp_path / "out")
    pulled = await ecr.pull_image(service, repository, "v1", tmp_path / "out")
    assert (pulled.blobs_moved, pulled.bytes_moved) == (0, 0)
    assert files_of(tmp_path / "out") == before


@pytest.mark.parametrize("mode", ["w", "w:gz"])
async def test_layouts_in_archives(service: ecr.Service, repository: str, tmp_path: Path, mode: str) -> None:
    archive = pack(write_layout(tmp_path / "in", [("v1", BOTH)]), tmp_path / "in.tar", mode)
    pushed = await ecr.push_image(service, archive, repository, tags=["v1"])
    assert pushed.digest == BOTH.digest
    out = tmp_path / "out.tar"
    await ecr.pull_image(service, repository, "v1", out)
    with tarfile.open(out) as tar:
        names = {f"sha256:{name.rpartition('/')[2]}" for name in tar.getnames() if "blobs" in name}
    assert names == set(BOTH.all)
    written = out.stat()
    assert (await ecr.pull_image(service, repository, "v1", out)).bytes_moved == 0
    assert out.stat() == written
    assert names_in(tmp_path) == ["in", "in.tar", "out.tar"]


@pytest.mark.parametrize("name", ["out", "out.tar"])
async def test_a_blob_that_was_damaged_is_fetched_again(
    service: ecr.Service, repository: str, tmp_path: Path, name: str
) -> None:
    """skopeo and crane look at its size only. One byte is another, in a layer and in the manifest."""
    made = image(noise(3000, 1), noise(2000, 2))
    await ecr.push_image(service, write_layout(tmp_path / "in", [("v1", made)]), repository, tags=["v1"])
    out = tmp_path / name
    await ecr.pull_image(service, repository, "v1", out)
    files = [out] if out.is_file() else [out / "blobs" / each.replace(":", "/") for each in made.all]
    for file in files:
        content = file.read_bytes()
        for damaged in (noise(3000, 1), made.content):
            content = content.replace(damaged, bytes([damaged[0] ^ 1]) + damaged[1:])
        file.write_bytes(content)
    again = await ecr.pull_image(service, repository, "v1", out)
    assert (again.blobs_moved, again.bytes_moved) == (1, 3000)
    assert (await ecr.pull_image(service, repository, "v1", out)).bytes_moved == 0
    assert (await ecr.push_image(service, out, repository, tags=["v2"])).digest == made.digest


async def test_an_archive_is_added_to(service: ecr.Service, repository: str, tmp_path: Path) -> None:
    for tag, made in (("amd", AMD), ("arm", ARM)):
        await ecr.push_image(service, write_layout(tmp_path / tag, [(tag, made)]), repository, tags=[tag])
    out = tmp_path / "out.tar"
    await ecr.pull_image(service, repository, "amd", out)
    second = await ecr.pull_image(service, repository, "arm", out)
    assert second.blobs_moved == 2  # the first layer is in the archive
    await create(service, "team/copy")
    for tag, made in (("amd", AMD), ("arm", ARM)):
        pushed = await ecr.push_image(service, out, "team/copy", reference=tag)
        assert pushed.digest == made.digest


async def test_an_index_with_all_of_its_images(service: ecr.Service, repository: str, tmp_path: Path) -> None:
    source = write_layout(tmp_path / "in", [("v1", BOTH)])
    pushed = await ecr.push_image(service, source, repository, tags=["v1"])
    assert pushed.manifests == (AMD.digest, ARM.digest, BOTH.digest)
    assert pushed.blobs_moved == 5  # one layer is shared
    await ecr.pull_image(service, repository, BOTH.digest, tmp_path / "out")
    assert blobs_in(tmp_path / "out") == set(BOTH.all)
    listed = json.loads((tmp_path / "out" / "index.json").read_text())["manifests"]
    assert [entry["digest"] for entry in listed] == [BOTH.digest]


@pytest.mark.parametrize("platform", ["linux/arm64", "linux/arm64/v8"])
async def test_one_platform_is_that_image_alone(
    service: ecr.Service, repository: str, tmp_path: Path, platform: str
) -> None:
    source = write_layout(tmp_path / "in", [("v1", BOTH)])
    pushed = await ecr.push_image(service, source, repository, tags=["arm"], platforms=[platform])
    assert (pushed.digest, pushed.blobs_moved) == (ARM.digest, 3)
    await ecr.push_image(service, source, repository, tags=["v1"])
    await ecr.pull_image(service, repository, "v1", tmp_path / "out", platforms=[platform])
    assert blobs_in(tmp_path / "out") == set(ARM.all)


async def test_some_platforms_are_an_index_of_their_own(
    service: ecr.Service, repository: str, tmp_path: Path
) -> None:
    s390x = image(noise(10, 9), architecture="s390x")
    three = index({"linux/amd64": AMD, "linux/arm64/v8": ARM, "linux/s390x": s390x}, annotations={"a": "b"})
    source = write_layout(tmp_path / "in", [("v1", three)])
    wanted = ["linux/amd64", "linux/arm64"]
    pushed = await ecr.push_image(service, source, repository, tags=["v1"], platforms=wanted)
    assert pushed.manifests[:2] == (AMD.digest, ARM.digest)
    assert pushed.digest not in (three.digest, BOTH.digest)
    with pytest.raises(ecr.PlatformNotFoundError, match="linux/s390x"):
        await ecr.push_image(service, source, repository, platforms=["windows/amd64"])


async def test_signatures_go_along(service: ecr.Service, repository: str, tmp_path: Path) -> None:
    signature = artifact(AMD)
    countersignature = artifact(signature, b"countersignature")
    cosigned = image(b"cosign")
    tag = AMD.digest.replace(":", "-") + ".sig"
    entries = [("v1", AMD), (None, signature), (None, countersignature), (tag, cosigned)]
    source = write_layout(tmp_path / "in", entries)
    pushed = await ecr.push_image(service, source, repository, tags=["v1"])
    assert pushed.digest == AMD.digest
    assert set(pushed.manifests) == {each.digest for _, each in entries}
    plain = await ecr.pull_image(service, repository, "v1", tmp_path / "plain")
    assert plain.manifests == (AMD.digest,)
    whole = await ecr.pull_image(service, repository, "v1", tmp_path / "whole", include_referrers=True)
    assert set(whole.manifests) == set(pushed.manifests)
    await create(service, "team/copy")
    again = await ecr.push_image(service, tmp_path / "whole", "team/copy", tags=["v1"])
    assert set(again.manifests) == set(pushed.manifests)


async def test_an_artifact_alone(service: ecr.Service, repository: str, tmp_path: Path) -> None:
    signature = artifact(AMD)
    pushed = await ecr.push_image(
        service, write_layout(tmp_path / "in", [(None, signature)]), repository, tags=["signature"]
    )
    pulled = await ecr.pull_image(service, repository, "signature", tmp_path / "out")
    assert pushed.digest == pulled.digest == signature.digest


@pytest.mark.parametrize("name", ["saved.tar", "saved.tar.gz"])
async def test_docker_archives_are_the_same_image_every_time(
    service: ecr.Service, repository: str, tmp_path: Path, name: str
) -> None:
    layers = [{"etc/motd": b"hello"}, {"data": noise(100_000)}, {"etc/motd": b"hello"}]
    archive = write_docker_archive(tmp_path / name, layers, ["team/app:v1"])
    pushed = await ecr.push_image(service, archive, repository, tags=["v1"], reference="v1")
    again = await ecr.push_image(service, archive, repository, tags=["v1"])
    assert (again.digest, again.blobs_moved) == (pushed.digest, 0)
    await ecr.pull_image(service, repository, "v1", tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / "blobs" / pushed.digest.replace(":", "/")).read_text())
    unpacked = []
    for layer in manifest["layers"]:
        with tarfile.open(tmp_path / "out" / "blobs" / layer["digest"].replace(":", "/")) as tar:
            unpacked.append({member.name: tar.extractfile(member).read() for member in tar})  # type: ignore[union-attr]
    assert unpacked == layers


async def test_a_layer_of_many_parts_keeps_its_order(
    service: ecr.Service, repository: str, tmp_path: Path
) -> None:
    made = image(noise(45 * MIB + 1))
    source = write_layout(tmp_path / "in", [("v1", made)])
    seen: list[tuple[int, int]] = []
    await ecr.push_image(
        service, source, repository, tags=["v1"], progress=lambda _, done, total: seen.append((done, total))
    )
    large = [done for done, total in seen if total == 45 * MIB + 1]
    assert large == sorted(large)
    assert (large[0], large[-1]) == (0, 45 * MIB + 1)
    await ecr.pull_image(service, repository, "v1", tmp_path / "out")
    assert blobs_in(tmp_path / "out") == set(made.all)


async def test_the_same_layout_by_reference(service: ecr.Service, repository: str, tmp_path: Path) -> None:
    source = write_layout(tmp_path / "in", [("amd", AMD), ("arm", ARM)])
    with pytest.raises(ecr.LayoutError, match=r"must choose one of amd, arm"):
        await ecr.push_image(service, source, repository)
    with pytest.raises(ecr.LayoutError, match="0 images"):
        await ecr.push_image(service, source, repository, reference="none")
    assert (await ecr.push_image(service, source, repository, reference="arm")).digest == ARM.digest
    assert (await ecr.push_image(service, source, repository, reference=AMD.digest)).digest == AMD.digest


async def test_a_tag_moves_in_a_layout_as_in_a_registry(
    service: ecr.Service, repository: str, tmp_path: Path
) -> None:
    for made in (AMD, ARM):
        shutil.rmtree(tmp_path / "in", ignore_errors=True)
        await ecr.push_image(service, write_layout(tmp_path / "in", [("x", made)]), repository, tags=["v1"])
        await ecr.pull_image(service, repository, "v1", tmp_path / "out")
    listed = json.loads((tmp_path / "out" / "index.json").read_text())["manifests"]
    assert [entry["digest"] for entry in listed] == [ARM.digest]


async def test_an_immutable_tag_that_points_elsewhere(service: ecr.Service, tmp_path: Path) -> None:
    name = await create(service, "team/fixed", image_tag_mutability="IMMUTABLE")
    amd, arm = (write_layout(tmp_path / tag, [(tag, made)]) for tag, made in (("amd", AMD), ("arm", ARM)))
    await ecr.push_image(service, amd, name, tags=["v1"])
    await ecr.push_image(service, amd, name, tags=["v1"])
    with pytest.raises(ecr.ImmutableTagError) as caught:
        await ecr.push_image(service, arm, name, tags=["v1"])
    assert (caught.value.repository, caught.value.tag, caught.value.digest) == (name, "v1", ARM.digest)


async def test_what_is_not_there_has_its_own_errors(
    service: ecr.Service, repository: str, tmp_path: Path
) -> None:
    with pytest.raises(ecr.ImageNotFoundException):
        await ecr.pull_image(service, repository, "v1", tmp_path / "out")
    with pytest.raises(ecr.RepositoryNotFoundException):
        await ecr.push_image(service, write_layout(tmp_path / "in", [("v1", AMD)]), "team/none")
    with pytest.raises(FileNotFoundError):
        await ecr.push_image(service, tmp_path / "none", repository)
    assert not (tmp_path / "out").exists()
