"""Digests as the API and the store see them; what OCI says about them is in `ecr_async.oci`."""

import hashlib
import re

from ecr_async.oci.digests import Hash, InvalidDigestError, split_digest

__all__ = ["DIGEST", "algorithm_of", "digest_of", "new_hash"]

DIGEST = re.compile(r"[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+")
"""The form that the API wants of a digest; there may be none such that any content has."""


def algorithm_of(digest: str) -> str | None:
    """Return the algorithm of a digest that some content can have; None for any other text."""
    try:
        return split_digest(digest)[0]
    except InvalidDigestError:
        return None


def new_hash(algorithm: str = "sha256") -> Hash:
    """Return the hash of nothing."""
    return hashlib.new(algorithm)


def digest_of(content: bytes, algorithm: str = "sha256") -> str:
    """Return the digest of some content."""
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"
