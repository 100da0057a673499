"""The files around logins, docker's, our cache's and the helper's own: read, or rejected without a word of
what is in them.
"""

import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from ecr_async.errors import ConfigurationError
from ecr_async.transfer.login.credential_helper.mapping import read_mapping
from ecr_async.transfer.login.credential_helper.token_cache import TokenCache
from ecr_async.transfer.login.docker_config import with_login
from ecr_async.transfer.login.registry_credentials import RegistryCredentials
from tests.fuzz.folder import folder_of
from tests.fuzz.outcomes import CANARY, rejected
from tests.fuzz.target import Target

__all__ = ["TARGETS"]

HOST = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
LOGIN = RegistryCredentials("AWS", "password", f"https://{HOST}", datetime(2099, 1, 1, tzinfo=UTC))


def _docker(tried: bytes) -> str:
    try:
        changed = json.loads(with_login(tried, LOGIN))
    except ConfigurationError as error:
        return rejected(error, [CANARY])
    assert changed["auths"][HOST] == {"auth": LOGIN.basic}
    if tried.strip():
        before = json.loads(tried)
        assert changed.keys() >= before.keys()
        assert changed["auths"].keys() >= before.get("auths", {}).keys()
    return "changed"


@cache
def _cache() -> tuple[TokenCache, Path]:
    """Return a cache, and the path of a login in it."""
    kept = TokenCache(folder_of("logins"), lambda: 1.7e9)
    kept.write("me", HOST, LOGIN)
    [path] = folder_of("logins").glob("me-*")
    return kept, path


def _cached(tried: bytes) -> str:
    kept, path = _cache()
    path.write_bytes(tried)
    found = kept.read("me", HOST)
    assert found is None or found.expires_at.timestamp() > 1.7e9
    return "nothing" if found is None else "a login"


def _mapping(tried: bytes) -> str:
    path = folder_of("logins") / "registries.toml"
    path.write_bytes(tried)
    try:
        found = read_mapping(path, HOST)
    except ConfigurationError as error:
        return rejected(error, [CANARY])
    assert CANARY not in repr(found)
    return "mapping"


TARGETS = [
    Target(
        "login docker",
        [
            json.dumps(
                {"auths": {HOST: {"auth": CANARY}, "b": {}}, "credHelpers": {"c": "d"}, "n": 1.5}
            ).encode(),
            b"{}",
        ],
        _docker,
        share=2,
    ),
    Target(
        "login cache",
        [
            json.dumps(
                {
                    "username": "AWS",
                    "password": CANARY,
                    "endpoint": HOST,
                    "expires_at": "2030-01-01T00:00:00Z",
                }
            ).encode()
        ],
        _cached,
        words=[b"0001-01-01T00:00:00+23:59", b"9999-12-31T23:59:59-23:59", b"2030-01-01T00:00:00"],
        share=2,
    ),
    Target(
        "login mapping",
        [
            b'[[registry]]\nmatch = "1*.amazonaws.com"\nprofile = "prod"\n[[registry]]\nmatch = "*"\n'
            b'access_key_id = "AKIA"\nsecret_access_key = "%b"\nendpoint_url = "http://a"\n' % CANARY.encode()
        ],
        _mapping,
        words=[
            b"[[registry]]\n",
            b'match = "',
            b"[a-",
            b"\n",
            b'"""',
            b"= 1979-05-27T07:32:00Z\n",
            b"[[",
            b"'",
        ],
        share=2,
    ),
]
