"""Repository creation templates: kept here, applied by `provisioning`."""

import attrs

from ecr_async.api.templates import (
    CreateRepositoryCreationTemplateRequest,
    CreateRepositoryCreationTemplateResponse,
    DeleteRepositoryCreationTemplateRequest,
    DeleteRepositoryCreationTemplateResponse,
    DescribeRepositoryCreationTemplatesRequest,
    DescribeRepositoryCreationTemplatesResponse,
    RepositoryCreationTemplate,
    UpdateRepositoryCreationTemplateRequest,
    UpdateRepositoryCreationTemplateResponse,
)
from ecr_async.lifecycle import LifecyclePolicy, LifecyclePolicyError
from ecr_async.local.rules import messages, registry_messages
from ecr_async.local.rules.policy_documents import check_policy
from ecr_async.local.rules.registry import Registry, moment

__all__ = ["KIND"]

KIND = "template"


def create_repository_creation_template(
    registry: Registry, request: CreateRepositoryCreationTemplateRequest
) -> CreateRepositoryCreationTemplateResponse:
    """Make a template for a prefix that has none."""
    if registry.setting(KIND, RepositoryCreationTemplate, request.prefix):
        raise registry_messages.template_exists(request.prefix)
    template = RepositoryCreationTemplate(image_tag_mutability="MUTABLE", created_at=moment(registry.now))
    return CreateRepositoryCreationTemplateResponse(registry.account, _changed(registry, template, request))


def update_repository_creation_template(
    registry: Registry, request: UpdateRepositoryCreationTemplateRequest
) -> UpdateRepositoryCreationTemplateResponse:
    """Change what the request names, and leave the rest."""
    template = _template(registry, request.prefix)
    return UpdateRepositoryCreationTemplateResponse(registry.account, _changed(registry, template, request))


def delete_repository_creation_template(
    registry: Registry, request: DeleteRepositoryCreationTemplateRequest
) -> DeleteRepositoryCreationTemplateResponse:
    """Delete a template."""
    template = _template(registry, request.prefix)
    registry.forget(KIND, request.prefix)
    return DeleteRepositoryCreationTemplateResponse(registry.account, template)


def describe_repository_creation_templates(
    registry: Registry, request: DescribeRepositoryCreationTemplatesRequest
) -> DescribeRepositoryCreationTemplatesResponse:
    """Describe the templates of the prefixes named, where there are any, or all of them."""
    if request.prefixes:
        everything = registry.settings(KIND, RepositoryCreationTemplate)
        named = tuple(everything[prefix] for prefix in request.prefixes if prefix in everything)
        return DescribeRepositoryCreationTemplatesResponse(registry.account, named)
    page, next_token = registry.page_of_settings(request, KIND, RepositoryCreationTemplate)
    return DescribeRepositoryCreationTemplatesResponse(registry.account, page, next_token)


def _changed(
    registry: Registry,
    template: RepositoryCreationTemplate,
    request: CreateRepositoryCreationTemplateRequest | UpdateRepositoryCreationTemplateRequest,
) -> RepositoryCreationTemplate:
    """Keep a template with what a request says about it."""
    given = {name: value for name, value in attrs.asdict(request, recurse=False).items() if value is not None}
    changed = attrs.evolve(template, **given, updated_at=moment(registry.now))
    filters = changed.image_tag_mutability_exclusion_filters
    if bool(filters) != str(changed.image_tag_mutability).endswith("_WITH_EXCLUSION"):
        raise messages.exclusion_filters(str(changed.image_tag_mutability), given=bool(filters))
    fault = changed.repository_policy and check_policy(changed.repository_policy)
    if fault:
        raise registry_messages.bad_template_policy("repositoryPolicy", fault)
    if changed.lifecycle_policy:
        try:
            LifecyclePolicy.from_json(changed.lifecycle_policy)
        except LifecyclePolicyError as error:
            raise registry_messages.bad_template_policy("lifecyclePolicy", str(error)) from None
    registry.keep(KIND, changed, request.prefix)
    return changed


def _template(registry: Registry, prefix: str) -> RepositoryCreationTemplate:
    template = registry.setting(KIND, RepositoryCreationTemplate, prefix)
    if template is None:
        raise registry_messages.no_template(prefix)
    return template
