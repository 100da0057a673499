"""podman and buildah: images pulled, built and pushed."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from ecr_async import api as ecr
from ecr_async.service import Service
from tests.clients.processes import Command, needs

pytestmark = [
    needs("podman", "buildah", "skopeo", "umoci"),
    pytest.mark.skipif(os.geteuid() != 0, reason="NOT TESTED: podman and buildah, which here need root"),
]


@pytest.fixture
def container_tool(tmp_path: Path, login: Path) -> Iterator[Callable[[str], Command]]:
    """podman or buildah, with a storage of its own."""
    with TemporaryDirectory(prefix="podman") as run:  # whose name must be shorter than that of tmp_path
        storage = ("--root", tmp_path / "storage", "--runroot", run, "--storage-driver", "vfs")
        env = {"HOME": str(tmp_path), "REGISTRY_AUTH_FILE": str(login)}
        yield lambda name: Command((name, *storage), env)


@pytest.mark.usefixtures("repository")
async def test_images_are_pulled_built_and_pushed(
    container_tool: Callable[[str], Command], registry: str, layout: Path, tmp_path: Path, service: Service
) -> None:
    podman, buildah = container_tool("podman"), container_tool("buildah")
    image = f"{registry}/team/app"
    await podman("pull", "-q", f"oci:{layout}:v1")
    await podman("tag", await _only_image(podman), f"{image}:podman")
    await podman("push", "-q", "--tls-verify=false", f"{image}:podman")
    await podman("rmi", "-f", "-a")
    await podman("pull", "-q", "--tls-verify=false", f"{image}:podman")

    container = (await buildah("from", "--tls-verify=false", f"{image}:podman")).strip()
    (tmp_path / "more").write_text("more")
    await buildah("copy", container, tmp_path / "more", "/more")
    await buildah("commit", "-q", container, f"{image}:buildah")
    await buildah("push", "-q", "--tls-verify=false", f"{image}:buildah")

    found = await ecr.describe_images(service, ecr.DescribeImagesRequest("team/app"))
    assert {tag for one in found.image_details for tag in one.image_tags} == {"podman", "buildah"}


async def _only_image(podman: Command) -> str:
    [image] = (await podman("images", "-q", "-a")).split()
    return image
