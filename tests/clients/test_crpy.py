"""crpy, an asynchronous registry client in Python, by its classes: its command knows Bearer
challenges only.
"""

import io
import json
import tarfile
from typing import Any

import pytest

from ecr_async import api as ecr
from ecr_async.service import Service
from tests.integration.local.content import push

crpy = pytest.importorskip("crpy.registry", reason="NOT TESTED: crpy isn't installed")


@pytest.fixture
def info(registry: str, token: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An image's place in the registry, with Basic credentials."""
    monkeypatch.setattr(
        crpy.RegistryInfo, "_headers", property(lambda _: {"Authorization": f"Basic {token}"})
    )
    return crpy.RegistryInfo(registry, "team/app", "v1", https=False)


@pytest.mark.usefixtures("repository")
async def test_it_pulls_what_was_pushed(info: Any, service: Service) -> None:
    digest = await push(service, b"a layer", "v1", "v2")
    manifest = await info.get_manifest()
    assert manifest.status == 200
    assert [layer["digest"] for layer in manifest.json()["layers"]] == await info.get_layers()
    assert await info.list_tags() == ["v1", "v2"]
    assert await info.list_repositories() == ["team/app"]
    [layer] = await info.get_layers()
    assert await info.pull_layer(layer, use_cache=False) == b"a layer"
    assert digest.startswith("sha256:")


@pytest.mark.usefixtures("repository")
async def test_it_pushes_layers_and_a_manifest(info: Any, service: Service) -> None:
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a"))
    layer = await info.push_layer(tar.getvalue())
    config = await info.push_layer(json.dumps({"architecture": "amd64", "os": "linux"}).encode())
    response = await info.push_manifest(info.build_manifest(config, [layer]))
    assert response.status == 201
    found = await ecr.describe_images(service, ecr.DescribeImagesRequest("team/app"))
    assert found.image_details[0].image_tags == ("v1",)
