"""Session: who calls, over which connections, and with which settings."""

from __future__ import annotations

import asyncio
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from types import TracebackType, UnionType
from typing import Self, cast

import aiohttp

from ecr_async import api
from ecr_async._arguments import kind_fault, number_fault
from ecr_async._auth.assumed_role import RoleAssumer
from ecr_async._auth.botocore_chain import botocore_chain
from ecr_async._auth.cached_credentials import CachedCredentials
from ecr_async._auth.clock import Clock
from ecr_async._auth.credentials import Credentials, CredentialsProvider, static
from ecr_async._config import settings as configuration
from ecr_async._config.endpoints import check_region, check_url
from ecr_async._config.settings import Config, RetryMode
from ecr_async._http.pool import ConnectionPool
from ecr_async._http.route import Routes
from ecr_async._http.transport import Transport
from ecr_async._http.user_agent import user_agent
from ecr_async._pipeline.instrumentation import Telemetry
from ecr_async._pipeline.runtime import Runtime
from ecr_async._retry.standard import RetryConfig, RetryStrategy
from ecr_async._secret import hide
from ecr_async.errors import ConfigurationError, CredentialsError, SessionClosedError
from ecr_async.service import Service

__all__ = ["OpenSession", "RoleSession", "Session"]


class OpenSession(ABC):
    """What a session and one that `assume_role` returns have in common."""

    @property
    @abstractmethod
    def runtime(self) -> Runtime:
        """What the session's services share; not part of the public interface."""

    @abstractmethod
    async def aclose(self) -> None:
        """Stop renewing credentials. Later calls raise `SessionClosedError`."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def service(self, region: str | None = None, *, endpoint_url: str | None = None) -> Service:
        """Return one region's ECR; by default the session's own region and endpoint.

        Raises `ConfigurationError` when there is no region anywhere, or `region` or `endpoint_url` isn't one.
        """
        runtime = self.runtime
        endpoint_url = hide(endpoint_url)
        endpoint_url = endpoint_url and check_url(endpoint_url)
        config = runtime.config
        retries = RetryStrategy(
            RetryConfig(config.max_attempts or 3, is_paced=config.retry_mode == "adaptive")
        )
        return Service(
            runtime,
            _checked_region(region) if region is not None else config.require_region(),
            endpoint_url or config.endpoint_url,
            retries,
        )

    async def get_credentials(self) -> Credentials:
        """Return the credentials that calls are signed with, renewed if they are about to expire.

        Raises `CredentialsError` when there are none, and `SessionClosedError` when the session isn't open.
        """
        self.runtime.check_usable()
        return await self.runtime.credentials.get()

    @property
    def config(self) -> Config:
        """The settings in effect."""
        return self.runtime.config

    def assume_role(
        self,
        role_arn: str,
        *,
        session_name: str = "ecr-async",
        external_id: str | None = None,
        duration: int = 3600,
    ) -> RoleSession:
        """Return a session that calls with the credentials of a role, of another account for instance.

        It shares this session's connections, settings and clock, and ends with it. STS is called by its
        first call, and again ahead of expiry; the credentials that it is called with are this session's.

        Args:
            role_arn: The role, such as `arn:aws:iam::123456789012:role/ecr-reader`.
            session_name: The name under which CloudTrail shows the calls, of 2 to 64 characters.
            external_id: The ID that the role's trust policy may require of another organisation's callers.
            duration: The life of the credentials in seconds, from 900 up to what the role allows; 3,600 at
                most where this session has a role itself.

        Raises `ValidationError` for what STS would reject, and `SessionClosedError` when the session isn't
        open. The session's calls raise `CredentialsError` where STS doesn't let the role be assumed.
        """
        from ecr_async._auth.role import Role  # noqa: PLC0415 - few sessions assume roles

        role = Role(role_arn, session_name, duration, external_id)
        return RoleSession(role.arn, role.account, self.runtime.child(role))


class RoleSession(OpenSession):
    """A session with the credentials of a role; `Session.assume_role` makes them.

    It is open from the start. Closing it, or leaving it as an `async with` block, is only needed to stop
    the renewal of its credentials before the session that it comes from is closed.
    """

    def __init__(self, role_arn: str, account: str, runtime: Runtime) -> None:
        self.role_arn = role_arn
        self.account = account
        self._runtime = runtime

    def __repr__(self) -> str:
        return f"<RoleSession {self.role_arn}>"

    async def __aenter__(self) -> Self:
        self._runtime.check_open()
        return self

    async def aclose(self) -> None:
        """Stop renewing the role's credentials. Later calls raise `SessionClosedError`."""
        if not self._runtime.is_closed:
            await self._runtime.aclose()

    @property
    def runtime(self) -> Runtime:
        """What the session's services share; not part of the public interface."""
        self._runtime.check_open()
        return self._runtime


