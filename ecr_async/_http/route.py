"""The way to one region's ECR: the URL, what signs for it, and the proxy before it."""

import asyncio

import attrs
from yarl import URL

from ecr_async._auth.signing import Signer
from ecr_async._config.endpoints import needs_rules, resolve
from ecr_async._config.settings import Config
from ecr_async._http.proxy import Proxy, proxy_for

__all__ = ["Route", "find_route"]


@attrs.frozen(eq=False, repr=False)
class Route:
    """Where calls go. `proxy` is None where the way is direct."""

    url: URL
    signer: Signer
    proxy: Proxy | None


async def find_route(config: Config, region: str, endpoint_url: str | None) -> Route:
    """Resolve an endpoint; botocore's rules are read off the event loop.

    Raises `ConfigurationError` where there can be none.
    """
    options = {"use_fips": config.use_fips, "use_dualstack": config.use_dualstack}
    if endpoint_url not in {None, config.endpoint_url}:
        # The endpoint was chosen; a different kind requested by the environment doesn't count.
        options = {name: value and name in config.explicit for name, value in options.items()}
    if needs_rules(region, **options, endpoint_url=endpoint_url):
        endpoint = await asyncio.to_thread(resolve, region, **options, endpoint_url=endpoint_url)
    else:
        endpoint = resolve(region, endpoint_url=endpoint_url)
    url = URL(endpoint.url)
    signer = Signer(_host_header(url), url.raw_path, endpoint.signing_region, endpoint.signing_name)
    return Route(url, signer, proxy_for(url) if config.trust_env else None)


def _host_header(url: URL) -> str:
    host = url.host_subcomponent or ""
    return host if url.is_default_port() or url.explicit_port is None else f"{host}:{url.explicit_port}"
