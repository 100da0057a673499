"""Pull through cache rules: kept here, acted upon by `ecr_async.local.distribution.pull_through`."""

import re
from fnmatch import fnmatchcase

import attrs

from ecr_async.api.pull_through_cache import (
    CreatePullThroughCacheRuleRequest,
    CreatePullThroughCacheRuleResponse,
    DeletePullThroughCacheRuleRequest,
    DeletePullThroughCacheRuleResponse,
    DescribePullThroughCacheRulesRequest,
    DescribePullThroughCacheRulesResponse,
    PullThroughCacheRule,
    UpdatePullThroughCacheRuleRequest,
    UpdatePullThroughCacheRuleResponse,
    ValidatePullThroughCacheRuleRequest,
    ValidatePullThroughCacheRuleResponse,
)
from ecr_async.local.rules import registry_messages
from ecr_async.local.rules.registry import Registry, moment

__all__ = ["find_rule"]

KIND = "pull through cache rule"

UPSTREAMS = {
    "ecr-public": "public.ecr.aws",
    "docker-hub": "registry-1.docker.io",
    "quay": "quay.io",
    "k8s": "registry.k8s.io",
    "github-container-registry": "ghcr.io",
    "gitlab-container-registry": "registry.gitlab.com",
    "chainguard": "cgr.dev",
    "azure-container-registry": "*.azurecr.io",
    "ecr": "*.dkr.ecr.*.amazonaws.com*",
}
"""The registries that can be cached, and where they are.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreatePullThroughCacheRule.html
"""

LOOPBACK = re.compile(r"(https?://)?((.+\.)?localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?/?")


WITH_CREDENTIALS = frozenset(
    {
        "docker-hub",
        "github-container-registry",
        "gitlab-container-registry",
        "chainguard",
        "azure-container-registry",
    }
)
"""Those of them that want credentials."""


def create_pull_through_cache_rule(
    registry: Registry, request: CreatePullThroughCacheRuleRequest
) -> CreatePullThroughCacheRuleResponse:
    """Make a rule for a prefix that has none."""
    registry.check_own(request.registry_id)
    prefix, url = request.ecr_repository_prefix, request.upstream_registry_url
    upstream = _upstream(url, request.upstream_registry)
    if upstream is None:
        raise registry_messages.unsupported_upstream(url)
    if registry.setting(KIND, PullThroughCacheRule, prefix):
        raise registry_messages.rule_exists(prefix)
    now = moment(registry.now)
    rule = PullThroughCacheRule(
        ecr_repository_prefix=prefix,
        upstream_registry_url=url,
        created_at=now,
        registry_id=registry.account,
        credential_arn=request.credential_arn,
        custom_role_arn=request.custom_role_arn,
        upstream_repository_prefix=request.upstream_repository_prefix or "ROOT",
        upstream_registry=upstream,
        updated_at=now,
    )
    registry.keep(KIND, rule, prefix)
    return CreatePullThroughCacheRuleResponse(
        ecr_repository_prefix=prefix,
        upstream_registry_url=url,
        created_at=now,
        registry_id=registry.account,
        upstream_registry=rule.upstream_registry,
        credential_arn=rule.credential_arn,
        custom_role_arn=rule.custom_role_arn,
        upstream_repository_prefix=rule.upstream_repository_prefix,
    )


def update_pull_through_cache_rule(
    registry: Registry, request: UpdatePullThroughCacheRuleRequest
) -> UpdatePullThroughCacheRuleResponse:
    """Change how a rule authenticates to its upstream."""
    rule = _rule(registry, request.ecr_repository_prefix, request.registry_id)
    rule = attrs.evolve(
        rule,
        credential_arn=request.credential_arn or rule.credential_arn,
        custom_role_arn=request.custom_role_arn or rule.custom_role_arn,
        updated_at=moment(registry.now),
    )
    registry.keep(KIND, rule, request.ecr_repository_prefix)
    return UpdatePullThroughCacheRuleResponse(
        ecr_repository_prefix=rule.ecr_repository_prefix,
        registry_id=rule.registry_id,
        updated_at=rule.updated_at,
        credential_arn=rule.credential_arn,
        custom_role_arn=rule.custom_role_arn,
        upstream_repository_prefix=rule.upstream_repository_prefix,
    )


