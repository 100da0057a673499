"""A registry that images are cached from: another embedded ECR, or any other on loopback."""

import ipaddress
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import attrs
from yarl import URL

from ecr_async import api as ecr
from ecr_async.api.images import UnableToGetUpstreamImageException
from ecr_async.errors import ECRError
from ecr_async.local.authentication import LOCAL_KEY
from ecr_async.local.distribution.login import SERVICE
from ecr_async.oci.media_types import MANIFEST_MEDIA_TYPES
from ecr_async.session import Session

__all__ = ["Upstream", "is_on_loopback"]

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
                challenge = response.headers.get("WWW-Authenticate", "")
                if response.status != 401 or SERVICE not in challenge:
                    yield response
                    return
            self._authorization = await self._log_in()
            async with self._send(path, headers) as response:
                yield response
        except (aiohttp.ClientError, TimeoutError, ECRError) as error:
            raise UnableToGetUpstreamImageException(
                f"Unable to get the image from the upstream registry '{self.url}': {error}"
            ) from error

    def _send(self, path: str, headers: Mapping[str, str]) -> Any:
        url = _url(self.url)
        sent = dict(headers)
        if (url.host or "").endswith(".localhost"):  # which plain resolvers don't know
            sent["Host"] = url.authority
            url = url.with_host("127.0.0.1")
        if self._authorization is not None:
            sent["Authorization"] = self._authorization
        return self.session.get(url.joinpath("v2", *path.split("/")), headers=sent, timeout=TIMEOUT)

    async def _log_in(self) -> str:
        """Return the login of another embedded ECR, by the key that each of them knows."""
        url = _url(self.url)
        if (url.host or "").endswith(".localhost"):
            url = url.with_host("127.0.0.1")
        access_key, secret = LOCAL_KEY
        async with Session(
            endpoint_url=str(url), region=self.region, access_key_id=access_key, secret_access_key=secret
        ) as session:
            response = await ecr.get_authorization_token(
                session.service(), ecr.GetAuthorizationTokenRequest()
            )
        return f"Basic {response.authorization_data[0].authorization_token}"


def _url(text: str) -> URL:
    return URL(text if "://" in text else f"http://{text}").origin()


def _check(response: aiohttp.ClientResponse, url: str) -> None:
    if response.status != 200:
        raise UnableToGetUpstreamImageException(
            f"The upstream registry '{url}' responded with the status {response.status}"
        )
