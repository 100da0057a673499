"""Managed signing: the rules that say who signs what. This server keeps them and signs nothing."""

from fnmatch import fnmatchcase

from ecr_async.api.common import ImageIdentifier
from ecr_async.api.signing_config import (
    DeleteSigningConfigurationRequest,
    DeleteSigningConfigurationResponse,
    DescribeImageSigningStatusRequest,
    DescribeImageSigningStatusResponse,
    GetSigningConfigurationRequest,
    GetSigningConfigurationResponse,
    ImageSigningStatus,
    PutSigningConfigurationRequest,
    PutSigningConfigurationResponse,
    SigningConfiguration,
)
from ecr_async.local.rules import registry_messages
from ecr_async.local.rules.images import the_image
from ecr_async.local.rules.registry import Registry

__all__: list[str] = []

KIND = "signing"
SIGNING_SECONDS = 1.0


def put_signing_configuration(
    registry: Registry, request: PutSigningConfigurationRequest
) -> PutSigningConfigurationResponse:
    """Put rules in place of those that are there."""
    registry.keep(KIND, request.signing_configuration)
    return PutSigningConfigurationResponse(request.signing_configuration)


def get_signing_configuration(
    registry: Registry, request: GetSigningConfigurationRequest
) -> GetSigningConfigurationResponse:
    """Read the rules."""
    return GetSigningConfigurationResponse(registry.account, _configuration(registry))


def delete_signing_configuration(
    registry: Registry, request: DeleteSigningConfigurationRequest
) -> DeleteSigningConfigurationResponse:
    """Delete the rules."""
    configuration = _configuration(registry)
    registry.forget(KIND)
    return DeleteSigningConfigurationResponse(registry.account, configuration)


def _configuration(registry: Registry) -> SigningConfiguration:
    configuration = registry.setting(KIND, SigningConfiguration)
    if configuration is None:
        raise registry_messages.no_signing_configuration(registry.account)
    return configuration


def describe_image_signing_status(
    registry: Registry, request: DescribeImageSigningStatusRequest
) -> DescribeImageSigningStatusResponse:
    """Report whether an image has been signed by the profiles of the rules for its repository.

    Nothing is signed here; it is a second by the clock from a push until this says that it were.
    """
    record = registry.repository(request.repository_name, request.registry_id)
    image = the_image(registry, record, request.image_id)
    configuration = registry.setting(KIND, SigningConfiguration) or SigningConfiguration(())
    status = "IN_PROGRESS" if registry.now - image.pushed_at < SIGNING_SECONDS else "COMPLETE"
    statuses = tuple(
        ImageSigningStatus(rule.signing_profile_arn, status=status)
        for rule in configuration.rules
        if not rule.repository_filters
        or any(fnmatchcase(record.name, each.filter) for each in rule.repository_filters)
    )
    identifier = ImageIdentifier(image.digest, request.image_id.image_tag)
    return DescribeImageSigningStatusResponse(record.name, identifier, record.account, statuses)
