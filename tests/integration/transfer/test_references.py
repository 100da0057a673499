"""Which image of a layout is pushed: by its tag, its whole name, its digest, its platform."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import ecr_async as ecr
from ecr_async.oci.media_types import OCI_INDEX, OCI_MANIFEST
from tests.integration.transfer.layouts import (
    REF_NAME,
    Made,
    artifact,
    describe,
    image,
    index,
    noise,
    write_layout,
)

CONTAINERD_NAME = "io.containerd.image.name"
AMD, ARM = image(noise(300, 1)), image(noise(300, 2), architecture="arm64")


def listing(folder: Path, *entries: tuple[Mapping[str, str], Made]) -> Path:
    """Write a layout whose `index.json` lists images with these annotations."""
    write_layout(folder, [(None, made) for _, made in entries])
    listed = [made.descriptor(annotations=annotations) for annotations, made in entries]
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": listed}))
    return folder


def of(*listed: dict[str, Any], blobs: Mapping[str, bytes]) -> Made:
    """An index of these descriptors."""
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(listed)}
    return Made(json.dumps(document).encode(), blobs, OCI_INDEX)


# ---------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("annotations", "reference"),
    [
        ({REF_NAME: "v1"}, "v1"),
        ({REF_NAME: "docker.io/library/app:v1"}, "v1"),  # podman save, skopeo copy … oci:layout:name
        ({REF_NAME: "docker.io/library/app:v1"}, "docker.io/library/app:v1"),
        ({REF_NAME: "docker.io/library/app:v1"}, "app:v1"),
        ({REF_NAME: "v1", CONTAINERD_NAME: "registry.example:5000/app:v1"}, "registry.example:5000/app:v1"),
        ({REF_NAME: "v1", CONTAINERD_NAME: "registry.example:5000/app:v1"}, "v1"),
        ({}, AMD.digest),
        ({}, None),
    ],
)
async def test_names(
    service: ecr.Service,
    repository: str,
    tmp_path: Path,
    annotations: dict[str, str],
    reference: str | None,
) -> None:
    others = [] if reference is None else [({REF_NAME: "docker.io/library/app:v2"}, ARM)]
    source = listing(tmp_path / "in", (annotations, AMD), *others)
    pushed = await ecr.push_image(service, source, repository, reference=reference)
    assert pushed.digest == AMD.digest


async def test_the_same_tag_of_two_repositories(
    service: ecr.Service, repository: str, tmp_path: Path
) -> None:
    """What `nerdctl save app:v1 other:v1` writes."""
    names = [{REF_NAME: "v1", CONTAINERD_NAME: f"docker.io/team/{name}:v1"} for name in ("app", "other")]
    source = listing(tmp_path / "in", (names[0], AMD), (names[1], ARM))
    pushed = await ecr.push_image(service, source, repository, reference="team/other:v1")
    assert pushed.digest == ARM.digest
    with pytest.raises(ecr.LayoutError, match=r"it has docker\.io/team/app:v1, docker\.io/team/other:v1"):
        await ecr.push_image(service, source, repository, reference="v1")


async def test_one_image_under_two_names_is_one_image(
    service: ecr.Service, repository: str, tmp_path: Path
) -> None:
    source = listing(tmp_path / "in", ({REF_NAME: "v1"}, AMD), ({REF_NAME: "latest"}, AMD))
    assert (await ecr.push_image(service, source, repository)).digest == AMD.digest


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([], "there is no image in it"),
        (
            [({REF_NAME: "v1"}, AMD), ({REF_NAME: "v2"}, ARM)],
            "2 images; `reference` must choose one of v1, v2",
        ),
        ([({}, AMD), ({}, ARM)], f"must choose one of {min(AMD.digest, ARM.digest)}, "),
    ],
)
async def test_none_or_several(
    service: ecr.Service,
    repository: str,
    tmp_path: Path,
    entries: list[tuple[dict[str, str], Made]],
    message: str,
) -> None:
    with pytest.raises(ecr.LayoutError, match=message):
        await ecr.push_image(service, listing(tmp_path / "in", *entries), repository)


# ---------------------------------------------------------------------------- platforms

ABOUT_AMD = {
    "vnd.docker.reference.type": "attestation-manifest",
    "vnd.docker.reference.digest": AMD.digest,
}
PROVENANCE = image(b'{"_type": "https://in-toto.io/Statement/v0.1"}', architecture="unknown")
UNKNOWN = {"os": "unknown", "architecture": "unknown"}
ATTESTED = of(
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
    outer = of(ATTESTED.descriptor(), alone.descriptor(), blobs={**ATTESTED.all, **alone.all})
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
        made = of(*[made.descriptor()] * 3000, blobs=made.all)
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


# ---------------------------------------------------------------------------- kinds of manifests


async def test_artifacts_with_an_empty_configuration(
    service: ecr.Service, repository: str, tmp_path: Path
) -> None:
    empty = describe(b"{}", "application/vnd.oci.empty.v1+json")
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": "application/vnd.example"}
    content = json.dumps({**document, "config": empty, "layers": [empty]}).encode()
    made = Made(content, {empty["digest"]: b"{}"})
    source = write_layout(tmp_path / "in", [("v1", made), (None, artifact(made))])
    pushed = await ecr.push_image(service, source, repository, tags=["v1"])
    pulled = await ecr.pull_image(service, repository, "v1", tmp_path / "out", include_referrers=True)
    assert pulled.manifests == pushed.manifests
    assert (tmp_path / "out" / "blobs" / empty["digest"].replace(":", "/")).read_bytes() == b"{}"


@pytest.mark.parametrize("media_type", ["tar+zstd", "tar", "tar+gzip"])
async def test_layers_go_up_as_they_are(
    service: ecr.Service, repository: str, tmp_path: Path, media_type: str
) -> None:
    document = json.loads(AMD.content)
    document["layers"][0]["mediaType"] = f"application/vnd.oci.image.layer.v1.{media_type}"
    made = Made(json.dumps(document).encode(), AMD.blobs)
    source = write_layout(tmp_path / "in", [("v1", made)])
    assert (await ecr.push_image(service, source, repository)).digest == made.digest


async def test_manifests_of_schema_version_1(service: ecr.Service, repository: str, tmp_path: Path) -> None:
    content = b'{"schemaVersion": 1, "name": "app", "tag": "v1", "fsLayers": [], "history": []}'
    made = Made(content, {}, "application/vnd.docker.distribution.manifest.v1+prettyjws")
    source = write_layout(tmp_path / "in", [("v1", made)])
    with pytest.raises(ecr.ManifestError, match="only manifests of schema version 2"):
        await ecr.push_image(service, source, repository)
