"""The service's quotas.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html
"""

__all__ = [
    "LARGEST_PART",
    "MOST_LAYERS",
    "MOST_PARTS",
    "MOST_REPOSITORIES",
    "MOST_RESOURCE_TAGS",
    "MOST_TAGS",
    "PART_SIZE",
    "SMALLEST_PART",
]

MOST_REPOSITORIES = 100_000
"""Repositories that a registry may have in a region."""
MOST_TAGS = 1000
"""Tags that an image may have."""
MOST_RESOURCE_TAGS = 50
"""Tags, in the sense of AWS's resources, that a repository may have."""
MOST_LAYERS = 4200
"""Layers that an image may have."""
MOST_PARTS = 4200
"""Parts that a layer may have."""
PART_SIZE = 10 * 1024 * 1024
"""Bytes that a part should have, as `InitiateLayerUpload` says."""
LARGEST_PART = 20 * 1024 * 1024
"""Bytes that a part may have, as the API's model says."""
SMALLEST_PART = 5 * 1024 * 1024
"""Bytes that every part but the last must have."""
