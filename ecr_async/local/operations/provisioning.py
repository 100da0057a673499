"""Repositories that ECR creates by itself, as the creation template says that fits their name.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-creation-templates.html
"""

from ecr_async._wire import codec
from ecr_async.api.common import RepositoryNotFoundException
from ecr_async.api.lifecycle import PutLifecyclePolicyRequest
from ecr_async.api.policies import SetRepositoryPolicyRequest
from ecr_async.api.repositories import (
    CREATE_REPOSITORY,
    CreateRepositoryRequest,
    EncryptionConfiguration,
)
from ecr_async.api.templates import RCTAppliedFor, RepositoryCreationTemplate
from ecr_async.local.operations.lifecycle import put_lifecycle_policy
from ecr_async.local.operations.policies import set_repository_policy
from ecr_async.local.operations.repositories import create_repository
from ecr_async.local.operations.templates import KIND
from ecr_async.local.rules.registry import Registry, RepositoryRecord

__all__ = ["find_template", "provision", "repository_to_push"]

ROOT = "ROOT"
"""The prefix of the template for names that no other one fits."""


def repository_to_push(registry: Registry, name: str, registry_id: str | None = None) -> RepositoryRecord:
    """Return a repository to push to, created now if a template says so.

    Raises `RepositoryNotFoundException` if there is neither the repository nor such a template.
    """
    try:
        return registry.repository(name, registry_id)
    except RepositoryNotFoundException:
        template = find_template(registry, name, "CREATE_ON_PUSH")
        if template is None or registry_id not in (None, registry.account):
            raise
    return provision(registry, name, template)


def find_template(
    registry: Registry, name: str, occasion: RCTAppliedFor
) -> RepositoryCreationTemplate | None:
    """Return the template for a repository: of those for the occasion, the one with the longest prefix."""
    templates = registry.settings(KIND, RepositoryCreationTemplate)
    fitting = [
        prefix
        for prefix, template in templates.items()
        if occasion in template.applied_for and (prefix == ROOT or name.startswith(f"{prefix.rstrip('/')}/"))
    ]
    fitting.sort(key=lambda prefix: 0 if prefix == ROOT else len(prefix.rstrip("/")))
    return templates[fitting[-1]] if fitting else None


def provision(registry: Registry, name: str, template: RepositoryCreationTemplate | None) -> RepositoryRecord:
    """Create a repository as a template says; without one, with ECR's defaults."""
    if template is None:
        template = RepositoryCreationTemplate()
    encryption = template.encryption_configuration
    request = CreateRepositoryRequest(
        repository_name=name,
        tags=template.resource_tags or None,
        image_tag_mutability=template.image_tag_mutability,
        image_tag_mutability_exclusion_filters=template.image_tag_mutability_exclusion_filters or None,
        encryption_configuration=EncryptionConfiguration(
            encryption.encryption_type, encryption.kms_key or None
        )
        if encryption is not None
        else None,
    )
    codec.encode(CREATE_REPOSITORY, request)
    registry.require_write()
    create_repository(registry, request)
    if template.repository_policy:
        set_repository_policy(
            registry, SetRepositoryPolicyRequest(name, template.repository_policy, force=True)
        )
    if template.lifecycle_policy:
        put_lifecycle_policy(registry, PutLifecyclePolicyRequest(name, template.lifecycle_policy))
    return registry.repository(name)
