"""Images and layers to push."""

import hashlib
import json
from typing import Any

from ecr_async import api as ecr
from ecr_async.oci.media_types import OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST
from ecr_async.service import Service

MIB = 1024 * 1024
REGISTRY = "123456789012"
UNKNOWN_DIGEST = "sha256:" + "0" * 64


def digest_of(content: bytes | str, algorithm: str = "sha256") -> str:
    data = content.encode() if isinstance(content, str) else content
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def descriptor(content: bytes, media_type: str = OCI_LAYER_GZIP) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}


def manifest(*layers: bytes, config: bytes = b"{}", **members: Any) -> str:
    """Return an image's manifest."""
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(config, OCI_CONFIG),
        "layers": [descriptor(layer) for layer in layers],
        **members,
    }
    return json.dumps({name: value for name, value in document.items() if value is not None})


def index(*manifests: str) -> str:
    """Return an index of images."""
    members = [descriptor(text.encode(), OCI_MANIFEST) for text in manifests]
    return json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": members})


async def create(service: Service, name: str = "team/app", **settings: Any) -> str:
    """Create a repository and return its name."""
    await ecr.create_repository(service, ecr.CreateRepositoryRequest(name, **settings))
    return name


async def begin_upload(service: Service, name: str = "team/app") -> str:
    opened = await ecr.initiate_layer_upload(service, ecr.InitiateLayerUploadRequest(name))
    assert opened.upload_id is not None
    return opened.upload_id


async def send_part(service: Service, upload_id: str, first: int, part: bytes, name: str = "team/app") -> int:
    last = first + len(part) - 1
    sent = await ecr.upload_layer_part(
        service, ecr.UploadLayerPartRequest(name, upload_id, first, last, part)
    )
    assert sent.last_byte_received is not None
    return sent.last_byte_received


async def push_layer(service: Service, content: bytes, name: str = "team/app") -> str:
    """Push a layer that fits one part, and return its digest."""
    upload_id = await begin_upload(service, name)
    await send_part(service, upload_id, 0, content, name)
    digest = digest_of(content)
    await ecr.complete_layer_upload(service, ecr.CompleteLayerUploadRequest(name, upload_id, [digest]))
    return digest


async def put(service: Service, text: str, tag: str | None = None, name: str = "team/app") -> str:
    """Put a manifest whose layers are there, and return its digest."""
    await ecr.put_image(service, ecr.PutImageRequest(name, text, image_tag=tag))
    return digest_of(text)


async def push(service: Service, content: bytes, *tags: str, name: str = "team/app") -> str:
    """Push an image of one layer, with tags, and return its digest."""
    for blob in (b"{}", content):
        try:
            await push_layer(service, blob, name)
        except ecr.LayerAlreadyExistsException:
            continue
    text = manifest(content)
    for tag in tags or (None,):
        await put(service, text, tag, name)
    return digest_of(text)
