"""Authorization tokens: the password that a container client logs in with."""

import base64

from ecr_async.api.authorization import (
    AuthorizationData,
    GetAuthorizationTokenRequest,
    GetAuthorizationTokenResponse,
)
from ecr_async.local.authentication import Caller
from ecr_async.local.registry import Registry, moment
from ecr_async.local.sealing import Sealer

__all__ = ["USER", "password_holder"]

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
    data = AuthorizationData(token, moment(expires_at), registry.url)
    return GetAuthorizationTokenResponse((data,) * len(request.registry_ids or [registry.account]))


def password_holder(sealer: Sealer, password: str, now: float) -> Caller | None:
    """Return whom a password was given to; None if it has expired or was not given out here."""
    try:
        account, region, principal, expires_at = sealer.open(PURPOSE, password)
    except ValueError:
        return None
    return Caller(account, region, principal) if now < expires_at else None