class Session(OpenSession):
    """Credentials, a connection pool and settings: what all calls of a program share.

        async with Session(profile="prod") as session:
            service = session.service("eu-west-1")

    Whatever is not given comes from the environment, then from the shared config file, as the AWS SDKs
    document it. Entering the block reads them; leaving it closes every connection.

    Args:
        profile: A profile of the shared config files.
        region: The default of `service`.
        access_key_id: Explicit credentials, together with `secret_access_key` and, for temporary ones,
            `session_token`.
        credentials: An async callable that supplies `Credentials`; called again when they run out.
        credentials_timeout: Seconds for resolving credentials, whichever source they come from; None for no
            bound.
        endpoint_url: Where ECR is to be found, instead of the region's own endpoint.
        sts_endpoint_url: Where STS is to be found, which `assume_role` calls; by default that of the region.
        use_fips: Use the region's FIPS 140 endpoint.
        use_dualstack: Use the region's endpoint that has IPv6 too.
        pool_timeout: Seconds that a call waits for one of the session's connections to come free before it
            raises `PoolTimeoutError`. This isn't part of an attempt's time. None for no bound.
        connect_timeout: Seconds for making a connection.
        timeout: Seconds for one attempt, from the connection that it got to the response's last byte, and
            another second for each 32 KiB of a large body that is transferred; None for no bound.
        read_timeout: Seconds of silence while a response is awaited or read. It costs a timer for each
            piece that arrives, so by default `timeout` alone bounds an attempt.
        max_connections: How many connections are open at once, over all services; a call beyond them
            waits.
        retry_mode: `standard`, or `adaptive`, which also paces calls to what the service admits.
        max_attempts: How often a call is sent at most, the first time included.
        verify: Whether TLS certificates are checked. False warns, and is for tests.
        ca_bundle: A file of certificates, in PEM, to trust instead of the system's.
        app_id: The application's name in the User-Agent header.
        trust_env: Whether the environment counts: its variables, proxies among them, and the shared config
            files. Without it nothing but these arguments does, so `credentials` or keys must be given.
        trace_configs: aiohttp's own hooks into connections and requests.
        telemetry: Receives a report of each call, for instance `ecr_async.telemetry.OpenTelemetry()`.
        transport: Makes the attempts instead of a connection pool of the session's own; for tests. The
            arguments that concern connections are then without effect.
        clock: The time, in seconds since the epoch; for tests.
        monotonic: The clock that durations are measured with, in seconds; for tests.

    Raises `ConfigurationError`, here or on entering, for invalid settings, and `CredentialsError` for
    invalid keys.
    """

    def __init__(
        self,
        *,
        profile: str | None = None,
        region: str | None = None,
        access_key_id: str | None = None,
        secret_access_key: str | None = None,
        session_token: str | None = None,
        credentials: CredentialsProvider | None = None,
        credentials_timeout: float | None = 60.0,
        endpoint_url: str | None = None,
        sts_endpoint_url: str | None = None,
        use_fips: bool | None = None,
        use_dualstack: bool | None = None,
        pool_timeout: float | None = 600.0,
        connect_timeout: float | None = 5.0,
        read_timeout: float | None = None,
        timeout: float | None = 120.0,
        max_connections: int = 100,
        retry_mode: RetryMode | None = None,
        max_attempts: int | None = None,
        verify: bool = True,
        ca_bundle: str | os.PathLike[str] | None = None,
        app_id: str | None = None,
        trust_env: bool = True,
        trace_configs: Sequence[aiohttp.TraceConfig] = (),
        telemetry: Telemetry | None = None,
        transport: Transport | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.perf_counter,
    ) -> None:
        # Rebound, so that a traceback that shows local variables shows no secret.
        secret_access_key, session_token = hide(secret_access_key), hide(session_token)
        endpoint_url, sts_endpoint_url = hide(endpoint_url), hide(sts_endpoint_url)
        _check_kinds(bool, verify=verify, trust_env=trust_env)
        _check_kinds(str | None, profile=profile, region=region, retry_mode=retry_mode, app_id=app_id)
        if ca_bundle is not None and not isinstance(cast("object", ca_bundle), str | os.PathLike):
            raise ConfigurationError(f"ca_bundle must be a path, not {type(ca_bundle).__name__}")
        _check_kinds(bool | None, use_fips=use_fips, use_dualstack=use_dualstack)
        _check_hooks(trace_configs)
        _check_methods("telemetry", telemetry, "call", "attempt")
        _check_methods("transport", transport, "open", "aclose", "connection", "backlog", "download")
        _check_functions(clock=clock, monotonic=monotonic)
        if fault := number_fault(max_connections, least=1, whole=True):
            raise ConfigurationError(f"max_connections {fault}")
        _check_timeouts(
            pool_timeout=pool_timeout,
            connect_timeout=connect_timeout,
            credentials_timeout=credentials_timeout,
            read_timeout=read_timeout,
            timeout=timeout,
        )
        self._profile = profile
        self._is_entered = False
        self._provider = _explicit_provider(access_key_id, secret_access_key, session_token, credentials)
        if not trust_env and (profile is not None or self._provider is None):
            raise ConfigurationError(
                "trust_env=False reads no profile, and needs credentials, or access_key_id and secret_access_key"
            )
        self._trust_env = trust_env
        self._sts_endpoint_url = sts_endpoint_url and check_url(sts_endpoint_url, "sts_endpoint_url")
        self._credentials_timeout = credentials_timeout
        self._load_config = partial(
            configuration.load,
            profile=profile,
            trust_env=trust_env,
            has_credentials=self._provider is not None,
            region=region,
            endpoint_url=endpoint_url,
            use_fips=use_fips,
            use_dualstack=use_dualstack,
            max_attempts=max_attempts,
            retry_mode=retry_mode,
            app_id=app_id,
            ca_bundle=ca_bundle,
        )
        self._open_transport = partial(
            ConnectionPool,
            pool_timeout=pool_timeout,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            timeout=timeout,
            max_connections=max_connections,
            verify=verify,
            trace_configs=trace_configs,
        )
        self._transport = transport
        self._max_connections = max_connections
        self._telemetry = telemetry
        self._clock = Clock(clock, monotonic)
        self._monotonic = monotonic
        self._runtime: Runtime | None = None

    async def __aenter__(self) -> Self:
        if self._is_entered:
            raise SessionClosedError("a session can be entered once; make another")
        self._is_entered = True
        if self._trust_env and configuration.needs_files(self._profile):
            config = await asyncio.to_thread(self._load_config)
        else:
            config = self._load_config()
        transport = self._transport or self._open_transport(
            ca_bundle=config.ca_bundle, user_agent=user_agent(config.retry_mode, config.app_id)
        )
        provider = self._provider or botocore_chain(self._profile, config.region, ca_bundle=config.ca_bundle)
        runtime = Runtime(
            config=config,
            routes=Routes(config),
            credentials=CachedCredentials(
                provider,
                clock=self._clock.now,
                monotonic=self._monotonic,
                timeout=self._credentials_timeout,
            ),
            clock=self._clock,
            monotonic=self._monotonic,
            transport=transport,
            max_connections=self._max_connections,
            telemetry=self._telemetry,
            find_error=api.error_named,
            role_assumer=RoleAssumer(
                profile=self._profile,
                region=config.region,
                ca_bundle=config.ca_bundle,
                endpoint_url=self._sts_endpoint_url,
                trust_env=config.trust_env,
            ),
        )
        await transport.open()  # the last thing that can fail, so that nothing has to be closed again
        self._runtime = runtime
        return self

    async def aclose(self) -> None:
        """Close every connection and stop renewing credentials. Later calls raise `SessionClosedError`.

        That ends the sessions that `assume_role` has returned, too.
        """
        if self._runtime is not None and not self._runtime.is_closed:
            await self._runtime.aclose()

    @property
    def runtime(self) -> Runtime:
        """What the session's services share; not part of the public interface.

        Raises `SessionClosedError` when the session isn't open.
        """
        if self._runtime is None:
            raise SessionClosedError("enter the session with `async with` first")
        self._runtime.check_open()
        return self._runtime


