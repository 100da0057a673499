"""Manifests and a layout's index: read, cut down and added to, or a `ManifestError`."""

import json

from ecr_async.oci.manifests import Manifest, ManifestError
from ecr_async.oci.media_types import OCI_INDEX
from ecr_async.transfer.layouts.layout_index import list_image
from tests.fuzz.outcomes import rejected
from tests.fuzz.target import Target
from tests.integration.transfer.layouts import REF_NAME, artifact, image, index

__all__ = ["TARGET"]

MADE = image(b"a layer", b"another one")
SUBJECT = Manifest.parse(MADE.content)


def _read(tried: bytes) -> str:
    try:
        manifest = Manifest.parse(tried)
    except ManifestError as error:
        return rejected(error)
    assert manifest.content == tried
    assert all(blob.size >= 0 for blob in manifest.blobs)
    if not manifest.is_index:
        return "image"
    chosen = [each.digest for each in manifest.manifests[:1]]
    assert {each.digest for each in manifest.with_manifests(chosen).manifests} == set(chosen)
    listed = Manifest.parse(list_image(tried, SUBJECT, ["v1"]), OCI_INDEX)
    assert [each.digest for each in listed.manifests if each.annotations.get(REF_NAME) == "v1"] == [
        MADE.digest
    ]
    return "index"


TARGET = Target(
    "manifest",
    [
        MADE.content,
        artifact(MADE).content,
        index({"linux/amd64": MADE, "linux/arm64/v8": image(b"x", annotations={"a": "b"})}).content,
        json.dumps(
            {"schemaVersion": 2, "manifests": [MADE.descriptor(annotations={REF_NAME: "v1"})]}
        ).encode(),
    ],
    _read,
    words=[
        b'"mediaType":',
        b'"digest":"sha512:',
        b'"size":-1',
        b'"size":18446744073709551616',
        b'"urls":["http://a"]',
    ],
    share=3,
)
