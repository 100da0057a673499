"""Authorization tokens: the password that a container client logs in with."""

import base64

from ecr_async.api.authorization import (
    AuthorizationData,
    GetAuthorizationTokenRequest,
    GetAuthorizationTokenResponse,
)
from ecr_async.local.authentication import Caller
from ecr_async.local.rules.registry import Registry, moment
from ecr_async.local.state.sealing import Sealer

__all__ = ["USER", "open_password"]

USER = "AWS"
TOKEN_SECONDS = 12 * 3600
PURPOSE = "authorization"


def get_authorization_token(
    registry: Registry, request: GetAuthorizationTokenRequest
) -> GetAuthorizationTokenResponse:
    """Return a token for the caller's registry, or one for each of those named."""
    expires_at = registry.now + TOKEN_SECONDS
    password = registry.sealer.seal(
        PURPOSE, [registry.account, registry.region, registry.principal, expires_at]
    )
    token = base64.b64encode(f"{USER}:{password}".encode()).decode()
    return GetAuthorizationTokenResponse(
        tuple(
            AuthorizationData(
                token, moment(expires_at), registry.elsewhere(account, registry.region).endpoint
            )
            for account in request.registry_ids or [registry.account]
        )
    )


def open_password(sealer: Sealer, password: str) -> tuple[Caller, float]:
    """Return whom a password was given to, and when it expires; raises `ValueError` if not given out here."""
    account, region, principal, expires_at = sealer.open(PURPOSE, password)
    return Caller(account, region, principal), expires_at
