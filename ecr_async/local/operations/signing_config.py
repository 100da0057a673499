"""Managed signing: the rules that say who signs what. This server keeps them and signs nothing."""

from ecr_async.api.signing_config import (
    DeleteSigningConfigurationRequest,
    DeleteSigningConfigurationResponse,
    GetSigningConfigurationRequest,
    GetSigningConfigurationResponse,
    PutSigningConfigurationRequest,
    PutSigningConfigurationResponse,
    SigningConfiguration,
    SigningConfigurationNotFoundException,
)
from ecr_async.local.registry import Registry

__all__: list[str] = []

KIND = "signing"


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
        raise SigningConfigurationNotFoundException(
            f"Signing configuration does not exist in the registry with id '{registry.account}'"
        )
    return configuration
