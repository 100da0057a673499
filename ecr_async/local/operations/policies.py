"""Repository policies: set, read and delete them."""

from ecr_async.api.policies import (
    DeleteRepositoryPolicyRequest,
    DeleteRepositoryPolicyResponse,
    GetRepositoryPolicyRequest,
    GetRepositoryPolicyResponse,
    SetRepositoryPolicyRequest,
    SetRepositoryPolicyResponse,
)
from ecr_async.local.rules import messages
from ecr_async.local.rules.policy_documents import check_policy, locks_out, reformatted
from ecr_async.local.rules.registry import Registry, RepositoryRecord

__all__: list[str] = [
    "set_repository_policy",
]


def set_repository_policy(
    registry: Registry, request: SetRepositoryPolicyRequest
) -> SetRepositoryPolicyResponse:
    """Put a policy in place of the one that is there."""
    record = registry.repository(request.repository_name, request.registry_id)
    if check_policy(request.policy_text):
        raise messages.bad_repository_policy()
    if locks_out(request.policy_text, registry.account) and not request.force:
        raise messages.policy_locks_out()
    policy = reformatted(request.policy_text)
    _set(registry, record, policy)
    return SetRepositoryPolicyResponse(record.account, record.name, policy)


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
        raise messages.no_repository_policy(record)
    return record.policy
