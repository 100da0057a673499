"""Repository policies: set, read and delete them."""

from ecr_async.api.policies import (
    DeleteRepositoryPolicyRequest,
    DeleteRepositoryPolicyResponse,
    GetRepositoryPolicyRequest,
    GetRepositoryPolicyResponse,
    RepositoryPolicyNotFoundException,
    SetRepositoryPolicyRequest,
    SetRepositoryPolicyResponse,
)
from ecr_async.local.policy_documents import check_policy, locks_out
from ecr_async.local.registry import Registry, RepositoryRecord
from ecr_async.local.wire import invalid

__all__: list[str] = []


def set_repository_policy(
    registry: Registry, request: SetRepositoryPolicyRequest
) -> SetRepositoryPolicyResponse:
    """Put a policy in place of the one that is there."""
    record = registry.repository(request.repository_name, request.registry_id)
    fault = check_policy(request.policy_text)
    if fault:
        raise invalid("policyText", f"Invalid repository policy provided: {fault}")
    if locks_out(request.policy_text, registry.account) and not request.force:
        raise invalid("policyText", "must let its owner set another policy, unless it is set with force")
    _set(registry, record, request.policy_text)
    return SetRepositoryPolicyResponse(record.account, record.name, request.policy_text)


def get_repository_policy(
    registry: Registry, request: GetRepositoryPolicyRequest
) -> GetRepositoryPolicyResponse:
    """Read a repository's policy."""
    record = registry.repository(request.repository_name, request.registry_id)
    return GetRepositoryPolicyResponse(record.account, record.name, _policy(record))


def delete_repository_policy(
    registry: Registry, request: DeleteRepositoryPolicyRequest
) -> DeleteRepositoryPolicyResponse:
    """Delete a repository's policy."""
    record = registry.repository(request.repository_name, request.registry_id)
    policy = _policy(record)
    _set(registry, record, None)
    return DeleteRepositoryPolicyResponse(record.account, record.name, policy)


def _set(registry: Registry, record: RepositoryRecord, policy: str | None) -> None:
    registry.db.execute("UPDATE repositories SET policy = ? WHERE id = ?", (policy, record.id))


def _policy(record: RepositoryRecord) -> str:
    if record.policy is None:
        raise RepositoryPolicyNotFoundException(
            f"Repository policy does not exist for the repository with name '{record.name}' "
            f"in the registry with id '{record.account}'"
        )
    return record.policy
