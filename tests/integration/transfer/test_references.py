"""Which image of a layout is pushed: by its tag, its whole name, its digest."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

import ecr_async as ecr
from tests.integration.transfer.layouts import (
    REF_NAME,
    Made,
    image,
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
