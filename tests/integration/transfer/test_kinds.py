"""Kinds of manifests and blobs: what ECR can hold goes up as it is, what it can't is rejected first."""

import base64
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import ecr_async as ecr
from ecr_async.local import LocalECR
from ecr_async.oci.media_types import OCI_MANIFEST
from tests.integration.transfer.layouts import (
    Made,
    artifact,
    describe,
    files_of,
    image,
    index_of,
    noise,
    write_layout,
)
from tests.integration.transfer.proxy import Proxy, proxied

AMD = image(noise(300, 1), noise(200, 2))
EMPTY = describe(b"{}", "application/vnd.oci.empty.v1+json")


def changed(made: Made, **members: Any) -> Made:
    """The same manifest with other members."""
    return Made(json.dumps(json.loads(made.content) | members).encode(), made.blobs)


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


# ---------------------------------------------------------------------------- embedded content


@pytest.mark.parametrize("is_there", [True, False])
async def test_a_configuration_that_is_embedded(
    service: ecr.Service, repository: str, tmp_path: Path, is_there: bool
) -> None:
    """oras and others embed an artifact's empty configuration, and may leave out the file."""
    made = changed(AMD, config={**EMPTY, "data": "e30="})
    blobs = {digest: content for digest, content in AMD.blobs.items() if content[:1] != b"{"}
    made = Made(made.content, {**blobs, **({EMPTY["digest"]: b"{}"} if is_there else {})})
    source = write_layout(tmp_path / "in", [("v1", made)])
    pushed = await ecr.push_image(service, source, repository, tags=["v1"])
    pulled = await ecr.pull_image(service, repository, "v1", tmp_path / "out")
    assert (pushed.digest, pulled.digest) == (made.digest, made.digest)
    assert files_of(tmp_path / "out")["blobs/" + EMPTY["digest"].replace(":", "/")] == b"{}"


@pytest.mark.parametrize("data", ["e31=", "", "e30", "e30=e30=", base64.b64encode(b"{} ").decode(), "ü"])
async def test_what_is_embedded_is_verified(
    service: ecr.Service, repository: str, tmp_path: Path, data: str
) -> None:
    made = Made(changed(AMD, config={**EMPTY, "data": data}).content, {**AMD.blobs, EMPTY["digest"]: b"{}"})
    source = write_layout(tmp_path / "in", [("v1", made)])
    await ecr.push_image(service, source, repository, tags=["v1"])
    await ecr.pull_image(service, repository, "v1", tmp_path / "out")
    assert files_of(tmp_path / "out")["blobs/" + EMPTY["digest"].replace(":", "/")] == b"{}"


# ---------------------------------------------------------------------------- content elsewhere


@pytest.mark.parametrize(
    "media_type",
    [
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
    ],
)
async def test_foreign_layers_are_left_where_they_are(
    service: ecr.Service, repository: str, tmp_path: Path, media_type: str
) -> None:
    elsewhere = {
        "mediaType": media_type,
        "digest": "sha256:" + "0" * 64,
        "size": 5,
        "urls": ["https://example.com/layer"],
    }
    made = changed(AMD, layers=[elsewhere, *json.loads(AMD.content)["layers"]])
    source = write_layout(tmp_path / "in", [("v1", made)])
    pushed = await ecr.push_image(service, source, repository, tags=["v1"])
    assert pushed.blobs == 3
    pulled = await ecr.pull_image(service, repository, "v1", tmp_path / "out")
    assert pulled.digest == made.digest


async def test_foreign_layers_without_a_url_are_layers(
    service: ecr.Service, repository: str, tmp_path: Path
) -> None:
    """As clients write them that were told to push them: skopeo's issue 545."""
    first, second = json.loads(AMD.content)["layers"]
    second["mediaType"] = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
    made = changed(AMD, layers=[first, second])
    source = write_layout(tmp_path / "in", [("v1", made)])
    pushed = await ecr.push_image(service, source, repository, tags=["v1"])
    assert (pushed.blobs, pushed.blobs_moved) == (3, 3)
    await ecr.pull_image(service, repository, "v1", tmp_path / "out")
    assert {name for name in files_of(source) if name.startswith("blobs/")} == {
        name for name in files_of(tmp_path / "out") if name.startswith("blobs/")
    }


# ---------------------------------------------------------------------------- rejected first


@pytest.fixture
async def proxy(local: LocalECR) -> AsyncIterator[Proxy]:
    async with proxied(Proxy(local.endpoint_url)) as proxy:
        yield proxy


def sha512(content: bytes) -> str:
    return f"sha512:{hashlib.sha512(content).hexdigest()}"


LAYER = noise(100, 9)
BY_SHA512 = {**describe(LAYER), "digest": sha512(LAYER)}
A_LAYER = Made(
    changed(AMD, layers=[*json.loads(AMD.content)["layers"], BY_SHA512]).content,
    {**AMD.blobs, sha512(LAYER): LAYER},
)
AN_IMAGE = index_of(
    {**AMD.descriptor(), "digest": sha512(AMD.content)}, blobs={**AMD.blobs, sha512(AMD.content): AMD.content}
)
AN_EMPTY_LAYER = image(noise(300, 1), b"")
A_LAYER_THAT_IS_GONE = Made(
    AMD.content, {digest: content for digest, content in AMD.blobs.items() if len(content) != 200}
)


@pytest.mark.parametrize(
    ("made", "error", "message"),
    [
        (
            A_LAYER,
            ecr.UnsupportedDigestError,
            "sha512:[0-9a-f]+: ECR takes only content whose digest is a SHA-256",
        ),
        (AN_IMAGE, ecr.UnsupportedDigestError, "sha512:"),
        (AN_EMPTY_LAYER, ecr.EmptyBlobError, "e3b0c44298fc1c14"),
        (A_LAYER_THAT_IS_GONE, ecr.LayoutError, "there is no blob sha256:"),
    ],
)
async def test_what_cannot_be_pushed_is_rejected_first(
    local: LocalECR,
    repository: str,
    proxy: Proxy,
    tmp_path: Path,
    made: Made,
    error: type[ecr.TransferError],
    message: str,
) -> None:
    source = write_layout(tmp_path / "in", [("v1", made)])
    async with local.session(endpoint_url=proxy.url) as session:
        with pytest.raises(error, match=message):
            await ecr.push_image(session.service(), source, repository)
    assert not proxy.calls.keys() - {"BatchCheckLayerAvailability"}


async def test_a_layout_may_list_its_images_by_sha512(
    service: ecr.Service, repository: str, tmp_path: Path
) -> None:
    """That is the layout's own affair: in ECR the image has the digest that ECR gives it."""
    source = write_layout(tmp_path / "in", [("v1", AMD)])
    entry = {**AMD.descriptor(), "digest": sha512(AMD.content)}
    (source / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    folder = source / "blobs" / "sha512"
    folder.mkdir()
    (folder / entry["digest"].partition(":")[2]).write_bytes(AMD.content)
    pushed = await ecr.push_image(service, source, repository, tags=["v1"])
    assert pushed.digest == AMD.digest
