"""Digests: their form, and the hashes that make them."""

import hashlib
import re
from typing import Protocol

__all__ = ["ALGORITHMS", "DIGEST", "Hash", "algorithm_of", "digest_of", "new_hash"]

DIGEST = re.compile(r"[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+")
"""The form that the API asks of a digest, as ECR's own messages quote it."""

ALGORITHMS = {"sha256": 64, "sha512": 128}
"""The algorithms that the OCI specification registers, and the hexadecimal digits of their digests."""


class Hash(Protocol):
    """What `hashlib` makes."""

    def update(self, data: bytes | bytearray | memoryview, /) -> None: ...
    def hexdigest(self) -> str: ...
    def copy(self) -> "Hash": ...


def algorithm_of(digest: str) -> str | None:
    """Return the algorithm of a well-formed digest of a known algorithm; None for anything else."""
    algorithm, _, value = digest.partition(":")
    known = len(value) == ALGORITHMS.get(algorithm) and re.fullmatch("[a-f0-9]+", value)
    return algorithm if known else None


def new_hash(algorithm: str = "sha256") -> Hash:
    """Return the hash of nothing."""
    return hashlib.new(algorithm)


def digest_of(data: bytes, algorithm: str = "sha256") -> str:
    """Return the digest of some bytes."""
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"
