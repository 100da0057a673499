"""A bare client of `/v2/`, which hides nothing: every test says what it sends and what it gets."""

import base64
import io
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import attrs
from yarl import URL

from ecr_async import api as ecr
from ecr_async.local import LocalECR
from ecr_async.oci.media_types import OCI_INDEX, OCI_MANIFEST
from tests.integration.local.content import MIB, digest_of

__all__ = ["Door", "Response", "authorization", "basic", "open_door", "password"]


@attrs.frozen
class Response:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The only error's code."""
        [error] = self.json["errors"]
        return str(error["code"])

    @property
    def location(self) -> str:
        return self.headers["Location"]


@attrs.frozen
class Door:
    """One registry's door, as one client sees it."""

    session: aiohttp.ClientSession
    url: URL
    headers: Mapping[str, str]

    async def send(self, method: str, path: str, body: Any = None, /, **headers: str) -> Response:
        """Send a request; underscores in the names of headers are hyphens."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if isinstance(body, bytes) and len(body) >= MIB:
            body = io.BytesIO(body)  # which aiohttp sends in pieces
        url = self.url.join(URL(path, encoded=True))
        async with self.session.request(
            method, url, data=body, headers={**self.headers, **given}, allow_redirects=False
        ) as response:
            return Response(response.status, response.headers, await response.read())

    async def push_blob(self, content: bytes, name: str = "team/app", algorithm: str = "sha256") -> str:
        """Push a blob with POST and PUT; return its digest."""
        begun = await self.send("POST", f"/v2/{name}/blobs/uploads/")
        assert begun.status == 202, begun.body
        digest = digest_of(content, algorithm)
        done = await self.send("PUT", f"{begun.location}?digest={digest}", content)
        assert done.status == 201, done.body
        return digest

    async def put(self, text: str, reference: str | None = None, name: str = "team/app") -> Response:
        """Put a manifest under a tag or a digest, its own by default."""
        media_type = json.loads(text).get("mediaType") or (
            OCI_INDEX if "manifests" in json.loads(text) else OCI_MANIFEST
        )
        path = f"/v2/{name}/manifests/{reference or digest_of(text)}"
        return await self.send("PUT", path, text.encode(), Content_Type=media_type)


async def authorization(local: LocalECR, **session: Any) -> str:
    """Log in; return the header."""
    async with local.session(**session) as opened:
        response = await ecr.get_authorization_token(opened.service(), ecr.GetAuthorizationTokenRequest())
    return f"Basic {response.authorization_data[0].authorization_token}"


async def password(local: LocalECR) -> str:
    """Log in; return the password."""
    encoded = (await authorization(local)).removeprefix("Basic ")
    return base64.b64decode(encoded).decode().partition(":")[2]


def basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


@asynccontextmanager
async def open_door(local: LocalECR, host: str | None = None, **session: Any) -> AsyncIterator[Door]:
    """Log in and open a registry's door, under another `Host` if one is given."""
    headers = {"Authorization": await authorization(local, **session)}
    if host is not None:
        headers["Host"] = f"{host}:{local.url.port}"
    async with aiohttp.ClientSession(skip_auto_headers=["Content-Type"]) as client:
        yield Door(client, local.url, headers)
