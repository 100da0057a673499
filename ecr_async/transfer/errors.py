"""Errors of moving images, besides the service's own."""

from collections.abc import Iterable, Sequence

from ecr_async.errors import ECRError

__all__ = [
    "ArchiveTooLargeError",
    "DigestMismatchError",
    "EmptyBlobError",
    "ImageQuotaError",
    "ImmutableTagError",
    "LayoutError",
    "PlatformNotFoundError",
    "TransferError",
    "UnsupportedDigestError",
    "check_sha256",
]


class TransferError(ECRError):
    """An image that could not be moved. Errors of single calls keep their own types."""


class LayoutError(TransferError, ValueError):
    """An image layout or archive that is malformed, incomplete, ambiguous or unsafe to read."""

    def __init__(self, path: object, reason: str) -> None:
        super().__init__(str(path), reason)
        self.path = str(path)
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


class ArchiveTooLargeError(LayoutError):
    """A compressed archive that unpacks to more bytes than are allowed."""


class DigestMismatchError(TransferError):
    """Content whose digest or size is not the announced one. Nothing of it was kept."""

    def __init__(self, digest: str, found: str) -> None:
        super().__init__(digest, found)
        self.digest = digest
        """The digest that was announced."""
        self.found = found
        """What was found: another digest, or another size."""

    def __str__(self) -> str:
        return f"{self.digest}: the content is not what its digest says: {self.found}"


class EmptyBlobError(TransferError):
    """A blob of no bytes, which ECR cannot store: an upload needs at least one byte."""

    def __init__(self, digest: str) -> None:
        super().__init__(digest)
        self.digest = digest

    def __str__(self) -> str:
        return f"{self.digest}: ECR cannot store a blob of no bytes"


class UnsupportedDigestError(TransferError):
    """A digest by which ECR cannot find anything: it names layers and manifests by SHA-256 alone.

    See https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CompleteLayerUpload.html
    """

    def __init__(self, digest: str) -> None:
        super().__init__(digest)
        self.digest = digest

    def __str__(self) -> str:
        return f"{self.digest[:80]}: ECR takes only content whose digest is a SHA-256"


class PlatformNotFoundError(TransferError):
    """An image that has none of the requested platforms."""

    def __init__(self, wanted: Sequence[str], available: Sequence[str]) -> None:
        super().__init__(tuple(wanted), tuple(available))
        self.wanted = tuple(wanted)
        self.available = tuple(available)

    def __str__(self) -> str:
        return f"no image for {', '.join(self.wanted)}; there is {', '.join(self.available) or 'none'}"


class ImageQuotaError(TransferError):
    """A repository that has no room for an image, by the quota that was given. Nothing of it was sent."""

    def __init__(self, repository: str, quota: int) -> None:
        super().__init__(repository, quota)
        self.repository = repository
        self.quota = quota

    def __str__(self) -> str:
        return f"{self.repository}: the repository can have {self.quota:,} images and has no room for more"


class ImmutableTagError(TransferError):
    """An immutable tag that already points at another image."""

    def __init__(self, repository: str, tag: str, digest: str) -> None:
        super().__init__(repository, tag, digest)
        self.repository = repository
        self.tag = tag
        self.digest = digest
        """The digest that the tag was to point at."""

    def __str__(self) -> str:
        return f"{self.repository}:{self.tag} is immutable and points at another image than {self.digest}"


def check_sha256(digests: Iterable[str]) -> None:
    """Raise `UnsupportedDigestError` for a digest of another algorithm."""
    for digest in digests:
        if not digest.startswith("sha256:"):
            raise UnsupportedDigestError(digest)
