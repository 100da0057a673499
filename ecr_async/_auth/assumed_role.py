"""Credentials of a role, which STS lets the caller assume.

botocore makes the call, in threads, with its own endpoints, retries and error handling; one of its clients
serves all roles that are assumed with the same credentials.

See https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from functools import partial
from importlib import import_module
from typing import Any

import attrs

from ecr_async._auth.botocore_session import new_botocore_session
from ecr_async._auth.credentials import Credentials, CredentialsProvider
from ecr_async._auth.daemon_thread import run_in_daemon_thread
from ecr_async._config.partitions import home_region
from ecr_async.errors import CredentialsError, ValidationError

__all__ = ["Role", "RoleAssumer", "check_role_name"]

CONCURRENCY = 16
"""Roles that are assumed at once; each takes a thread meanwhile."""

CLIENTS = 8
"""botocore's clients that are kept, one for each set of credentials that roles are assumed with."""

_ROLE_NAME = r"(?:[!-9;-~]{1,510}/)?[\w+=,.@-]{1,64}"
_ARN = rf"arn:aws[a-z-]*:iam::\d{{12}}:role/{_ROLE_NAME}"
_SESSION_NAME = r"[\w+=,.@-]{2,64}"
_EXTERNAL_ID = r"[\w+=,.@:/-]{2,1224}"


def _check_arn(_: Any, __: Any, value: Any) -> None:
    if not isinstance(value, str) or not re.fullmatch(_ARN, value, re.ASCII):
        raise ValidationError("role_arn", "must be of the form arn:aws:iam::123456789012:role/name")


def check_role_name(name: object) -> str:
    """Return a role's name, with its path if it has one. Raises `ValidationError` for an invalid one."""
    if not isinstance(name, str) or not re.fullmatch(_ROLE_NAME, name, re.ASCII):
        raise ValidationError("role", "must be a role's name, as in the ARN after role/")
    return name


def _check_session_name(_: Any, __: Any, value: Any) -> None:
    if not isinstance(value, str) or not re.fullmatch(_SESSION_NAME, value, re.ASCII):
        raise ValidationError("session_name", "must be 2 to 64 letters, digits, or characters of _+=,.@-")


def _check_external_id(_: Any, __: Any, value: Any) -> None:
    if value is not None and (not isinstance(value, str) or not re.fullmatch(_EXTERNAL_ID, value, re.ASCII)):
        raise ValidationError("external_id", "must be 2 to 1,224 letters, digits, or characters of _+=,.@:/-")


def _check_duration(_: Any, __: Any, value: Any) -> None:
    if not isinstance(value, int) or not 900 <= value <= 43200:
        raise ValidationError("duration", "must be a whole number of seconds from 900 to 43,200")


@attrs.frozen
class Role:
    """A role, and how to assume it. Raises `ValidationError` for what STS would reject."""

    arn: str = attrs.field(validator=_check_arn)
    session_name: str = attrs.field(validator=_check_session_name)
    duration: int = attrs.field(validator=_check_duration)
    external_id: str | None = attrs.field(default=None, validator=_check_external_id, repr=False)

    @property
    def account(self) -> str:
        """The account that the role is in."""
        return self.arn.split(":")[4]

    @property
    def partition(self) -> str:
        """The partition that the role is in."""
        return self.arn.split(":")[1]


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
