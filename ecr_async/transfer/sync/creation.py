"""Repositories created at the destination: like their source, or from a template."""

from collections.abc import Awaitable
from typing import Literal, TypeAlias, TypeVar

import attrs

from ecr_async.api.lifecycle import (
    GetLifecyclePolicyRequest,
    LifecyclePolicyNotFoundException,
    PutLifecyclePolicyRequest,
    get_lifecycle_policy,
    put_lifecycle_policy,
)
from ecr_async.api.policies import (
    GetRepositoryPolicyRequest,
    RepositoryPolicyNotFoundException,
    SetRepositoryPolicyRequest,
    get_repository_policy,
    set_repository_policy,
)
from ecr_async.api.repositories import (
    CreateRepositoryRequest,
    EncryptionConfiguration,
    Repository,
    RepositoryAlreadyExistsException,
    create_repository,
)
from ecr_async.api.tags import ListTagsForResourceRequest, list_tags_for_resource
from ecr_async.errors import ValidationError
from ecr_async.service import Service

__all__ = ["CreateRepositories", "check_creation", "create_like_source", "create_missing"]

T = TypeVar("T")

CreateRepositories: TypeAlias = Literal["like_source"] | CreateRepositoryRequest | None
"""Whether and how missing repositories are created: with the settings, tags and policies of their source;
with those of a request, whose name is replaced; or not at all.
"""


def check_creation(how: object) -> None:
    """Raise `ValidationError` unless missing repositories can be created this way."""
    if how not in (None, "like_source") and not isinstance(how, CreateRepositoryRequest):
        raise ValidationError(
            "create_repositories",
            f"must be 'like_source', a CreateRepositoryRequest or None, not {how!r:.80}",
        )


async def create_missing(
    how: Literal["like_source"] | CreateRepositoryRequest,
    source_service: Service,
    source: Repository,
    service: Service,
    name: str,
    registry_id: str | None = None,
) -> None:
    """Create a repository at the destination. One that is there by now is left as it is."""
    try:
        if how == "like_source":
            await create_like_source(source_service, source, service, name, registry_id)
        else:
            request = attrs.evolve(how, repository_name=name, registry_id=registry_id or how.registry_id)
            await create_repository(service, request)
    except RepositoryAlreadyExistsException:
        pass


async def create_like_source(
    source_service: Service,
    source: Repository,
    service: Service,
    name: str,
    registry_id: str | None = None,
) -> None:
    """Create a repository with another one's settings, resource tags, lifecycle and repository policy.

    A KMS key is a region's own: the copy is encrypted with the same kind of encryption, under the default key
    of its region.
    """
    source_name = source.repository_name or ""
    encryption = source.encryption_configuration
    tags = await list_tags_for_resource(
        source_service, ListTagsForResourceRequest(source.repository_arn or "")
    )
    await create_repository(
        service,
        CreateRepositoryRequest(
            name,
            registry_id,
            tags=tags.tags or None,
            image_tag_mutability=source.image_tag_mutability,
            image_tag_mutability_exclusion_filters=source.image_tag_mutability_exclusion_filters or None,
            image_scanning_configuration=source.image_scanning_configuration,
            encryption_configuration=EncryptionConfiguration(encryption.encryption_type)
            if encryption
            else None,
        ),
    )
    lifecycle = await _unless(
        LifecyclePolicyNotFoundException,
        get_lifecycle_policy(source_service, GetLifecyclePolicyRequest(source_name, source.registry_id)),
    )
    if lifecycle is not None and lifecycle.lifecycle_policy_text:
        await put_lifecycle_policy(
            service, PutLifecyclePolicyRequest(name, lifecycle.lifecycle_policy_text, registry_id)
        )
    policy = await _unless(
        RepositoryPolicyNotFoundException,
        get_repository_policy(source_service, GetRepositoryPolicyRequest(source_name, source.registry_id)),
    )
    if policy is not None and policy.policy_text:
        await set_repository_policy(
            service, SetRepositoryPolicyRequest(name, policy.policy_text, registry_id)
        )


async def _unless(missing: type[Exception], call: Awaitable[T]) -> T | None:
    try:
        return await call
    except missing:
        return None
