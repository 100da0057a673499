"""The media types of manifests, configurations and layers.

See https://github.com/opencontainers/image-spec/blob/main/media-types.md
and https://distribution.github.io/distribution/spec/manifest-v2-2/
"""

from typing import Final

__all__ = [
    "CONFIGS",
    "DOCKER_CONFIG",
    "DOCKER_LAYER_GZIP",
    "DOCKER_MANIFEST",
    "DOCKER_MANIFEST_LIST",
    "INDEX_MEDIA_TYPES",
    "MANIFEST_MEDIA_TYPES",
    "OCI_ARTIFACT_MANIFEST",
    "OCI_CONFIG",
    "OCI_INDEX",
    "OCI_LAYER_GZIP",
    "OCI_MANIFEST",
    "PLAIN_LAYERS",
]

OCI_INDEX: Final = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
OCI_LAYER_GZIP: Final = "application/vnd.oci.image.layer.v1.tar+gzip"
OCI_ARTIFACT_MANIFEST: Final = "application/vnd.oci.artifact.manifest.v1+json"
"""From a draft of the specification; some signatures and SBOMs of 2022 and 2023 have it."""

DOCKER_MANIFEST_LIST: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG: Final = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER_GZIP: Final = "application/vnd.docker.image.rootfs.diff.tar.gzip"

CONFIGS: Final = frozenset({OCI_CONFIG, DOCKER_CONFIG})
"""Configurations of images, which say what platform the image is for; those of artifacts don't."""

PLAIN_LAYERS: Final = frozenset(
    {"application/vnd.oci.image.layer.v1.tar", "application/vnd.docker.image.rootfs.diff.tar"}
)
"""Layers that are not compressed."""

INDEX_MEDIA_TYPES: Final = frozenset({OCI_INDEX, DOCKER_MANIFEST_LIST})
"""Manifests that list further manifests, one per platform."""

MANIFEST_MEDIA_TYPES: Final = (
    OCI_INDEX,
    OCI_MANIFEST,
    OCI_ARTIFACT_MANIFEST,
    DOCKER_MANIFEST_LIST,
    DOCKER_MANIFEST,
)
"""All manifests that can be read here. A registry may convert a manifest for a client that doesn't say it
accepts its media type."""
