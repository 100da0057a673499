"""Digests: the names of content, made of a hash algorithm and the hash in hexadecimal.

See https://github.com/opencontainers/image-spec/blob/main/descriptor.md#digests
"""

import hashlib
import re
from typing import Protocol

from ecr_async.errors import ECRError

__all__ = ["Hash", "InvalidDigestError", "check_digest", "digest_of", "hash_for", "is_digest", "split_digest"]

_FORMS = {"sha256": re.compile(r"[0-9a-f]{64}"), "sha512": re.compile(r"[0-9a-f]{128}")}


class InvalidDigestError(ECRError, ValueError):
    """Not a well-formed digest, which is `sha256:` and 64 lower-case hexadecimal digits, or the same of
    sha512.
    """


class Hash(Protocol):
    """A hash that is under way."""

    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        """Add bytes."""
        ...

    def hexdigest(self) -> str:
        """Return the hash of all bytes added so far, in hexadecimal."""
        ...

    def copy(self) -> "Hash":
        """Return another hash of the bytes added so far, independent of this one."""
        ...


def split_digest(text: str) -> tuple[str, str]:
    """Return a digest's algorithm and hash.

    Both are safe to use as file names. Raises `InvalidDigestError`.
    """
    if not is_digest(text):
        raise InvalidDigestError(f"not a digest of sha256 or sha512: {text[:80]!r}")
    algorithm, _, value = text.partition(":")
    return algorithm, value


def is_digest(text: str) -> bool:
    """Whether this is a well-formed digest."""
    algorithm, _, value = text.partition(":")
    return algorithm in _FORMS and _FORMS[algorithm].fullmatch(value) is not None


def check_digest(text: str) -> str:
    """Return the digest as it was given. Raises `InvalidDigestError` if it is not well-formed."""
    split_digest(text)
    return text


def hash_for(digest: str) -> Hash:
    """Return an empty hash of the digest's algorithm. Raises `InvalidDigestError`."""
    algorithm, _ = split_digest(digest)
    return hashlib.new(algorithm)


def digest_of(content: bytes) -> str:
    """Return the SHA-256 digest of some content."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
