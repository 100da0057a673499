"""A registry that images are cached from: another embedded ECR, or any other on loopback.

Registries that want a login are logged in to as their challenge says: an embedded ECR by the key that each
of them knows, others anonymously, for a token: https://distribution.github.io/distribution/spec/auth/token/
"""

import ipaddress
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import attrs
from yarl import URL

from ecr_async import api as ecr
from ecr_async.api.manifests import UnableToGetUpstreamImageException
from ecr_async.errors import ECRError
from ecr_async.local.authentication import LOCAL_KEY
from ecr_async.local.distribution.login import SERVICE
from ecr_async.local.json_values import as_object
from ecr_async.local.rules import registry_messages
from ecr_async.oci.media_types import MANIFEST_MEDIA_TYPES
from ecr_async.session import Session

__all__ = ["Upstream", "is_on_loopback"]

PARAMETER = re.compile(r'(\w+)="([^"]*)"')
"""One of a challenge's parameters."""

TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=60)


def is_on_loopback(url: str) -> bool:
    """Return whether the embedded ECR may call an upstream registry."""
    host = _url(url).host or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@attrs.define
class Upstream:
    """One registry, called in the name of one region's registry."""

    session: aiohttp.ClientSession
    url: str
    region: str
    """The region to log in to, if the upstream is an embedded ECR."""
    _authorization: str | None = None

    async def manifest(self, repository: str, reference: str) -> tuple[str, str] | None:
        """Return the media type and the text of a manifest, None if the upstream hasn't got it."""
        accept = {"Accept": ", ".join(sorted(MANIFEST_MEDIA_TYPES))}
        async with self._get(f"{repository}/manifests/{reference}", accept) as response:
            if response.status == 404:
                return None
            _check(response, self.url)
            return response.content_type, (await response.read()).decode()

    @asynccontextmanager
    async def blob(self, repository: str, digest: str) -> AsyncGenerator[aiohttp.StreamReader]:
        """Yield a blob's bytes."""
        async with self._get(f"{repository}/blobs/{digest}", {}) as response:
            _check(response, self.url)
            yield response.content

    @asynccontextmanager
    async def _get(self, path: str, headers: Mapping[str, str]) -> AsyncGenerator[aiohttp.ClientResponse]:
        """Send a request, once more with a login if the upstream wants one."""
        try:
            async with self._send(path, headers) as response:
                authorization = await self._log_in(response) if response.status == 401 else None
                if authorization is None:
                    yield response
                    return
            self._authorization = authorization
            async with self._send(path, headers) as response:
                yield response
        except UnableToGetUpstreamImageException:
            raise
        except (aiohttp.ClientError, TimeoutError, ECRError, ValueError) as error:
            raise registry_messages.upstream_failed(self.url, error) from error

    def _send(self, path: str, headers: Mapping[str, str]) -> Any:
        authorization = {} if self._authorization is None else {"Authorization": self._authorization}
        url, host = _reachable(_url(self.url))
        sent = {**headers, **host, **authorization}
        return self.session.get(url.joinpath("v2", *path.split("/")), headers=sent, timeout=TIMEOUT)

    async def _log_in(self, response: aiohttp.ClientResponse) -> str | None:
        """Return the login that a response challenges to, None if it is of an unknown kind."""
        challenge = response.headers.get("WWW-Authenticate", "")
        if SERVICE in challenge:
            return await self._log_in_to_ecr()
        scheme, _, rest = challenge.partition(" ")
        parameters = dict(PARAMETER.findall(rest))
        if scheme.lower() != "bearer" or "realm" not in parameters:
            return None
        return f"Bearer {await self._token(parameters)}"

    async def _token(self, challenge: Mapping[str, str]) -> str:
        """Return the token that anybody gets for what is challenged."""
        realm = challenge["realm"]
        if not is_on_loopback(realm):
            raise registry_messages.upstream_token_elsewhere(self.url, realm)
        query = {name: challenge[name] for name in ("service", "scope") if name in challenge}
        url, host = _reachable(URL(realm))
        async with self.session.get(url.update_query(query), headers=host, timeout=TIMEOUT) as response:
            _check(response, realm)
            document = as_object(await response.json(content_type=None)) or {}
        token = document.get("token") or document.get("access_token")
        if not isinstance(token, str):
            raise registry_messages.no_upstream_token(realm)
        return token

    async def _log_in_to_ecr(self) -> str:
        """Return the login of another embedded ECR, by the key that each of them knows."""
        url, _ = _reachable(_url(self.url))
        access_key, secret = LOCAL_KEY
        async with Session(
            endpoint_url=str(url), region=self.region, access_key_id=access_key, secret_access_key=secret
        ) as session:
            response = await ecr.get_authorization_token(
                session.service(), ecr.GetAuthorizationTokenRequest()
            )
        return f"Basic {response.authorization_data[0].authorization_token}"


def _reachable(url: URL) -> tuple[URL, dict[str, str]]:
    """Return a URL that resolves, and the header that names the host if that isn't it."""
    if (url.host or "").endswith(".localhost"):  # which plain resolvers don't know
        return url.with_host("127.0.0.1"), {"Host": url.authority}
    return url, {}


def _url(text: str) -> URL:
    return URL(text if "://" in text else f"http://{text}").origin()


def _check(response: aiohttp.ClientResponse, url: str) -> None:
    if response.status != 200:
        raise registry_messages.upstream_status(url, response.status)
