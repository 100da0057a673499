"""Who calls: Basic credentials, the password being one that GetAuthorizationToken gave out.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html
"""

import base64
from collections.abc import Callable

import attrs

from ecr_async.local.addresses import RegistryKey
from ecr_async.local.authentication import Caller
from ecr_async.local.distribution import rejections
from ecr_async.local.operations.authorization import USER, open_password
from ecr_async.local.state.sealing import Sealer

__all__ = ["SERVICE", "Login", "challenge"]

SERVICE = "ecr.amazonaws.com"
"""What a challenge says that the password is for."""


@attrs.frozen
class Login:
    """Identifies callers by their passwords.

    Without `required`, as with unsigned calls of the API, callers without a password count as the
    registry's owner.
    """

    sealer: Sealer
    clock: Callable[[], float]
    required: bool

    def caller(
        self, authorization: str | None, endpoint: str, key: RegistryKey, *, any_region: bool = False
    ) -> Caller:
        """Return who sent a request to a registry; raises `DistributionError`.

        Another account's password is good as far as the policies of the registry's repositories go,
        another region's for nothing, unless `any_region` says that the registry isn't settled yet.
        """
        if not self.required and authorization is None:
            return Caller(key.account, key.region)
        try:
            holder, expires_at = open_password(self.sealer, _password(authorization))
        except ValueError:
            if not self.required:
                return Caller(key.account, key.region)
            raise rejections.not_logged_in(challenge(endpoint)) from None
        if expires_at <= self.clock():
            raise rejections.expired_login(challenge(endpoint))
        if holder.region != key.region and not any_region:
            raise rejections.login_of_another_region(holder.region, key.region, challenge(endpoint))
        return holder


def challenge(endpoint: str) -> dict[str, str]:
    """Return the header that says how to log in."""
    return {"WWW-Authenticate": f'Basic realm="{endpoint}/",service="{SERVICE}"'}


def _password(authorization: str | None) -> str:
    """Return the password of a Basic header; raises `ValueError`."""
    scheme, _, encoded = (authorization or "").partition(" ")
    user, colon, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    if scheme.lower() != "basic" or user != USER or not colon:
        raise ValueError("not Basic credentials of the user whom tokens are for")
    return password
