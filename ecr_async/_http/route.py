"""The way to one region's ECR: the URL, what signs for it, and the proxy before it."""

import asyncio

from yarl import URL

from ecr_async._auth.signing import Signer
from ecr_async._config.endpoints import needs_rules, resolve
from ecr_async._config.settings import Config
from ecr_async._http.proxy import Proxy, proxy_for
from ecr_async._record import Record

__all__ = ["Route", "Routes"]


class Destination(Record):
    """A URL that calls go to, the Host header there, and the proxy; None where the way is direct."""

    url: URL
    host: str
    proxy: Proxy | None


class Route(Record):
    """Where calls go. `proxy` is None where the way is direct."""

    url: URL
    signer: Signer
    proxy: Proxy | None


class Routes:
    """The routes of a session's services.

    Thousands of services may be called at a few URLs, so what a URL says is found out once for each.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._destinations: dict[str, Destination] = {}

    async def find(self, region: str, endpoint_url: str | None) -> Route:
        """Resolve an endpoint; botocore's rules are read off the event loop.

        Raises `ConfigurationError` where there can be none.
        """
        config = self._config
        options = {"use_fips": config.use_fips, "use_dualstack": config.use_dualstack}
        if endpoint_url not in {None, config.endpoint_url}:
            # The endpoint was chosen; a different kind requested by the environment doesn't count.
            options = {name: value and name in config.explicit for name, value in options.items()}
        if needs_rules(region, **options, endpoint_url=endpoint_url):
            endpoint = await asyncio.to_thread(resolve, region, **options, endpoint_url=endpoint_url)
        else:
            endpoint = resolve(region, endpoint_url=endpoint_url)
        there = self._destinations.get(endpoint.url)
        if there is None:
            there = self._destinations[endpoint.url] = self._destination(URL(endpoint.url))
        signer = Signer(there.host, there.url.raw_path, endpoint.signing_region, endpoint.signing_name)
        return Route(there.url, signer, there.proxy)

    def _destination(self, url: URL) -> Destination:
        return Destination(url, _host_header(url), proxy_for(url) if self._config.trust_env else None)


def _host_header(url: URL) -> str:
    host = url.host_subcomponent or ""
    return host if url.is_default_port() or url.explicit_port is None else f"{host}:{url.explicit_port}"
