"""The registry itself: its policy, its replication rules, its account's settings."""

from ecr_async.api.registry import (
    DeleteRegistryPolicyRequest,
    DeleteRegistryPolicyResponse,
    DeregisterPullTimeUpdateExclusionRequest,
    DeregisterPullTimeUpdateExclusionResponse,
    DescribeRegistryRequest,
    DescribeRegistryResponse,
    GetAccountSettingRequest,
    GetAccountSettingResponse,
    GetRegistryPolicyRequest,
    GetRegistryPolicyResponse,
    ListPullTimeUpdateExclusionsRequest,
    ListPullTimeUpdateExclusionsResponse,
    PutAccountSettingRequest,
    PutAccountSettingResponse,
    PutRegistryPolicyRequest,
    PutRegistryPolicyResponse,
    RegisterPullTimeUpdateExclusionRequest,
    RegisterPullTimeUpdateExclusionResponse,
)
from ecr_async.api.replication import ReplicationConfiguration
from ecr_async.local.operations.replication import CONFIGURATION, POLICY
from ecr_async.local.rules import messages, registry_messages
from ecr_async.local.rules.account import ACCOUNT_SETTINGS, EXCLUSION, SETTING, account_setting
from ecr_async.local.rules.policy_documents import check_policy
from ecr_async.local.rules.registry import Registry, moment

__all__: list[str] = []


def describe_registry(registry: Registry, request: DescribeRegistryRequest) -> DescribeRegistryResponse:
    """Describe the registry's replication, which needs rules."""
    rules = registry.setting(CONFIGURATION, ReplicationConfiguration) or ReplicationConfiguration(())
    return DescribeRegistryResponse(registry.account, rules)


def put_registry_policy(registry: Registry, request: PutRegistryPolicyRequest) -> PutRegistryPolicyResponse:
    """Put a policy in place of the one that is there."""
    if check_policy(request.policy_text):
        raise messages.bad_registry_policy()
    registry.keep(POLICY, GetRegistryPolicyResponse(registry.account, request.policy_text))
    return PutRegistryPolicyResponse(registry.account, request.policy_text)


def get_registry_policy(registry: Registry, request: GetRegistryPolicyRequest) -> GetRegistryPolicyResponse:
    """Read the registry's policy."""
    return _policy(registry)


def delete_registry_policy(
    registry: Registry, request: DeleteRegistryPolicyRequest
) -> DeleteRegistryPolicyResponse:
    """Delete the registry's policy."""
    policy = _policy(registry)
    registry.forget(POLICY)
    return DeleteRegistryPolicyResponse(policy.registry_id, policy.policy_text)


def put_account_setting(registry: Registry, request: PutAccountSettingRequest) -> PutAccountSettingResponse:
    """Change a setting to one of the values that it may have."""
    accepted = _accepted(request.name)
    if request.value not in accepted:
        raise registry_messages.not_one_of("value", accepted)
    registry.keep(SETTING, GetAccountSettingResponse(request.name, request.value), request.name)
    return PutAccountSettingResponse(request.name, request.value)


def get_account_setting(registry: Registry, request: GetAccountSettingRequest) -> GetAccountSettingResponse:
    """Read a setting, or its default."""
    _accepted(request.name)
    return GetAccountSettingResponse(request.name, account_setting(registry, request.name))


def register_pull_time_update_exclusion(
    registry: Registry, request: RegisterPullTimeUpdateExclusionRequest
) -> RegisterPullTimeUpdateExclusionResponse:
    """Exclude a principal's pulls from those that count as use of an image."""
    if _exclusion(registry, request.principal_arn):
        raise registry_messages.excluded_already(request.principal_arn)
    exclusion = RegisterPullTimeUpdateExclusionResponse(request.principal_arn, moment(registry.now))
    registry.keep(EXCLUSION, exclusion, request.principal_arn)
    return exclusion


def deregister_pull_time_update_exclusion(
    registry: Registry, request: DeregisterPullTimeUpdateExclusionRequest
) -> DeregisterPullTimeUpdateExclusionResponse:
    """Forget a principal whose pulls don't count."""
    if not _exclusion(registry, request.principal_arn):
        raise registry_messages.not_excluded(request.principal_arn)
    registry.forget(EXCLUSION, request.principal_arn)
    return DeregisterPullTimeUpdateExclusionResponse(request.principal_arn)


def list_pull_time_update_exclusions(
    registry: Registry, request: ListPullTimeUpdateExclusionsRequest
) -> ListPullTimeUpdateExclusionsResponse:
    """List the principals whose pulls don't count."""
    found, next_token = registry.page_of_settings(request, EXCLUSION, RegisterPullTimeUpdateExclusionResponse)
    principals = tuple(exclusion.principal_arn or "" for exclusion in found)
    return ListPullTimeUpdateExclusionsResponse(principals, next_token)


def _policy(registry: Registry) -> GetRegistryPolicyResponse:
    policy = registry.setting(POLICY, GetRegistryPolicyResponse)
    if policy is None:
        raise messages.no_registry_policy(registry.account)
    return policy


def _accepted(name: str) -> tuple[str, ...]:
    if name not in ACCOUNT_SETTINGS:
        raise registry_messages.not_one_of("name", ACCOUNT_SETTINGS)
    return ACCOUNT_SETTINGS[name]


def _exclusion(registry: Registry, principal: str) -> RegisterPullTimeUpdateExclusionResponse | None:
    return registry.setting(EXCLUSION, RegisterPullTimeUpdateExclusionResponse, principal)
