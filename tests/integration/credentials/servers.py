"""Endpoints that hand out credentials, each as much of the real one as botocore uses."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import attrs
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

Serve: TypeAlias = Callable[[web.Application], Awaitable[str]]
"""Serves an application on loopback, and gives its URL."""


def rfc3339(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@attrs.define
class ContainerEndpoint:
    """The credentials endpoint of an ECS or EKS container agent."""

    expiration: datetime
    authorizations: list[str | None] = attrs.field(factory=list)

    async def respond(self, request: web.Request) -> web.Response:
        self.authorizations.append(request.headers.get("Authorization"))
        return web.json_response(
            {
                "AccessKeyId": "CONTAINERKEY",
                "SecretAccessKey": "s",
                "Token": "t",
                "Expiration": rfc3339(self.expiration),
            }
        )

    async def start(self, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
        application = web.Application()
        application.router.add_get("/", self.respond)
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", await serve(application))


@attrs.define
class InstanceMetadata:
    """Instance metadata, version 2 only: without a session's token there is no response."""

    expiration: datetime
    requests: list[str] = attrs.field(factory=list)

    async def token(self, request: web.Request) -> web.Response:
        assert request.headers["X-aws-ec2-metadata-token-ttl-seconds"]
        return web.Response(text="session-token")

    async def metadata(self, request: web.Request) -> web.Response:
        if request.headers.get("X-aws-ec2-metadata-token") != "session-token":
            return web.Response(status=401)
        self.requests.append(request.path)
        if request.path.endswith("/security-credentials/"):
            return web.Response(text="instance-role")
        return web.json_response(
            {
                "Code": "Success",
                "AccessKeyId": "INSTANCEKEY",
                "SecretAccessKey": "s",
                "Token": "t",
                "Expiration": rfc3339(self.expiration),
            }
        )

    async def start(self, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
        application = web.Application()
        application.router.add_put("/latest/api/token", self.token)
        application.router.add_get("/{path:.*}", self.metadata)
        monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", await serve(application))


@attrs.define
class SSOPortal:
    """The portal that gives a role's credentials for a logged-in session's token."""

    expiration: datetime
    requests: list[tuple[str | None, dict[str, str]]] = attrs.field(factory=list)

    async def respond(self, request: web.Request) -> web.Response:
        self.requests.append((request.headers.get("x-amz-sso_bearer_token"), dict(request.query)))
        credentials: dict[str, Any] = {
            "accessKeyId": "SSOKEY",
            "secretAccessKey": "s",
            "sessionToken": "t",
            "expiration": int(self.expiration.timestamp() * 1000),
        }
        return web.json_response({"roleCredentials": credentials})

    async def start(self, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
        application = web.Application()
        application.router.add_get("/federation/credentials", self.respond)
        monkeypatch.setenv("AWS_ENDPOINT_URL_SSO", await serve(application))


@attrs.define
class SignIn:
    """The sign-in service, which renews the session of `aws login`."""

    requests: list[dict[str, Any]] = attrs.field(factory=list)
    proofs: list[str | None] = attrs.field(factory=list)

    async def respond(self, request: web.Request) -> web.Response:
        self.requests.append(await request.json())
        self.proofs.append(request.headers.get("DPoP"))
        keys = {"accessKeyId": "LOGINKEY", "secretAccessKey": "s", "sessionToken": "t"}
        return web.json_response(
            {"accessToken": keys, "tokenType": "urn:aws", "expiresIn": 900, "refreshToken": "next"}
        )

    async def start(self, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
        application = web.Application()
        application.router.add_post("/v1/token", self.respond)
        monkeypatch.setenv("AWS_ENDPOINT_URL_SIGNIN", await serve(application))


@attrs.define
class RejectingSTS:
    """An STS that rejects role ARNs that contain `rejected`; `message` may repeat what the request held."""

    code: str
    message: Callable[[web.Request], str]
    rejected: str = ""
    authorizations: list[str] = attrs.field(factory=list)
    forms: list[dict[str, str]] = attrs.field(factory=list)

    async def respond(self, request: web.Request) -> web.Response:
        self.authorizations.append(request.headers["Authorization"])
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.forms.append(form)
        if self.rejected not in form["RoleArn"]:
            return self.grant()
        error = f"<Error><Type>Sender</Type><Code>{self.code}</Code><Message>{self.message(request)}</Message></Error>"
        body = f'<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">{error}</ErrorResponse>'
        return web.Response(status=403, body=body, content_type="text/xml")

    def grant(self) -> web.Response:
        keys = "<AccessKeyId>ROLEKEY</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"
        expiration = rfc3339(datetime.now(UTC) + timedelta(hours=1))
        result = f"<Credentials>{keys}<Expiration>{expiration}</Expiration></Credentials>"
        body = (
            '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
            f"<AssumeRoleResult>{result}</AssumeRoleResult></AssumeRoleResponse>"
        )
        return web.Response(body=body, content_type="text/xml")

    def application(self) -> web.Application:
        application = web.Application()
        application.router.add_post("/", self.respond)
        return application

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        async with TestServer(self.application()) as server:
            yield str(server.make_url("/"))

    async def start(self, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", await serve(self.application()))
