"""What the embedded ECR can do: a module per family, and here which function does what.

A new operation takes a function in the module of its family and a line in `HANDLERS`:
`Reads` for what works on a snapshot, `Writes` for what works in a transaction, `Prepares` for long work on a
snapshot and a short transaction after it, `Steps` for what awaits something in between.
"""

from collections.abc import Mapping
from typing import Final

from ecr_async.api import (
    authorization as authorization_api,
)
from ecr_async.api import (
    images as images_api,
)
from ecr_async.api import (
    layers as layers_api,
)
from ecr_async.api import (
    lifecycle as lifecycle_api,
)
from ecr_async.api import (
    manifests as manifests_api,
)
from ecr_async.api import (
    policies as policies_api,
)
from ecr_async.api import (
    pull_through_cache as pull_through_cache_api,
)
from ecr_async.api import (
    referrers as referrers_api,
)
from ecr_async.api import (
    registry as registry_api,
)
from ecr_async.api import (
    replication as replication_api,
)
from ecr_async.api import (
    repositories as repositories_api,
)
from ecr_async.api import (
    scanning as scanning_api,
)
from ecr_async.api import (
    signing_config as signing_config_api,
)
from ecr_async.api import (
    storage_classes as storage_classes_api,
)
from ecr_async.api import (
    tags as tags_api,
)
from ecr_async.api import (
    templates as templates_api,
)
from ecr_async.local.operations import (
    artifacts,
    authorization,
    deletions,
    images,
    layers,
    lifecycle,
    policies,
    pull_through_cache,
    pushes,
    registry,
    replication,
    repositories,
    scanning,
    signing_config,
    tags,
    templates,
)
from ecr_async.local.operations.table import Handler, Prepares, Reads, Steps, Writes

__all__ = ["HANDLERS"]

