"""The login for a registry's HTTP API, which docker, podman, skopeo and others speak.

See https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html
"""

import base64
import binascii
from datetime import datetime

import attrs
from yarl import URL

from ecr_async._arguments import check_kinds
from ecr_async.api.authorization import (
    GetAuthorizationTokenRequest,
    get_authorization_token,
)
from ecr_async.errors import ResponseError
from ecr_async.service import Service, check_services
from ecr_async.transfer.single_flight import SingleFlight

__all__ = ["MARGIN", "RegistryCredentials", "registry_credentials"]

MARGIN = 30 * 60
"""Seconds before a token's end from when on a new one is requested. Tokens live for 12 hours."""


@attrs.frozen
class RegistryCredentials:
    """User name and password for `docker login`, good for 12 hours. `repr` doesn't show the password."""

    username: str
    password: str = attrs.field(repr=False)
    endpoint: str
    """The registry's URL, such as `https://123456789012.dkr.ecr.eu-west-1.amazonaws.com`."""
    expires_at: datetime

    @property
    def host(self) -> str:
        """The registry's host, with its port if it has one: what `docker login` takes."""
        return URL(self.endpoint).host_port_subcomponent or self.endpoint

    @property
    def basic(self) -> str:
        """The two as HTTP's basic authentication encodes them; a secret."""
        return base64.b64encode(f"{self.username}:{self.password}".encode()).decode()


async def registry_credentials(service: Service, registry_id: str | None = None) -> RegistryCredentials:
    """Return the login for a registry in the service's region.

        login = await ecr.registry_credentials(service)

    A login opens every registry that its identity may use, in whatever account. `registry_id`, an AWS account
    ID, only decides which registry's `endpoint` it has; by default it is that of the session's account.

    All services of a session in one region share a token until half an hour before it ends, and one request
    for it. Raises `ValidationError` for a `registry_id` that cannot be one, what `get_authorization_token`
    raises, and `ResponseError` for a token that is malformed.
    """
    check_services(service=service)
    check_kinds(str | None, registry_id=registry_id)
    key = (_Cache, service.region, service.endpoint_url, registry_id)
    cache: _Cache = service.shared.setdefault(key, _Cache(registry_id))
    return await cache.get(service)


class _Cache:
    def __init__(self, registry_id: str | None) -> None:
        self._registry_ids = None if registry_id is None else [registry_id]
        self._credentials: RegistryCredentials | None = None
        self._flight = SingleFlight[RegistryCredentials]()

    async def get(self, service: Service) -> RegistryCredentials:
        credentials = self._credentials
        if credentials is None or service.now() >= credentials.expires_at.timestamp() - MARGIN:
            credentials = self._credentials = await self._flight.run(lambda: self._fetch(service))
        return credentials

    async def _fetch(self, service: Service) -> RegistryCredentials:
        request = GetAuthorizationTokenRequest(self._registry_ids)
        response = await get_authorization_token(service, request)
        for data in response.authorization_data:
            if data.authorization_token and data.expires_at and data.proxy_endpoint:
                return _decoded(data.authorization_token, data.proxy_endpoint, data.expires_at)
        raise ResponseError("there is no authorization token in it", operation="GetAuthorizationToken")


def _decoded(token: str, endpoint: str, expires_at: datetime) -> RegistryCredentials:
    try:
        username, colon, password = base64.b64decode(token, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        colon = username = password = ""
    if not colon or not username or not password:
        raise ResponseError("the authorization token is malformed", operation="GetAuthorizationToken")
    return RegistryCredentials(username, password, endpoint, expires_at)
