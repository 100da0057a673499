"""The helper's commands: `get`, `list`, `store` and `erase`, on standard input and output.

See https://github.com/docker/docker-credential-helpers
"""

import asyncio
import atexit
import gc
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from ecr_async.errors import ECRError
from ecr_async.oci.references import RegistryHost
from ecr_async.session import Session
from ecr_async.transfer.login.credential_helper.identity import identity_of
from ecr_async.transfer.login.credential_helper.mapping import Mapping, mapping_file, read_mapping
from ecr_async.transfer.login.credential_helper.token_cache import TokenCache, cache_folder
from ecr_async.transfer.login.registry_credentials import RegistryCredentials, registry_credentials

__all__ = ["main"]

NOT_FOUND = "credentials not found in native keychain"
"""What docker takes for "log in to this registry without a password"; any other message is an error."""

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def main() -> None:
    """Carry out the command in the arguments; a failure is one line on standard output, and exit status 1.

    docker reads the message there.
    """
    commands: dict[str, Callable[[str], str]] = {"get": _get, "list": _list, "store": _store, "erase": _erase}
    command = commands.get(sys.argv[1]) if len(sys.argv) == 2 else None
    if command is None:
        sys.exit("usage: docker-credential-ecr-async get|list|store|erase")
    atexit.register(gc.freeze)  # at its end the interpreter looks for garbage, which takes longer than this
    try:
        text = "" if command is _list else sys.stdin.read(64 * 1024)
        output = command(text.strip())
    except (ECRError, OSError) as error:
        print(" ".join(str(error).split()))
        sys.exit(1)
    except _NotFoundError:
        print(NOT_FOUND)
        sys.exit(1)
    if output:
        print(output)


class _NotFoundError(Exception):
    """A registry that is not in ECR."""


def _get(server: str) -> str:
    """Return the login for a registry, from the cache or from ECR."""
    host = _host(server)
    registry = RegistryHost.parse(host)
    if registry is None and not _is_embedded(host):
        raise _NotFoundError
    mapping = read_mapping(mapping_file(), host)
    # An embedded ECR that was started anew doesn't know the logins of the one before: they aren't kept.
    is_kept = registry is not None and registry.endpoint_url is None
    identity = identity_of(mapping)
    cache = TokenCache(cache_folder(), time.time)
    login = cache.read(identity, host) if is_kept else None
    if login is None:
        login = asyncio.run(_fetch(registry, mapping))
        if is_kept:
            cache.write(identity, host, login)
    return json.dumps({"ServerURL": server, "Username": login.username, "Secret": login.password})


def _list(_: str) -> str:
    """Return the registries that were logged in to; any other of ECR's can be, without being listed."""
    return json.dumps({f"https://{host}": "AWS" for host in TokenCache(cache_folder(), time.time).hosts()})


def _store(text: str) -> str:
    """Accept a login for ECR, which need not be stored. Raises for other registries, whose would be lost."""
    try:
        document: Any = json.loads(text)
        host = _host(str(document["ServerURL"]))
    except (KeyError, RecursionError, TypeError, ValueError):
        raise ECRError("store: the input is not a login in JSON") from None
    if RegistryHost.parse(host) is None and not _is_embedded(host):
        raise ECRError(f"{host} is not a registry of ECR: this helper stores nothing")
    return ""


def _erase(server: str) -> str:
    """Forget the login for a registry, so that the next one is new."""
    host = _host(server)
    if RegistryHost.parse(host) is not None:
        TokenCache(cache_folder(), time.time).remove(host)
    return ""


async def _fetch(registry: RegistryHost | None, mapping: Mapping) -> RegistryCredentials:
    """Log in to a registry; without one to that of the environment's region and endpoint."""
    session = Session(
        profile=mapping.profile,
        region=None if registry is None else registry.region,
        access_key_id=mapping.access_key_id,
        secret_access_key=mapping.secret_access_key,
        endpoint_url=mapping.endpoint_url or (None if registry is None else registry.endpoint_url),
        use_fips=True if registry is not None and registry.is_fips else None,
        use_dualstack=True if registry is not None and registry.is_dual_stack else None,
    )
    async with session:
        if mapping.role_arn is None:
            return await registry_credentials(session.service())
        return await registry_credentials(session.assume_role(mapping.role_arn).service())


def _is_embedded(host: str) -> bool:
    """Whether a host is the embedded ECR that the environment points to, as `serve --env` has it do."""
    try:
        named, endpoint = urlsplit(f"//{host}"), urlsplit(os.environ.get("AWS_ENDPOINT_URL_ECR", ""))
        return named.port == endpoint.port and {named.hostname, endpoint.hostname} <= LOOPBACK
    except ValueError:  # no port
        return False


def _host(server: str) -> str:
    """Return the host in what docker calls a server URL, which may have a scheme and a path."""
    url = server if "://" in server else f"//{server}"
    return urlsplit(url).netloc.rpartition("@")[2].lower()
