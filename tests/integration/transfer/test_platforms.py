"""Platforms of an image: chosen by what the index says, or else by what the images themselves say."""

import json
from pathlib import Path

import pytest

import ecr_async as ecr
from ecr_async.oci.media_types import OCI_INDEX
from tests.integration.transfer.layouts import (
    Made,
    image,
    index,
    index_of,
    noise,
    write_layout,
)

AMD, ARM = image(noise(300, 1)), image(noise(300, 2), architecture="arm64")
ABOUT_AMD = {
    "vnd.docker.reference.type": "attestation-manifest",
    "vnd.docker.reference.digest": AMD.digest,
}
PROVENANCE = image(b'{"_type": "https://in-toto.io/Statement/v0.1"}', architecture="unknown")
UNKNOWN = {"os": "unknown", "architecture": "unknown"}
ATTESTED = index_of(
    AMD.descriptor(platform={"os": "linux", "architecture": "amd64"}),
    ARM.descriptor(platform={"os": "linux", "architecture": "arm64"}),
    PROVENANCE.descriptor(platform=UNKNOWN, annotations=ABOUT_AMD),
    blobs={**AMD.all, **ARM.all, **PROVENANCE.all},
)
"""What buildx builds: with attestations, which are listed as images of an unknown platform."""


@pytest.mark.parametrize(
    ("platforms", "digest"),
    [
        (None, ATTESTED.digest),
        (["linux/amd64", "linux/arm64"], ATTESTED.digest),
        (["linux/amd64"], AMD.digest),
        (["linux/x86_64"], AMD.digest),
        (["linux/arm64"], ARM.digest),
        (["linux/arm64/v8"], ARM.digest),
        (["linux/aarch64"], ARM.digest),
    ],
)
async def test_platforms_of_an_image_with_attestations(
    service: ecr.Service, repository: str, tmp_path: Path, platforms: list[str] | None, digest: str
) -> None:
    source = write_layout(tmp_path / "in", [("v1", ATTESTED)])
    pushed = await ecr.push_image(service, source, repository, platforms=platforms, tags=["v1"])
    assert pushed.digest == digest
    pulled = await ecr.pull_image(service, repository, "v1", tmp_path / "out")
    assert pulled.digest == digest


async def test_attestations_are_not_platforms_to_choose(
    service: ecr.Service, repository: str, tmp_path: Path
) -> None:
    source = write_layout(tmp_path / "in", [("v1", ATTESTED)])
    with pytest.raises(ecr.PlatformNotFoundError) as caught:
        await ecr.push_image(service, source, repository, platforms=["linux/s390x"])
    assert str(caught.value) == "no image for linux/s390x; there is linux/amd64, linux/arm64"


async def test_indexes_in_an_index(service: ecr.Service, repository: str, tmp_path: Path) -> None:
    """skopeo cannot copy them: container-libs' issue 211. They come out as they went in."""
    other = image(noise(300, 5), architecture="riscv64")
    alone = index({"linux/riscv64": other})
    outer = index_of(ATTESTED.descriptor(), alone.descriptor(), blobs={**ATTESTED.all, **alone.all})
    source = write_layout(tmp_path / "in", [("v1", outer)])
    pushed = await ecr.push_image(service, source, repository, tags=["v1"])
    assert pushed.manifests[-1] == outer.digest
    assert len(pushed.manifests) == 7
    pulled = await ecr.pull_image(service, repository, "v1", tmp_path / "out")
    assert pulled.manifests == pushed.manifests
    one = await ecr.pull_image(service, repository, "v1", tmp_path / "one", platforms=["linux/riscv64"])
    assert one.digest == other.digest
    two = await ecr.pull_image(
        service, repository, "v1", tmp_path / "two", platforms=["linux/amd64", "linux/riscv64"]
    )
    assert two.media_type == OCI_INDEX
    assert set(two.manifests) == {AMD.digest, PROVENANCE.digest, other.digest, two.digest}


async def test_an_index_that_lists_the_same_index_over_and_over(
    service: ecr.Service, repository: str, tmp_path: Path
) -> None:
    made = index({"linux/amd64": AMD})
    for _ in range(2):
        made = index_of(*[made.descriptor()] * 3000, blobs=made.all)
    pushed = await ecr.push_image(service, write_layout(tmp_path / "in", [("v1", made)]), repository)
    assert len(pushed.manifests) == 4


