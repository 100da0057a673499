"""Manifests that no response could carry."""

from typing import Any

import msgspec
import pytest

from ecr_async.local.rules.manifests import Manifest, ManifestError

DIGEST = "sha256:" + "0" * 64
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def parse(media_type: str | None = None, **members: Any) -> Manifest:
    layer = {"digest": DIGEST, "size": 1}
    document = {"schemaVersion": 2, "config": layer, "layers": [layer], **members}
    return Manifest.parse(msgspec.json.encode(document).decode(), media_type)


@pytest.mark.parametrize(
    "media_type", ["a\r\nX-Injected: b", "\x00", "caf\u00e9/x", "\udcff", " ", "a" * 9000]
)
def test_a_media_type_fits_into_a_header(media_type: str) -> None:
    with pytest.raises(ManifestError, match="Content-Type header can hold"):
        parse(media_type)


def test_a_media_type_in_the_manifest_fits_into_a_header() -> None:
    with pytest.raises(ManifestError, match="Content-Type header can hold"):
        parse(mediaType="a\r\nX-Injected: b")


def test_a_media_type_may_have_parameters() -> None:
    assert parse("application/json; charset=utf-8").media_type == "application/json; charset=utf-8"
    assert parse(OCI_MANIFEST).media_type == OCI_MANIFEST


@pytest.mark.parametrize("digest", ["a\r\nX-Injected: b", "\x00", "", "sha256:"])
@pytest.mark.parametrize("member", ["subject", "config", "layers"])
def test_descriptors_have_digests(member: str, digest: str) -> None:
    with pytest.raises(ManifestError, match=f"digest in {member}"):
        parse(OCI_MANIFEST, **{member: {"digest": digest, "size": 1}})
