"""Rejections in the form of the distribution specification, and how the API's errors look in it.

https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#error-codes
"""

from collections.abc import Mapping
from typing import Any

import attrs
import msgspec
from aiohttp import web

from ecr_async.errors import ServiceError, ValidationError
from ecr_async.local.rules.images import NoImageError

__all__ = ["API_VERSION", "DistributionError", "Kind", "respond", "translated"]

API_VERSION = {"Docker-Distribution-Api-Version": "registry/2.0"}

Kind = tuple[int, str]
"""A status and an error code."""

KINDS: Mapping[str, Kind] = {
    "RepositoryNotFoundException": (404, "NAME_UNKNOWN"),
    "ImageNotFoundException": (404, "MANIFEST_UNKNOWN"),
    "LayersNotFoundException": (404, "BLOB_UNKNOWN"),
    "LayerInaccessibleException": (404, "BLOB_UNKNOWN"),
    "ReferencedImagesNotFoundException": (404, "MANIFEST_BLOB_UNKNOWN"),
    "ImageDigestDoesNotMatchException": (400, "DIGEST_INVALID"),
    "ImageTagAlreadyExistsException": (400, "TAG_INVALID"),
    "InvalidLayerException": (400, "DIGEST_INVALID"),
    "InvalidLayerPartException": (416, "BLOB_UPLOAD_INVALID"),
    "LayerPartTooSmallException": (400, "BLOB_UPLOAD_INVALID"),
    "EmptyUploadException": (400, "BLOB_UPLOAD_INVALID"),
    "UploadNotFoundException": (404, "BLOB_UPLOAD_UNKNOWN"),
    "UnableToGetUpstreamImageException": (404, "MANIFEST_UNKNOWN"),
    "LimitExceededException": (403, "DENIED"),
    "ThrottlingException": (429, "TOOMANYREQUESTS"),
    "ServerException": (500, "UNKNOWN"),
}
"""What the API's errors are here; those that are not listed mean a malformed request."""

UNKNOWN_MANIFEST: Kind = (404, "MANIFEST_UNKNOWN")
IMAGE_FAILURES: Mapping[str, Kind] = {
    "ImageReferencedByManifestList": (400, "DENIED"),
    "InvalidImageDigest": (400, "DIGEST_INVALID"),
    "InvalidImageTag": (
        400,
        "TAG_INVALID",
    ),  # the status: https://github.com/bazel-contrib/rules_oci/issues/721
}
"""What the failures of batch operations are here."""


@attrs.frozen
class DistributionError(Exception):
    """A rejected request."""

    status: int
    code: str
    """One of the specification's, or of docker's registry where that has a better one."""
    message: str
    headers: Mapping[str, str] = attrs.field(factory=dict[str, str])
    detail: Any = None


def translated(error: Exception, kinds: Mapping[str, Kind]) -> DistributionError:
    """Return an error of the API as this protocol has it.

    `kinds` go before the usual ones; under "" they have what a request is that breaks a limit.
    """
    if isinstance(error, DistributionError):
        return error
    if isinstance(error, NoImageError):
        return DistributionError(*IMAGE_FAILURES.get(error.code, UNKNOWN_MANIFEST), error.reason)
    if isinstance(error, ValidationError):
        named = error.path == "repository_name"
        return DistributionError(*((400, "NAME_INVALID") if named else kinds[""]), str(error))
    if isinstance(error, ServiceError):
        status, code = kinds.get(error.code) or KINDS.get(error.code, kinds[""])
        return DistributionError(status, code, error.message, detail=error.details or None)
    raise error


def respond(error: DistributionError) -> web.Response:
    """Return the response to a rejected request."""
    message = error.message.encode(errors="replace").decode()  # a header in it may be of any bytes
    entry: dict[str, Any] = {"code": error.code, "message": message}
    if error.detail is not None:
        entry["detail"] = error.detail
    return web.Response(
        status=error.status,
        body=msgspec.json.encode({"errors": [entry]}),
        content_type="application/json",
        headers={**API_VERSION, **error.headers},
    )
