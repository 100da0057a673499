"""The service's quotas.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html
"""

__all__ = [
    "MAX_IMAGES",
    "MAX_LAYERS",
    "MAX_PARTS",
    "MAX_PART_BYTES",
    "MAX_REPOSITORIES",
    "MAX_RESOURCE_TAGS",
    "MAX_TAGS",
    "MIN_PART_BYTES",
    "PART_SIZE",
]

MAX_REPOSITORIES = 100_000
"""Repositories that a registry may have in a region."""
MAX_IMAGES = 100_000
"""Images that a repository may have: all manifests, whatever their tags and status."""
MAX_TAGS = 1000
"""Tags that an image may have."""
MAX_RESOURCE_TAGS = 50
"""Tags, in the sense of AWS's resources, that a repository may have."""
MAX_LAYERS = 4200
"""Layers that an image may have."""
MAX_PARTS = 4200
"""Parts that a layer may have."""
PART_SIZE = 10 * 1024 * 1024
"""Bytes that a part should have, as `InitiateLayerUpload` says."""
MAX_PART_BYTES = 20 * 1024 * 1024
"""Bytes that a part may have, as the API's model says."""
MIN_PART_BYTES = 5 * 1024 * 1024
"""Bytes that every part but the last must have."""