def _checked_region(region: object) -> str:
    try:
        return check_region(region)
    except ValueError as wrong:
        raise ConfigurationError(f"region: {str(region)[:80]!r} {wrong}") from None


def _check_kinds(kind: type | UnionType, **arguments: object) -> None:
    for name, value in arguments.items():
        if fault := kind_fault(kind, value):
            raise ConfigurationError(f"{name} {fault}")


def _check_methods(name: str, value: object, *methods: str) -> None:
    """Check an object that is to have these methods; None is none."""
    for method in methods:
        if value is not None and not callable(getattr(value, method, None)):
            raise ConfigurationError(
                f"{name} must have a method {method}, and {type(value).__name__} has none"
            )


def _check_functions(**functions: object) -> None:
    for name, value in functions.items():
        if not callable(value):
            raise ConfigurationError(f"{name} must be a function, not {type(value).__name__}")


def _check_hooks(trace_configs: object) -> None:
    if isinstance(trace_configs, str | bytes) or not isinstance(trace_configs, Sequence):
        raise ConfigurationError(
            f"trace_configs must be a list of aiohttp.TraceConfig, not {type(trace_configs).__name__}"
        )
    for index, each in enumerate(cast("Sequence[object]", trace_configs)):
        if fault := kind_fault(aiohttp.TraceConfig, each):
            raise ConfigurationError(f"trace_configs[{index}] {fault}")


def _check_timeouts(**timeouts: float | None) -> None:
    for name, seconds in timeouts.items():
        # aiohttp would take 0 for no bound.
        if seconds is not None and (fault := number_fault(seconds, above=0, unit=" seconds")):
            bound, _, given = fault.rpartition(", not ")
            raise ConfigurationError(f"{name} {bound}, or None for no bound, not {given}")


def _explicit_provider(
    access_key_id: str | None,
    secret_access_key: str | None,
    session_token: str | None,
    credentials: CredentialsProvider | None,
) -> CredentialsProvider | None:
    given = access_key_id is not None or secret_access_key is not None or session_token is not None
    if not given:
        if credentials is not None and not callable(credentials):
            name = type(credentials).__name__
            raise ConfigurationError(f"credentials must be an async function that supplies them, not {name}")
        return credentials
    if credentials is not None:
        raise ConfigurationError("give either credentials or access_key_id and secret_access_key, not both")
    if access_key_id is None or secret_access_key is None:
        raise ConfigurationError("access_key_id and secret_access_key go together")
    try:
        return static(Credentials(access_key_id, secret_access_key, session_token))
    except CredentialsError as error:
        raise CredentialsError(f"the session's arguments: {error}") from None
