"""An ECR behind a fake transport: everything above HTTP is real, and time can be virtual.

registry = FakeRegistry({"team/app": 2500})
async with registry.session() as session: ...
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from hashlib import sha256
from typing import Any

import msgspec
from yarl import URL

import ecr_async as ecr
from ecr_async._http.body import Content
from ecr_async._http.proxy import Proxy
from ecr_async._http.transport import Download, Reply

NAMES_IN_A_PAGE = 1000


class TokenBucket:
    """Admits `rate` calls a second, and `burst` of them at once; `rate` may change at any time."""

    def __init__(self, rate: float, burst: float) -> None:
        self.rate = rate
        self.burst = burst
        self.tokens = burst
        self.filled = 0.0

    def admit(self) -> bool:
        """Whether a call that comes now is admitted."""
        now = asyncio.get_running_loop().time()
        self.tokens = min(self.burst, self.tokens + (now - self.filled) * self.rate)
        self.filled = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class FakeRegistry:
    """Repositories by name, with so many images each. It stands in for a session's transport.

    `on_call` sees each request before the response, as operation and body, and may decide the outcome:
    an error's code, an exception, or none at all by waiting. `latency` is in seconds.
    """

    def __init__(
        self,
        repositories: Mapping[str, int],
        *,
        bucket: TokenBucket | None = None,
        latency: float = 0.0,
        on_call: Callable[[str, dict[str, Any]], Any] | None = None,
    ) -> None:
        self.repositories = dict(repositories)
        self.bucket = bucket
        self.latency = latency
        self.on_call = on_call
        self.account = "123456789012"
        self.has_waited = False
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.outcomes: Counter[str] = Counter()
        self.under_way = 0
        self.most_under_way = 0

    def session(self, **options: Any) -> ecr.Session:
        """Return a session whose calls all come here, whatever the region."""
        return ecr.Session(
            region="eu-west-1",
            access_key_id="AKIDEXAMPLE",
            secret_access_key="secret",
            endpoint_url="http://registry.invalid",
            transport=self,
            **options,
        )

    def called(self, operation: str) -> list[dict[str, Any]]:
        """Return the bodies of the calls of one operation."""
        return [body for name, body in self.calls if name == operation]

    async def open(self) -> None:
        """Do what a transport does on entry: here, nothing."""

    async def aclose(self) -> None:
        """Do what a transport does at the end: here, nothing."""

    def backlog(self) -> int:
        """Return that no response waits to be decoded."""
        return 0

    def download(
        self, method: str, url: URL, headers: Mapping[str, str], proxy: Proxy | None
    ) -> AbstractAsyncContextManager[Download]:
        raise NotImplementedError("there are no layers here")

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator["FakeRegistry", None]:
        """Give a connection at once: there are as many as anyone wants."""
        yield self

    async def post(
        self, url: URL, headers: Mapping[str, str], body: Content, proxy: Proxy | None, *, fresh: bool = False
    ) -> Reply:
        """Respond to one request."""
        operation = headers["X-Amz-Target"].partition(".")[2]
        request = msgspec.json.decode(body if isinstance(body, bytes) else b"".join(body))
        self.calls.append((operation, request))
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await asyncio.sleep(self.latency)
            reply = await self._reply(operation, request)
        finally:
            self.under_way -= 1
        return reply

    async def _reply(self, operation: str, request: dict[str, Any]) -> Reply:
        if self.bucket is not None and not self.bucket.admit():
            return self._rejection("ThrottlingException")
        if self.on_call is not None:
            outcome = self.on_call(operation, request)
            if asyncio.iscoroutine(outcome):
                outcome = await outcome
            if isinstance(outcome, Exception):
                raise outcome
            if outcome is not None:
                return self._rejection(outcome)
        try:
            content = getattr(self, f"_{operation}")(request)
        except KeyError:
            return self._rejection("RepositoryNotFoundException")
        self.outcomes["OK"] += 1
        return Reply(200, {}, msgspec.json.encode(content))

    def _rejection(self, code: str) -> Reply:
        self.outcomes[code] += 1
        return Reply(400, {}, msgspec.json.encode({"__type": code, "message": ""}))

    def _DescribeRepositories(self, request: dict[str, Any]) -> dict[str, Any]:
        repositories = [{"repositoryName": name, "registryId": self.account} for name in self.repositories]
        return _page("repositories", repositories, request)

    def _DescribeImages(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["repositoryName"]
        images = [image(name, index) for index in range(self.repositories[name])]
        return _page("imageDetails", images, request)


def _page(key: str, items: list[dict[str, Any]], request: dict[str, Any]) -> dict[str, Any]:
    start = int(request.get("nextToken", 0))
    stop = start + request.get("maxResults", 100)
    more = {"nextToken": str(stop)} if stop < len(items) else {}
    return {key: items[start:stop], **more}


def image(repository: str, index: int) -> dict[str, Any]:
    """Return what DescribeImages says of a repository's image; an image takes as many bytes as its index."""
    return {
        "registryId": "123456789012",
        "repositoryName": repository,
        "imageDigest": f"sha256:{sha256(f'{repository} {index}'.encode()).hexdigest()}",
        "imageTags": [f"v{index}"],
        "imageSizeInBytes": index,
        "imagePushedAt": 1_700_000_000 + index,
    }
