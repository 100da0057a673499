"""Archives that other tools save, pushed by us and pulled by them again."""

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

import ecr_async as ecr
from tests.clients.processes import Command, needs

pytestmark = needs("skopeo", "umoci", "podman")


@pytest.fixture
def skopeo(tmp_path: Path, login: Path) -> Command:
    return Command(
        ("skopeo", "--tmpdir", tmp_path), {"HOME": str(tmp_path), "REGISTRY_AUTH_FILE": str(login)}
    )


@pytest.fixture
def podman(tmp_path: Path, login: Path) -> Iterator[Command]:
    with TemporaryDirectory(prefix="podman") as run:  # whose name must be shorter than that of tmp_path
        storage = ("--root", tmp_path / "storage", "--runroot", run, "--storage-driver", "vfs")
        yield Command(("podman", *storage), {"HOME": str(tmp_path), "REGISTRY_AUTH_FILE": str(login)})


@pytest.fixture
async def two_images(podman: Command, layout: Path, tmp_path: Path) -> list[str]:
    """The IDs of two images in podman's storage, `app:v1` and `app:v2`, which share layers."""
    umoci = Command(("umoci",), {})
    (tmp_path / "third").mkdir()
    (tmp_path / "third" / "content").write_text("third" * 1000)
    await umoci("tag", "--image", f"{layout}:v1", "v2")
    await umoci("insert", "--image", f"{layout}:v2", tmp_path / "third", "/third")
    for tag in ("v1", "v2"):
        image = (await podman("pull", "-q", f"oci:{layout}:{tag}")).strip()
        await podman("tag", image, f"localhost/app:{tag}")
    return (await podman("images", "-q", "--no-trunc")).split()


async def config_of(skopeo: Command, image: str) -> str:
    """Return the ID of an image in a registry: the digest of its configuration."""
    raw = await skopeo("inspect", "--raw", "--tls-verify=false", image)
    return str(json.loads(raw)["config"]["digest"])


@pytest.mark.parametrize("target", ["docker-archive", "oci-archive", "oci"])
async def test_what_skopeo_saves(
    service: ecr.Service,
    repository: str,
    registry: str,
    skopeo: Command,
    layout: Path,
    tmp_path: Path,
    target: str,
) -> None:
    """skopeo's docker archives have links for layers: its issue 1313."""
    saved = tmp_path / "saved"
    await skopeo("copy", f"oci:{layout}:v1", f"{target}:{saved}:app:v1")
    pushed = await ecr.push_image(service, saved, repository, tags=["v1"], reference="v1")
    image = f"docker://{registry}/{repository}:v1"
    inspected = json.loads(await skopeo("inspect", "--tls-verify=false", image))
    assert inspected["Digest"] == pushed.digest
    original = json.loads(await skopeo("inspect", "--config", f"oci:{layout}:v1"))
    config = json.loads(await skopeo("inspect", "--config", "--tls-verify=false", image))
    assert config["rootfs"] == original["rootfs"]
    await skopeo("copy", "--src-tls-verify=false", image, f"oci:{tmp_path / 'out'}:v1")


@pytest.mark.parametrize("format", ["docker-archive", "docker-dir", "oci-archive", "oci-dir"])
async def test_what_podman_saves(
    service: ecr.Service,
    repository: str,
    registry: str,
    skopeo: Command,
    podman: Command,
    two_images: list[str],
    tmp_path: Path,
    format: str,
) -> None:
    saved = tmp_path / "saved"
    await podman("save", "-q", "--format", format, "-o", saved, "localhost/app:v2")
    if format == "docker-dir":  # skopeo's own format, which has no index of images
        with pytest.raises(ecr.LayoutError, match="`skopeo copy dir:… oci:…`"):
            await ecr.push_image(service, saved, repository, tags=["v2"])
        return
    await ecr.push_image(service, saved, repository, tags=["v2"])
    image = f"{registry}/{repository}:v2"
    assert await config_of(skopeo, f"docker://{image}") in two_images
    await podman("rmi", "-f", "-a")
    await podman("pull", "-q", "--tls-verify=false", image)
    assert (await podman("images", "-q", "--no-trunc")).strip() in two_images


async def test_several_images_in_one_archive(
    service: ecr.Service,
    repository: str,
    registry: str,
    skopeo: Command,
    podman: Command,
    two_images: list[str],
    tmp_path: Path,
) -> None:
    """skopeo's issue 556: it reads archives of one image only."""
    saved = tmp_path / "saved.tar"
    await podman("save", "-q", "-m", "--format", "docker-archive", "-o", saved, "app:v1", "app:v2")
    with pytest.raises(
        ecr.LayoutError, match="2 images; `reference` must choose one of localhost/app:v1, localhost/app:v2"
    ):
        await ecr.push_image(service, saved, repository)
    for tag in ("v1", "v2"):
        await ecr.push_image(service, saved, repository, tags=[tag], reference=f"localhost/app:{tag}")
    configs = [await config_of(skopeo, f"docker://{registry}/{repository}:{tag}") for tag in ("v1", "v2")]
    assert set(configs) == set(two_images)
    for number, image in enumerate(two_images):
        pushed = await ecr.push_image(service, saved, repository, tags=[f"id{number}"], reference=image)
        assert pushed.blobs_moved == 0
