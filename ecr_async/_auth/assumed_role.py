"""Credentials of a role, which STS lets the caller assume.

botocore makes the call, in threads, with its own endpoints, retries and error handling; one of its clients
serves all roles that are assumed with the same credentials.

See https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ecr_async._auth.botocore_session import new_botocore_session
from ecr_async._auth.credentials import Credentials, CredentialsProvider
from ecr_async._auth.daemon_thread import run_in_daemon_thread
from ecr_async._config.partitions import home_region
from ecr_async.errors import CredentialsError

if TYPE_CHECKING:
    from ecr_async._auth.role import Role

__all__ = ["RoleAssumer"]

CONCURRENCY = 16
"""Roles that are assumed at once; each takes a thread meanwhile."""

CLIENTS = 8
"""botocore's clients that are kept, one for each set of credentials that roles are assumed with."""


class RoleAssumer:
    """Assumes roles for one session, some at a time.

    `region` is the region whose STS is called; None means one of the role's partition. `endpoint_url`
    replaces its endpoint. Without `trust_env`, botocore sees nothing of the environment either.
    """

    def __init__(
        self,
        *,
        profile: str | None = None,
        region: str | None = None,
        ca_bundle: str | None = None,
        endpoint_url: str | None = None,
        trust_env: bool = True,
    ) -> None:
        self._profile = profile
        self._region = region
        self._ca_bundle = ca_bundle
        self._endpoint_url = endpoint_url
        self._trust_env = trust_env
        self._turns = asyncio.Semaphore(CONCURRENCY)
        self._clients: dict[tuple[Credentials, str], Any] = {}

    def provider(self, role: Role, source: Callable[[], Awaitable[Credentials]]) -> CredentialsProvider:
        """Return a provider of the role's credentials, assumed with those of `source` each time.

        Raises `CredentialsError`, which names the role, why STS rejected the call, and what to do.
        """

        async def provide() -> Credentials:
            credentials = await source()
            async with self._turns:
                return await run_in_daemon_thread(partial(self._assume, role, credentials))

        return provide

    def _assume(self, role: Role, source: Credentials) -> Credentials:
        """Call STS, in a thread."""
        request = {
            "RoleArn": role.arn,
            "RoleSessionName": role.session_name,
            "DurationSeconds": role.duration,
        }
        if role.external_id is not None:
            request["ExternalId"] = role.external_id
        try:
            client = self._client(source, self._region or home_region(role.partition))
            return _credentials(client.assume_role(**request)["Credentials"])
        except Exception as error:
            failure = _reason(error)
        # Out of the handler, so that botocore's error, which may hold a secret, is not chained.
        raise CredentialsError(f"role {role.arn} could not be assumed: {failure}")

    def _client(self, source: Credentials, region: str) -> Any:
        key = source, region
        client = self._clients.get(key)
        if client is None:
            while len(self._clients) >= CLIENTS:
                self._clients.pop(next(iter(self._clients)), None)
            client = self._clients[key] = self._new_client(source, region)
        return client

    def _new_client(self, source: Credentials, region: str) -> Any:
        session = new_botocore_session(self._profile, region, self._ca_bundle, trust_env=self._trust_env)
        options: dict[str, Any] = {"max_pool_connections": CONCURRENCY}
        if not self._trust_env:
            options |= {"proxies": {}, "ignore_configured_endpoint_urls": True}
        return session.create_client(
            "sts",
            region_name=region,
            endpoint_url=self._endpoint_url,
            aws_access_key_id=source.access_key_id,
            aws_secret_access_key=source.secret_access_key,
            aws_session_token=source.session_token,
            config=import_module("botocore.config").Config(**options),
        )


def _reason(error: Exception) -> str:
    from ecr_async._auth.chain_failures import Failure  # noqa: PLC0415 - loaded for a failure alone

    return Failure("", "", error).reason()


def _credentials(found: Any) -> Credentials:
    return Credentials(
        found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"], found["Expiration"]
    )
