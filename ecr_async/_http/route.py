"""The way to one region's ECR: the URL, what signs for it, and the proxy before it."""

import asyncio

import attrs
from yarl import URL

from ecr_async._auth.signing import Signer
from ecr_async._config.endpoints import resolve
from ecr_async._config.settings import Config
from ecr_async._http.proxy import proxy_for
from ecr_async.errors import ConfigurationError

__all__ = ["Route", "find_route"]


@attrs.frozen(eq=False, repr=False)
class Route:
    """Where calls go. `proxy` is None where the way is direct."""

    url: URL
    signer: Signer
    proxy: URL | None


async def find_route(config: Config, region: str, endpoint_url: str | None) -> Route:
    """Resolve an endpoint; botocore's rules are read off the event loop.

    Raises `ConfigurationError` where there can be none.
    """
    options = {"use_fips": config.use_fips, "use_dualstack": config.use_dualstack}
    if endpoint_url is None:
        endpoint = await asyncio.to_thread(resolve, region, **options)
    else:
        endpoint = resolve(region, **options, endpoint_url=endpoint_url)
    url = _checked(endpoint.url)
    signer = Signer(_host_header(url), url.raw_path, endpoint.signing_region, endpoint.signing_name)
    return Route(url, signer, proxy_for(url))


def _checked(endpoint: str) -> URL:
    try:
        url = URL(endpoint)
        (url.raw_host or "").encode("idna")  # as the resolver will, but before anything is tried
    except ValueError as error:
        raise ConfigurationError(
            "the endpoint's host is not a host name: its parts, between the dots, have 1 to 63 characters"
        ) from error
    return url


def _host_header(url: URL) -> str:
    host = url.host_subcomponent or ""
    return host if url.is_default_port() or url.explicit_port is None else f"{host}:{url.explicit_port}"
