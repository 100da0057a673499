"""The embedded ECR as an object: started, used, and gone with the block that started it."""

import asyncio
import inspect
import os
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from yarl import URL

from ecr_async._http.allocation import keep_buffers
from ecr_async.errors import ConfigurationError, ECRError
from ecr_async.local import arguments, direct
from ecr_async.local.addresses import Addresses, RegistryKey, UriStyle
from ecr_async.local.authentication import LOCAL_KEY, AccessKey, Authenticator, Caller
from ecr_async.local.backend import Backend
from ecr_async.local.clock import LocalClock
from ecr_async.local.control import make_control
from ecr_async.local.http.behaviour import Behaviour, Fault, RateLimit
from ecr_async.local.http.connections import Connections, quiet_logger
from ecr_async.local.http.interference import Interference
from ecr_async.local.http.tls import Certificates, make_certificates
from ecr_async.local.operations.lifecycle import repositories_with_policies, run_policy
from ecr_async.local.rules.registry import Rules, Scope
from ecr_async.local.server import make_application
from ecr_async.local.state.outbox import OnEvent, Outbox
from ecr_async.session import Session

__all__ = ["ACCESS_KEY", "SECRET_KEY", "LocalECR", "NotRunningError", "serve"]

ACCESS_KEY, SECRET_KEY = LOCAL_KEY
BACKLOG = 128
"""Connections that wait to be accepted."""


class NotRunningError(ECRError, RuntimeError):
    """The embedded ECR was used outside its `async with` block."""

    def __init__(self) -> None:
        super().__init__("the embedded ECR runs within its `async with` block only")


