"""The texts of errors about a registry's settings: rules, upstreams, templates, backfills, tags, keys.

As in `ecr_async.local.rules.messages`, each function names the source of its wording. Hardly anything has
been reported about these; they are guessed but for the error's code, unless they say otherwise.
"""

from collections.abc import Iterable

from ecr_async.api import (
    common,
    manifests,
    pull_through_cache,
    registry,
    replication,
    scanning,
    tags,
    templates,
)
from ecr_async.api.signing_config import SigningConfigurationNotFoundException
from ecr_async.local.rules.messages import invalid


def unsupported_upstream(url: str) -> pull_through_cache.UnsupportedUpstreamRegistryException:
    """Source: reported of `mcr.microsoft.com`, in the comments of a Terraform configuration."""
    return pull_through_cache.UnsupportedUpstreamRegistryException(
        f"The upstream registry URL {url} is invalid."
    )


def rule_exists(prefix: str) -> pull_through_cache.PullThroughCacheRuleAlreadyExistsException:
    """A prefix has a pull-through cache rule already."""
    return pull_through_cache.PullThroughCacheRuleAlreadyExistsException(
        f"A rule for the prefix '{prefix}' already exists"
    )


def no_rule(prefix: str) -> pull_through_cache.PullThroughCacheRuleNotFoundException:
    """A prefix has no pull-through cache rule."""
    return pull_through_cache.PullThroughCacheRuleNotFoundException(
        f"A rule for the prefix '{prefix}' does not exist"
    )


def upstream_failed(url: str, reason: object) -> manifests.UnableToGetUpstreamImageException:
    """An upstream registry cannot be reached, or doesn't speak the protocol. Guessed."""
    return manifests.UnableToGetUpstreamImageException(
        f"Unable to get the image from the upstream registry '{url}': {reason}"
    )


def upstream_status(url: str, status: int) -> manifests.UnableToGetUpstreamImageException:
    """An upstream registry rejects a request. Guessed."""
    return manifests.UnableToGetUpstreamImageException(
        f"The upstream registry '{url}' responded with the status {status}"
    )


def bad_upstream_manifest(reason: object) -> manifests.UnableToGetUpstreamImageException:
    """What an upstream registry has is not a manifest. Guessed."""
    return manifests.UnableToGetUpstreamImageException(f"The upstream's manifest {reason}")


def no_upstream_token(realm: str) -> manifests.UnableToGetUpstreamImageException:
    """An upstream registry's tokens cannot be had. Guessed."""
    return manifests.UnableToGetUpstreamImageException(f"'{realm}' has responded without a token")


def upstream_elsewhere(url: str) -> manifests.UnableToGetUpstreamImageException:
    """An upstream registry is not on this machine. Only the embedded ECR minds that."""
    return manifests.UnableToGetUpstreamImageException(
        f"The embedded ECR calls registries on loopback only, which '{url}' is not"
    )


def upstream_token_elsewhere(url: str, realm: str) -> manifests.UnableToGetUpstreamImageException:
    """An upstream registry's tokens are not given out on this machine. Only the embedded ECR minds that."""
    return manifests.UnableToGetUpstreamImageException(
        f"The upstream registry '{url}' wants a token of '{realm}', which is not on loopback"
    )


def template_exists(prefix: str) -> templates.TemplateAlreadyExistsException:
    """A prefix has a repository creation template already."""
    return templates.TemplateAlreadyExistsException(f"A template for the prefix '{prefix}' already exists")


def no_template(prefix: str) -> templates.TemplateNotFoundException:
    """A prefix has no repository creation template."""
    return templates.TemplateNotFoundException(f"A template for the prefix '{prefix}' does not exist")


def bad_template_policy(parameter: str, reason: str) -> common.InvalidParameterException:
    """A template has a policy that no repository could have."""
    return invalid(parameter, reason)


def not_one_of(parameter: str, values: Iterable[str]) -> common.InvalidParameterException:
    """An account setting that there isn't, or a value that it cannot have."""
    return invalid(parameter, f"must be one of {', '.join(values)}")


def excluded_already(principal: str) -> registry.ExclusionAlreadyExistsException:
    """A principal's pulls don't count already."""
    return registry.ExclusionAlreadyExistsException(f"'{principal}' is excluded already")


def not_excluded(principal: str) -> registry.ExclusionNotFoundException:
    """A principal's pulls do count."""
    return registry.ExclusionNotFoundException(f"'{principal}' is not excluded")


def no_destination() -> common.InvalidParameterException:
    """A backfill goes to where no rule replicates."""
    return invalid("destination", "must be a destination of the replication configuration")


def backfill_in_progress() -> replication.ReplicationBackfillInProgressException:
    """There is a backfill for the same destination."""
    return replication.ReplicationBackfillInProgressException("A backfill for the destination is in progress")


def backfill_ended(status: str | None) -> replication.ReplicationBackfillInvalidStatusException:
    """A backfill cannot be stopped any more."""
    return replication.ReplicationBackfillInvalidStatusException(f"The backfill is {status} already")


def no_backfill(backfill_id: str) -> replication.ReplicationBackfillNotFoundException:
    """There is no such backfill."""
    return replication.ReplicationBackfillNotFoundException(
        f"There is no backfill with the id '{backfill_id}'"
    )


def no_signing_configuration(account: str) -> SigningConfigurationNotFoundException:
    """The registry signs nothing. Guessed after the registry policy's."""
    return SigningConfigurationNotFoundException(
        f"Signing configuration does not exist in the registry with id '{account}'"
    )


def not_scannable(media_type: str) -> scanning.UnsupportedImageTypeException:
    """An image of a kind that cannot be scanned, such as an index."""
    return scanning.UnsupportedImageTypeException(f"Images of the media type {media_type} cannot be scanned")


def archived_image(status: str) -> scanning.ImageArchivedException:
    """An image that cannot be scanned where it is."""
    return scanning.ImageArchivedException(f"The image is {status} and cannot be scanned")


def malformed_subject(pattern: str) -> common.ValidationException:
    """A digest whose referrers are requested, and that cannot be one."""
    return common.ValidationException(f"The subject's digest must match {pattern}")


def bad_tag_key(key: str) -> tags.InvalidTagParameterException:
    """A resource's tag has a key that AWS does not accept."""
    return tags.InvalidTagParameterException(f"The tag key '{key}' is not valid")


def bad_tag_value(key: str) -> tags.InvalidTagParameterException:
    """A resource's tag has a value that AWS does not accept."""
    return tags.InvalidTagParameterException(f"The value of the tag '{key}' is not valid")


def repeated_tag_key() -> tags.InvalidTagParameterException:
    """Two of a resource's tags have the same key."""
    return tags.InvalidTagParameterException("The same tag key is given twice")


def too_many_resource_tags(most: int, number: int) -> common.TooManyTagsException:
    """A repository has too many tags, in the sense of AWS's resources."""
    return common.TooManyTagsException(f"A repository can have at most {most} tags, not {number}")


def key_of_another_region(key: str, region: str) -> common.KmsException:
    """A KMS key that is not in the repository's region; the detail is KMS's own code."""
    return common.KmsException(
        f"Key '{key}' is not a key of region {region}", details={"kmsError": "NotFoundException"}
    )
