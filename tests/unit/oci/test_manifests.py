"""Manifests, digests and platforms."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_async.oci import (
    InvalidDigestError,
    Manifest,
    ManifestError,
    Platform,
    check_digest,
    digest_of,
)
from ecr_async.oci.media_types import DOCKER_MANIFEST, OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST

A, B = digest_of(b"a"), digest_of(b"b")


def document(**members: Any) -> bytes:
    return json.dumps({"schemaVersion": 2, **members}).encode()


def blob(digest: Any = A, size: Any = 1, **members: Any) -> dict[str, Any]:
    return {"mediaType": OCI_LAYER_GZIP, "digest": digest, "size": size, **members}


def test_an_image() -> None:
    config = blob(B, 5, mediaType=OCI_CONFIG)
    content = document(
        mediaType=OCI_MANIFEST, config=config, layers=[blob(), blob(), blob(B, urls=["http://x"])]
    )
    manifest = Manifest.parse(content)
    assert (manifest.digest, manifest.content, manifest.is_index) == (digest_of(content), content, False)
    assert [each.digest for each in manifest.blobs] == [B, A]
    assert len(manifest.layers) == 3


def test_an_index_and_some_of_it() -> None:
    images = [
        blob(A, mediaType=OCI_MANIFEST, platform={"os": "linux", "architecture": "amd64"}),
        blob(B, mediaType=OCI_MANIFEST, platform={"os": "linux", "architecture": "arm64", "variant": "v8"}),
    ]
    manifest = Manifest.parse(document(mediaType=OCI_INDEX, manifests=images, annotations={"a": "b"}))
    assert manifest.is_index
    assert [str(each.platform) for each in manifest.manifests] == ["linux/amd64", "linux/arm64/v8"]
    some = manifest.with_manifests({each.digest for each in manifest.manifests[1:]})
    assert [each.digest for each in some.manifests] == [B]
    assert some.annotations == {"a": "b"}
    assert some.digest != manifest.digest


def test_the_media_type_may_come_from_outside() -> None:
    content = document(config=blob(), layers=[])
    assert Manifest.parse(content).media_type == OCI_MANIFEST
    assert Manifest.parse(content, DOCKER_MANIFEST).media_type == DOCKER_MANIFEST
    assert Manifest.parse(document(manifests=[])).media_type == OCI_INDEX


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{",
        b'{"schemaVersion": 1, "mediaType": "application/vnd.docker.distribution.manifest.v1+json"}',
        document(mediaType="text/plain"),
        document(config=blob("sha256:12")),
        document(config=blob("../../etc/passwd")),
        document(config=blob("sha256:" + "../" * 21 + "a")),
        document(layers=[blob(size=-1)]),
        document(layers=[blob(size=1 << 62)]),
        document(layers=[blob(size="1")]),
        document(layers=[{}]),
        document(layers=blob()),
        document(annotations={"a": 1}),
        b'{"schemaVersion": 2, "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"schemaVersion": 2, "x": "\xff"}',
        b" " * (4 * 1024 * 1024 + 1),
    ],
)
def test_an_invalid_manifest_raises(content: bytes) -> None:
    with pytest.raises(ManifestError):
        Manifest.parse(content)


def test_a_manifest_delivered_as_something_else_raises() -> None:
    with pytest.raises(ManifestError, match="says that its media type"):
        Manifest.parse(document(mediaType=OCI_MANIFEST, layers=[]), OCI_INDEX)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_manifest_or_raise_a_manifest_error(content: bytes) -> None:
    with contextlib.suppress(ManifestError):
        assert Manifest.parse(content).digest == digest_of(content)


@pytest.mark.parametrize(
    "text", ["", "sha256", "sha256:", "sha256:" + "g" * 64, A + "\n", A.upper(), "a/b:c"]
)
def test_an_invalid_digest_raises(text: str) -> None:
    with pytest.raises(InvalidDigestError):
        check_digest(text)


def test_platforms_without_a_variant_include_all_variants() -> None:
    v8, any_arm = Platform.parse("linux/arm64/v8"), Platform.parse("linux/arm64")
    assert any_arm.includes(v8)
    assert v8.includes(any_arm)  # which is what docker takes arm64 for
    v6, any_32 = Platform.parse("linux/arm/v6"), Platform.parse("linux/arm")
    assert any_32.includes(v6)
    assert not v6.includes(any_32)
    assert Platform.parse("linux/x86_64").includes(Platform.parse("linux/amd64"))
    assert not any_arm.includes(Platform.parse("linux/amd64"))
    with pytest.raises(ManifestError):
        Platform.parse("linux")