def delete_pull_through_cache_rule(
    registry: Registry, request: DeletePullThroughCacheRuleRequest
) -> DeletePullThroughCacheRuleResponse:
    """Delete a rule."""
    rule = _rule(registry, request.ecr_repository_prefix, request.registry_id)
    registry.forget(KIND, request.ecr_repository_prefix)
    return DeletePullThroughCacheRuleResponse(
        ecr_repository_prefix=rule.ecr_repository_prefix,
        upstream_registry_url=rule.upstream_registry_url,
        created_at=rule.created_at,
        registry_id=rule.registry_id,
        credential_arn=rule.credential_arn,
        custom_role_arn=rule.custom_role_arn,
        upstream_repository_prefix=rule.upstream_repository_prefix,
    )


def validate_pull_through_cache_rule(
    registry: Registry, request: ValidatePullThroughCacheRuleRequest
) -> ValidatePullThroughCacheRuleResponse:
    """Report whether a rule has the credentials that its upstream wants; whether they are right isn't
    tried.
    """
    rule = _rule(registry, request.ecr_repository_prefix, request.registry_id)
    fault = None
    if rule.upstream_registry in WITH_CREDENTIALS and not (rule.credential_arn or rule.custom_role_arn):
        fault = (
            f"The upstream registry '{rule.upstream_registry_url}' needs credentials, and the rule has none"
        )
    return ValidatePullThroughCacheRuleResponse(
        ecr_repository_prefix=rule.ecr_repository_prefix,
        registry_id=registry.account,
        upstream_registry_url=rule.upstream_registry_url,
        credential_arn=rule.credential_arn,
        custom_role_arn=rule.custom_role_arn,
        upstream_repository_prefix=rule.upstream_repository_prefix,
        is_valid=fault is None,
        failure=fault,
    )


def describe_pull_through_cache_rules(
    registry: Registry, request: DescribePullThroughCacheRulesRequest
) -> DescribePullThroughCacheRulesResponse:
    """Describe the rules of the prefixes named, or all of them."""
    registry.check_own(request.registry_id)
    if request.ecr_repository_prefixes:
        named = (_rule(registry, prefix) for prefix in request.ecr_repository_prefixes)
        return DescribePullThroughCacheRulesResponse(tuple(named))
    page, next_token = registry.page_of_settings(request, KIND, PullThroughCacheRule)
    return DescribePullThroughCacheRulesResponse(page, next_token)


def find_rule(registry: Registry, name: str) -> PullThroughCacheRule | None:
    """Return the rule for a repository: the one with the longest prefix that its name has."""
    rules = registry.settings(KIND, PullThroughCacheRule)
    fitting = [prefix for prefix in rules if prefix == "ROOT" or name.startswith(f"{prefix}/")]
    fitting.sort(key=lambda prefix: 0 if prefix == "ROOT" else len(prefix))
    return rules[fitting[-1]] if fitting else None


def _upstream(url: str, named: str | None) -> str | None:
    """Return which of the upstream registries a URL is one of; None if of none, or not of the one named.

    A registry on loopback may pass for any of them.
    """
    if LOOPBACK.fullmatch(url):
        return named or "ecr"
    matching = next((name for name, pattern in UPSTREAMS.items() if fnmatchcase(url, pattern)), None)
    return matching if named in (None, matching) else None


def _rule(registry: Registry, prefix: str, registry_id: str | None = None) -> PullThroughCacheRule:
    registry.check_own(registry_id)
    rule = registry.setting(KIND, PullThroughCacheRule, prefix)
    if rule is None:
        raise registry_messages.no_rule(prefix)
    return rule