_HANDLERS: Final[tuple[Handler, ...]] = (
    Writes(repositories_api.CREATE_REPOSITORY, repositories.create_repository),
    Reads(repositories_api.DESCRIBE_REPOSITORIES, repositories.describe_repositories),
    Writes(repositories_api.DELETE_REPOSITORY, repositories.delete_repository),
    Writes(repositories_api.PUT_IMAGE_TAG_MUTABILITY, repositories.put_image_tag_mutability),
    Writes(tags_api.TAG_RESOURCE, tags.tag_resource),
    Writes(tags_api.UNTAG_RESOURCE, tags.untag_resource),
    Reads(tags_api.LIST_TAGS_FOR_RESOURCE, tags.list_tags_for_resource),
    Writes(policies_api.SET_REPOSITORY_POLICY, policies.set_repository_policy),
    Reads(policies_api.GET_REPOSITORY_POLICY, policies.get_repository_policy),
    Writes(policies_api.DELETE_REPOSITORY_POLICY, policies.delete_repository_policy),
    Writes(layers_api.INITIATE_LAYER_UPLOAD, layers.initiate_layer_upload),
    Steps(layers_api.UPLOAD_LAYER_PART, layers.upload_layer_part),
    Steps(layers_api.COMPLETE_LAYER_UPLOAD, layers.complete_layer_upload),
    Reads(layers_api.BATCH_CHECK_LAYER_AVAILABILITY, layers.batch_check_layer_availability),
    Reads(layers_api.GET_DOWNLOAD_URL_FOR_LAYER, layers.get_download_url_for_layer),
    Writes(manifests_api.PUT_IMAGE, pushes.put_image),
    Reads(images_api.DESCRIBE_IMAGES, images.describe_images),
    Reads(images_api.LIST_IMAGES, images.list_images),
    Steps(manifests_api.BATCH_GET_IMAGE, images.batch_get_image),
    Writes(manifests_api.BATCH_DELETE_IMAGE, deletions.batch_delete_image),
    Reads(referrers_api.LIST_IMAGE_REFERRERS, artifacts.list_image_referrers),
    Writes(storage_classes_api.UPDATE_IMAGE_STORAGE_CLASS, artifacts.update_image_storage_class),
    Writes(lifecycle_api.PUT_LIFECYCLE_POLICY, lifecycle.put_lifecycle_policy),
    Reads(lifecycle_api.GET_LIFECYCLE_POLICY, lifecycle.get_lifecycle_policy),
    Writes(lifecycle_api.DELETE_LIFECYCLE_POLICY, lifecycle.delete_lifecycle_policy),
    Prepares(
        lifecycle_api.START_LIFECYCLE_POLICY_PREVIEW,
        lifecycle.evaluate_policy,
        lifecycle.start_lifecycle_policy_preview,
    ),
    Reads(lifecycle_api.GET_LIFECYCLE_POLICY_PREVIEW, lifecycle.get_lifecycle_policy_preview),
    Writes(scanning_api.START_IMAGE_SCAN, scanning.start_image_scan),
    Reads(scanning_api.DESCRIBE_IMAGE_SCAN_FINDINGS, scanning.describe_image_scan_findings),
    Writes(scanning_api.PUT_IMAGE_SCANNING_CONFIGURATION, scanning.put_image_scanning_configuration),
    Writes(scanning_api.PUT_REGISTRY_SCANNING_CONFIGURATION, scanning.put_registry_scanning_configuration),
    Reads(scanning_api.GET_REGISTRY_SCANNING_CONFIGURATION, scanning.get_registry_scanning_configuration),
    Reads(
        scanning_api.BATCH_GET_REPOSITORY_SCANNING_CONFIGURATION,
        scanning.batch_get_repository_scanning_configuration,
    ),
    Reads(authorization_api.GET_AUTHORIZATION_TOKEN, authorization.get_authorization_token),
    Reads(registry_api.DESCRIBE_REGISTRY, registry.describe_registry),
    Writes(registry_api.PUT_REGISTRY_POLICY, registry.put_registry_policy),
    Reads(registry_api.GET_REGISTRY_POLICY, registry.get_registry_policy),
    Writes(registry_api.DELETE_REGISTRY_POLICY, registry.delete_registry_policy),
    Writes(registry_api.PUT_ACCOUNT_SETTING, registry.put_account_setting),
    Reads(registry_api.GET_ACCOUNT_SETTING, registry.get_account_setting),
    Writes(registry_api.REGISTER_PULL_TIME_UPDATE_EXCLUSION, registry.register_pull_time_update_exclusion),
    Writes(
        registry_api.DEREGISTER_PULL_TIME_UPDATE_EXCLUSION, registry.deregister_pull_time_update_exclusion
    ),
    Reads(registry_api.LIST_PULL_TIME_UPDATE_EXCLUSIONS, registry.list_pull_time_update_exclusions),
    Writes(replication_api.PUT_REPLICATION_CONFIGURATION, replication.put_replication_configuration),
    Reads(replication_api.DESCRIBE_IMAGE_REPLICATION_STATUS, replication.describe_image_replication_status),
    Writes(replication_api.START_REPLICATION_BACKFILL, replication.start_replication_backfill),
    Writes(replication_api.STOP_REPLICATION_BACKFILL, replication.stop_replication_backfill),
    Reads(
        replication_api.DESCRIBE_REPLICATION_BACKFILL_RESULTS,
        replication.describe_replication_backfill_results,
    ),
    Reads(replication_api.LIST_REPLICATION_BACKFILLS, replication.list_replication_backfills),
    Writes(
        pull_through_cache_api.CREATE_PULL_THROUGH_CACHE_RULE,
        pull_through_cache.create_pull_through_cache_rule,
    ),
    Writes(
        pull_through_cache_api.UPDATE_PULL_THROUGH_CACHE_RULE,
        pull_through_cache.update_pull_through_cache_rule,
    ),
    Writes(
        pull_through_cache_api.DELETE_PULL_THROUGH_CACHE_RULE,
        pull_through_cache.delete_pull_through_cache_rule,
    ),
    Reads(
        pull_through_cache_api.DESCRIBE_PULL_THROUGH_CACHE_RULES,
        pull_through_cache.describe_pull_through_cache_rules,
    ),
    Reads(
        pull_through_cache_api.VALIDATE_PULL_THROUGH_CACHE_RULE,
        pull_through_cache.validate_pull_through_cache_rule,
    ),
    Writes(templates_api.CREATE_REPOSITORY_CREATION_TEMPLATE, templates.create_repository_creation_template),
    Writes(templates_api.UPDATE_REPOSITORY_CREATION_TEMPLATE, templates.update_repository_creation_template),
    Writes(templates_api.DELETE_REPOSITORY_CREATION_TEMPLATE, templates.delete_repository_creation_template),
    Reads(
        templates_api.DESCRIBE_REPOSITORY_CREATION_TEMPLATES, templates.describe_repository_creation_templates
    ),
    Writes(signing_config_api.PUT_SIGNING_CONFIGURATION, signing_config.put_signing_configuration),
    Reads(signing_config_api.GET_SIGNING_CONFIGURATION, signing_config.get_signing_configuration),
    Reads(signing_config_api.DESCRIBE_IMAGE_SIGNING_STATUS, signing_config.describe_image_signing_status),
    Writes(signing_config_api.DELETE_SIGNING_CONFIGURATION, signing_config.delete_signing_configuration),
)

HANDLERS: Final[Mapping[str, Handler]] = {handler.operation.name: handler for handler in _HANDLERS}
"""What carries out each operation, by the operation's name on the wire."""
