"""Effects of carrying out an operation twice, because the first response was lost.

Reading twice, and setting the same thing twice, comes to the same. The operations listed here do something
else the second time, though none of them does harm: the second call is rejected with one of these errors,
or begins what then is not gone on with.
"""

from collections.abc import Mapping
from typing import Final

from ecr_async._pipeline.rejections import CREDENTIALS_ERRORS, SIGNATURE_ERRORS
from ecr_async._retry.standard import classify
from ecr_async.errors import CallError, ConnectError, PoolTimeoutError, ServiceError, TransportError

__all__ = ["REPEATS", "is_idempotent", "is_own_effect", "leaves_doubt"]

REPEATS: Final[Mapping[str, frozenset[str]]] = {
    operation: frozenset(errors)
    for operation, *errors in (
        ("BatchDeleteImage",),
        ("CompleteLayerUpload", "LayerAlreadyExistsException", "UploadNotFoundException"),
        ("CreatePullThroughCacheRule", "PullThroughCacheRuleAlreadyExistsException"),
        ("CreateRepository", "RepositoryAlreadyExistsException"),
        ("CreateRepositoryCreationTemplate", "TemplateAlreadyExistsException"),
        ("DeleteLifecyclePolicy", "LifecyclePolicyNotFoundException"),
        ("DeletePullThroughCacheRule", "PullThroughCacheRuleNotFoundException"),
        ("DeleteRegistryPolicy", "RegistryPolicyNotFoundException"),
        ("DeleteRepository", "RepositoryNotFoundException"),
        ("DeleteRepositoryCreationTemplate", "TemplateNotFoundException"),
        ("DeleteRepositoryPolicy", "RepositoryPolicyNotFoundException"),
        ("DeleteSigningConfiguration", "SigningConfigurationNotFoundException"),
        ("DeregisterPullTimeUpdateExclusion", "ExclusionNotFoundException"),
        ("InitiateLayerUpload",),
        ("PutImage", "ImageAlreadyExistsException"),
        ("RegisterPullTimeUpdateExclusion", "ExclusionAlreadyExistsException"),
        ("StartImageScan", "LimitExceededException"),
        ("StartLifecyclePolicyPreview", "LifecyclePolicyPreviewInProgressException"),
        ("StartReplicationBackfill",),
        ("StopReplicationBackfill",),
        ("UpdateImageStorageClass", "ImageStorageClassUpdateNotSupportedException"),
        ("UploadLayerPart", "InvalidLayerPartException"),
    )
}
"""Operations that are not idempotent, and the errors that a repeat ends in."""


def is_idempotent(operation: str) -> bool:
    """Whether it makes no difference to carry the operation out twice."""
    return operation not in REPEATS


def leaves_doubt(error: CallError) -> bool:
    """Whether an attempt with this error may nevertheless have taken effect."""
    if isinstance(error, (ConnectError, PoolTimeoutError)):
        return False
    return isinstance(error, TransportError) or error.status is None or not 300 <= error.status < 500


def is_own_effect(operation: str, error: CallError) -> bool:
    """Whether a call may end in this error although, or because, an earlier attempt of its own succeeded.

    Only a rejection of the request itself shows that no attempt can have succeeded. A throttle doesn't, nor
    does a signature that is too old.
    """
    if not isinstance(error, ServiceError) or classify(error) is not None:
        return True
    return error.code in REPEATS.get(operation, ()) or error.code in SIGNATURE_ERRORS | CREDENTIALS_ERRORS