async def test_a_platform_of_an_index_whose_others_are_gone(
    service: ecr.Service, repository: str, tmp_path: Path
) -> None:
    """Tools that mirror only some platforms leave an index that lists the others as well."""
    sparse = Made(ATTESTED.content, AMD.all, OCI_INDEX)
    source = write_layout(tmp_path / "in", [("v1", sparse)])
    pushed = await ecr.push_image(service, source, repository, platforms=["linux/amd64"])
    assert pushed.digest == AMD.digest
    with pytest.raises(ecr.LayoutError, match=f"there is no blob {ARM.digest}"):
        await ecr.push_image(service, source, repository)


# ---------------------------------------------------------------------------- by the images themselves

SILENT = index_of(AMD.descriptor(), ARM.descriptor(), blobs={**AMD.all, **ARM.all})
"""As `skopeo copy` and `umoci` list images: without a platform."""


def chart() -> Made:
    """An artifact, whose configuration says nothing of a platform."""
    document = json.loads(AMD.content)
    document["config"]["mediaType"] = "application/vnd.cncf.helm.config.v1+json"
    return Made(json.dumps(document).encode(), AMD.blobs)


@pytest.mark.parametrize(
    ("platforms", "digest"),
    [
        (["linux/arm64"], ARM.digest),
        (["linux/amd64"], AMD.digest),
        (["linux/amd64", "linux/arm64/v8"], SILENT.digest),
    ],
)
async def test_an_index_that_names_no_platforms(
    service: ecr.Service, repository: str, tmp_path: Path, platforms: list[str], digest: str
) -> None:
    source = write_layout(tmp_path / "in", [("v1", SILENT)])
    pushed = await ecr.push_image(service, source, repository, tags=["some"], platforms=platforms)
    assert pushed.digest == digest
    await ecr.push_image(service, source, repository, tags=["v1"])
    pulled = await ecr.pull_image(service, repository, "v1", tmp_path / "out", platforms=platforms)
    assert pulled.digest == digest


async def test_an_index_that_names_one_of_its_platforms(
    service: ecr.Service, repository: str, tmp_path: Path
) -> None:
    made = index_of(
        AMD.descriptor(platform={"os": "linux", "architecture": "amd64"}),
        ARM.descriptor(),
        chart().descriptor(),
        blobs={**AMD.all, **ARM.all, **chart().all},
    )
    source = write_layout(tmp_path / "in", [("v1", made)])
    pushed = await ecr.push_image(service, source, repository, platforms=["linux/arm64"])
    assert pushed.digest == ARM.digest
    with pytest.raises(
        ecr.PlatformNotFoundError, match="no image for linux/s390x; there is linux/amd64, linux/arm64"
    ):
        await ecr.push_image(service, source, repository, platforms=["linux/s390x"])


async def test_an_image_alone_is_not_taken_for_another_platform(
    service: ecr.Service, repository: str, tmp_path: Path
) -> None:
    source = write_layout(tmp_path / "in", [("v1", ARM)])
    with pytest.raises(ecr.PlatformNotFoundError, match="no image for linux/amd64; there is linux/arm64"):
        await ecr.push_image(service, source, repository, platforms=["linux/amd64"])
    pushed = await ecr.push_image(
        service, source, repository, tags=["v1"], platforms=["linux/arm64", "linux/amd64"]
    )
    assert pushed.digest == ARM.digest
    with pytest.raises(ecr.PlatformNotFoundError, match="no image for linux/amd64; there is linux/arm64"):
        await ecr.pull_image(service, repository, "v1", tmp_path / "out", platforms=["linux/amd64"])
    assert not (tmp_path / "out").exists()


async def test_what_is_for_no_platform_is_taken_as_it_is(
    service: ecr.Service, repository: str, tmp_path: Path
) -> None:
    source = write_layout(tmp_path / "in", [("v1", chart())])
    pushed = await ecr.push_image(service, source, repository, platforms=["linux/amd64"])
    assert pushed.digest == chart().digest


async def test_a_configuration_that_is_none(service: ecr.Service, repository: str, tmp_path: Path) -> None:
    source = write_layout(tmp_path / "in", [("v1", SILENT)])
    config = json.loads(ARM.content)["config"]
    path = source / "blobs" / config["digest"].replace(":", "/")
    path.write_bytes(b"x" * config["size"])
    with pytest.raises(ecr.DigestMismatchError, match=config["digest"]):
        await ecr.push_image(service, source, repository, platforms=["linux/arm64"])
