"""The proxy that the environment prescribes for an endpoint."""

import urllib.request

from yarl import URL

from ecr_async.errors import ConfigurationError

__all__ = ["proxy_for"]


def proxy_for(url: URL) -> URL | None:
    """Return the proxy that HTTPS_PROXY, HTTP_PROXY and NO_PROXY prescribe for a URL.

    aiohttp's own reading of them takes a thread for each request; we ask once for an endpoint. Raises
    `ConfigurationError` for one that is not an HTTP proxy's URL, without repeating it: it may hold a
    password.
    """
    proxy = urllib.request.getproxies().get(url.scheme)
    if proxy is None or urllib.request.proxy_bypass(f"{url.host_subcomponent}:{url.port}"):
        return None
    try:
        found = URL(proxy if "://" in proxy else f"http://{proxy}")
    except ValueError:
        found = URL()
    if found.scheme not in {"http", "https"} or not found.host:
        raise ConfigurationError(
            f"the environment's {url.scheme.upper()}_PROXY is not of the form http://host:port"
        )
    return found