class LocalECR:
    """An ECR of your own, on loopback, for as long as its block lasts.

        async with LocalECR() as local, local.session() as session:
            await ecr.create_repository(session.service(), ecr.CreateRepositoryRequest("team/app"))

    It speaks the API over HTTP, so that boto3, the AWS CLI and others can use it too. It plays every
    region, whichever a call is signed for, and the account of whichever key it is signed with.

    Args:
        host: The address to listen on.
        port: The port to listen on; 0 takes a free one.
        data: A folder to keep the state in; made if need be. Without one the state is lost at the end.
        verify_layers: Whether the layers of a manifest must have been uploaded before it.
        verify_signatures: Whether calls must be signed, with a key that is known.
        account_id: The account of `session()`, and of calls without a known key.
        region: The region of `session()`, and of calls that aren't signed.
        access_key_id: The access key of the account `account_id`. The default is known to everybody, which
            is all right on loopback only.
        secret_access_key: Its secret.
        keys: Further access keys: `{"AKIA…": (secret_key, account_id)}`. A third item is the ARN of the
            user or role whose key it is, which pull-time update exclusions may name; left out, it is
            `arn:aws:iam::<account_id>:user/local`.
        uri_style: The form of repository URIs and login endpoints in responses: `caller` follows the name
            under which the client reached the server, `host` is
            `<account>.dkr.ecr.<region>.localhost:<port>`, `path` is `localhost:<port>/<account>/<region>`,
            `aws` is ECR's own.
        tls: Whether to serve by TLS. True makes a certificate for localhost and for the names of all
            registries, with an authority that clients have to trust: `ca_certificate`. With `data`, both
            are kept there. A pair of paths is your own certificate and its key, in PEM. Making one
            needs the extra `local`.
        clock: Seconds since the epoch, for all that is recorded and that expires; `LocalECR.clock` moves it.
            Signatures are held against the real time.
        preview_polls: How often a lifecycle policy preview is found in progress before it is complete.
        scan_polls: The same for an image scan.
        replication_polls: The same for an image's replication to other registries of this server.
        rates: Rate limits by operation: `{"DescribeImages": "20/s,burst=40"}`. Each operation of a key in a
            region has its own; calls beyond it get ECR's "Rate exceeded". An operation's name may hold `*`.
        control: Whether `/_local` serves faults, rates and the clock to other processes.
        on_event: Called with each event that ECR would send by EventBridge, once its cause is committed: a
            function, sync or async, that takes an `Event`, or an `EventSink`. What a function raises is
            logged. Events that are not sent when the server is killed are sent when it runs again with the
            same `data`.

    Raises `ConfigurationError` for an argument that makes no sense; entering the block does so for an address
    that it cannot listen on, and for a folder, a certificate or a database that it cannot use.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        data: str | Path | None = None,
        verify_layers: bool = True,
        verify_signatures: bool = True,
        account_id: str = "123456789012",
        region: str = "us-east-1",
        access_key_id: str = ACCESS_KEY,
        secret_access_key: str = SECRET_KEY,
        keys: Mapping[str, tuple[str, str] | tuple[str, str, str]] | None = None,
        uri_style: UriStyle = "caller",
        tls: bool | tuple[str | Path, str | Path] = False,
        clock: Callable[[], float] = time.time,
        preview_polls: int = 1,
        scan_polls: int = 1,
        replication_polls: int = 1,
        rates: Mapping[str, str | RateLimit] | None = None,
        control: bool = True,
        on_event: OnEvent | None = None,
    ) -> None:
        arguments.check_text(host=host, secret_access_key=secret_access_key)
        arguments.check_number("port", port, most=65535)
        arguments.check_account("account_id", account_id)
        arguments.check_region("region", region)
        arguments.check_key_id("access_key_id", access_key_id)
        arguments.check_uri_style(uri_style)
        arguments.check_switches(
            verify_layers=verify_layers, verify_signatures=verify_signatures, control=control
        )
        arguments.check_number("preview_polls", preview_polls)
        arguments.check_number("scan_polls", scan_polls)
        arguments.check_number("replication_polls", replication_polls)
        arguments.check_function("clock", clock)
        if on_event is not None:
            arguments.check_function("on_event", on_event, method="send")
        self.account_id = account_id
        self.region = region
        self.access_key_id = access_key_id
        """The access key of the account `account_id`."""
        self.secret_access_key = secret_access_key
        """The secret that belongs to `access_key_id`."""
        self._host = host
        self._port = port
        self._data = None if data is None else arguments.check_path("data", data)
        addresses = Addresses(RegistryKey(account_id, region), uri_style)
        self._rules = Rules(addresses, verify_layers, preview_polls, scan_polls, replication_polls)
        self._tls = arguments.check_tls(tls)
        self._certificates: Certificates | None = None
        self.clock = LocalClock(clock)
        """The server's time, which tests move."""
        self.behaviour = Behaviour()
        """The faults and rate limits in force."""
        self._interference = Interference(self.behaviour)
        self.behaviour.limit(arguments.read_rates(rates))
        self._control = control
        self._on_event = on_event
        own_key = AccessKey(secret_access_key, account_id)
        self._authenticator = Authenticator(
            {access_key_id: own_key, **arguments.read_keys(keys)},
            Caller(account_id, region),
            verify=verify_signatures,
            now=lambda: time.time() + self.clock.skew,
        )
        self._backend: Backend | None = None
        self._runner: web.AppRunner | None = None
        self._listener: asyncio.Server | None = None
        self._watching: asyncio.Task[None] | None = None
        self._url: URL | None = None

    async def __aenter__(self) -> Self:
        if self._backend is not None:
            raise ConfigurationError("this embedded ECR is running already")
        self.clock.check()
        keep_buffers()
        self._backend = await Backend.open(
            self._data, self._rules, self.clock, Outbox(self._on_event) if self._on_event else None
        )
        try:
            control = (
                make_control(self.behaviour, self.clock, self.reset, self.run_lifecycle_policies)
                if self._control
                else None
            )
            connections = Connections()
            application = make_application(
                self._backend, self._authenticator, self._interference, connections, control
            )
            application.on_response_prepare.append(self._date)
            self._runner = web.AppRunner(
                application,
                access_log=None,
                logger=quiet_logger(),
                shutdown_timeout=1.0,
                read_bufsize=1 << 18,
                auto_decompress=False,  # ECR takes bodies as they are
            )
            await self._runner.setup()
            context = await asyncio.to_thread(self._load_certificates, self._backend.folder.path)
            assert self._runner.server is not None
            self._listener = await self._listen(connections.admitting(self._runner.server), context)
        except BaseException:
            await self._stop()
            raise
        self._watching = connections.watch(self._runner.server)
        host, port = self._listener.sockets[0].getsockname()[:2]
        self._url = URL.build(scheme="https" if self._certificates else "http", host=host, port=port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    @property
    def endpoint_url(self) -> str:
        """Where the server is: what `endpoint_url` is to a session, and `--endpoint-url` to the AWS CLI."""
        return str(self.url)

    @property
    def url(self) -> URL:
        """The same, as a URL to build others on."""
        if self._url is None:
            raise NotRunningError
        return self._url

    @property
    def ca_certificate(self) -> Path | None:
        """The file of the authority's certificate that clients have to trust, if the server made one."""
        return self._certificates.authority if self._certificates else None

    def session(self, **options: Any) -> Session:
        """Return a session that calls this server; `options` are those of `Session`, and come first.

        It sees nothing of the environment, unless it is given a `profile`.
        """
        defaults: dict[str, Any] = {
            "endpoint_url": self.endpoint_url,
            "region": self.region,
            "trust_env": "profile" in options,
        }
        if not options.keys() & {"profile", "access_key_id", "credentials"}:
            defaults |= {"access_key_id": self.access_key_id, "secret_access_key": self.secret_access_key}
        if self.ca_certificate is not None:
            defaults["ca_bundle"] = str(self.ca_certificate)
        return Session(**(defaults | options))

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that point the AWS CLI, the SDKs and this library to the server."""
        variables = {
            "AWS_ENDPOINT_URL_ECR": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
        }
        if self.ca_certificate is not None:
            variables["AWS_CA_BUNDLE"] = str(self.ca_certificate)
        return variables

    async def call(self, request: Any, *, region: str | None = None) -> Any:
        """Carry out one request without HTTP and return its response; faults and rate limits don't affect it.

        The request is one of `account_id`, in `region` or else the server's. Raises what a call would.
        """
        backend, caller = self._running, self._caller(region)
        return await direct.call(backend, caller, self.endpoint_url, request)

    async def fill(
        self,
        requests: Iterable[Any],
        *,
        region: str | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        """Carry out many requests in one transaction and without HTTP, thousands of them a second.

            await local.fill(ecr.CreateRepositoryRequest(f"team/app-{number}") for number in range(1000))

        It is for tests that need a registry with much in it. The requests are those of `account_id`, in
        `region` or else the server's. They are taken one by one, on another thread, and `clock`, or else
        the server's, is read for each of them, so that a generator can set it to what each request needs.

        Raises what a call would. After a `ServiceError` the requests before it stay in effect; any other
        error, a `ValidationError` for instance, rolls all of them back.
        """
        backend, caller = self._running, self._caller(region)
        arguments.check_requests(requests)
        if clock is not None:
            arguments.check_function("clock", clock)
        await direct.fill(backend, caller, self.endpoint_url, requests, clock or self.clock)

    async def reset(self) -> None:
        """Empty every registry. Requests that a fault still holds up end, and their connections with them."""
        backend = self._running
        self._interference.give_up()
        await backend.reset()

    async def run_lifecycle_policies(self) -> int:
        """Expire and archive images as the repositories' lifecycle policies say, by the server's clock.

        Returns how many images it expired or archived. ECR does this by itself within a day; here, tests
        say when.
        """
        backend, url = self._running, self.endpoint_url
        scope = Scope(Caller(self.account_id, self.region), "", url)
        records = await backend.read(scope, repositories_with_policies)
        number = 0
        for record in records:
            owner = Scope(Caller(record.account, record.region), "BatchDeleteImage", url)
            number += await backend.write(owner, partial(run_policy, record=record))
        return number

    async def sweep(self) -> None:
        """Free uploads and layers that nobody has needed for a day. The server does so itself, every hour."""
        await self._running.sweep()

    def inject(self, *faults: Fault) -> AbstractContextManager[None]:
        """Put faults in force for a block.

        with local.inject(Fault(kind="throttle", operation="DescribeImages", times=3)):
            ...
        """
        return self.behaviour.injected(*faults)

    async def _listen(
        self, admit: Callable[[], asyncio.BaseProtocol], context: ssl.SSLContext | None
    ) -> asyncio.Server:
        """Begin to take connections; raises `ConfigurationError` if that cannot be."""
        try:
            return await asyncio.get_running_loop().create_server(
                admit, self._host, self._port, ssl=context, backlog=BACKLOG
            )
        except OSError as error:
            is_of_the_name = isinstance(error, socket.gaierror)
            reason = error.strerror if is_of_the_name else os.strerror(error.errno or 0)
            raise ConfigurationError(
                f"cannot listen on port {self._port} of {self._host}: {reason}"
            ) from error

    def _caller(self, region: str | None) -> Caller:
        if region is not None:
            arguments.check_region("region", region)
        return Caller(self.account_id, region or self.region)

    @property
    def _running(self) -> Backend:
        if self._backend is None or self._url is None:
            raise NotRunningError
        return self._backend

    def _load_certificates(self, folder: Path) -> ssl.SSLContext | None:
        if self._tls is False:
            return None
        if self._tls is True:
            self._certificates = make_certificates(folder / "tls", self._host)
        else:
            self._certificates = Certificates(*map(Path, self._tls))
        return self._certificates.context()

    async def _date(self, _: web.Request, response: web.StreamResponse) -> None:
        """Have responses carry the time that signatures are checked against."""
        if self.clock.skew:
            moment = datetime.fromtimestamp(time.time() + self.clock.skew, UTC)
            response.headers["Date"] = format_datetime(moment, usegmt=True)

    async def _stop(self) -> None:
        self._url = self._certificates = None
        runner, self._runner = self._runner, None
        backend, self._backend = self._backend, None
        watching, self._watching = self._watching, None
        listener, self._listener = self._listener, None
        try:
            if listener is not None:
                listener.close()
            if watching is not None:
                watching.cancel()
                await asyncio.wait([watching])
            if runner is not None:
                self._interference.give_up()
                await runner.cleanup()
        finally:
            if backend is not None:
                await backend.aclose()


async def serve(local: LocalECR, started: Callable[[LocalECR], object] = lambda local: None) -> None:
    """Run an embedded ECR until this is cancelled.

    `started` is called once the server listens; what it returns is awaited if it can be.
    """
    async with local:
        beginning = started(local)
        if inspect.isawaitable(beginning):
            await beginning
        await asyncio.Event().wait()
