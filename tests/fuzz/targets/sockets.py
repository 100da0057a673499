"""Any bytes, heads and bodies, to the embedded ECR's socket: an HTTP response that is no failure of the
server's, or the end of the connection; nothing is logged as an error.
"""

import asyncio
import json
import logging
import re
from functools import cache

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from ecr_async._auth.signing import CONTENT_TYPE
from ecr_async.api.repositories import CreateRepositoryRequest
from ecr_async.local import LocalECR
from tests.fuzz.outcomes import LOOP
from tests.fuzz.target import Target
from tests.fuzz.targets.requests import MADE
from tests.integration.local.distribution.client import authorization

__all__ = ["TARGETS"]

MOST_SECONDS = 10.0
PATIENCE = 0.02
"""Seconds after which a request is taken to be incomplete."""

INPUTS_OF_A_STATE = 1000
TARGET = "AmazonEC2ContainerRegistry_V20150921"
STATUS = re.compile(rb"HTTP/\d\.\d (\d{3}) ")
UPLOAD_ID = "11111111-2222-4333-8444-555555555555"


BAD_REQUESTS = (HttpProcessingError, ConnectionError, web.RequestPayloadError)
"""What aiohttp itself logs, having told the client."""


class Logged(logging.Handler):
    """Keeps what is logged as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[logging.LogRecord] = []
        logging.getLogger().addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if record.name != "aiohttp.server" or not isinstance(error, BAD_REQUESTS):
            self.records.append(record)


class Server:
    """An embedded ECR that is told by a socket what to do."""

    def __init__(self, *, verify: bool) -> None:
        self.local = LOOP.run_until_complete(LocalECR(verify_signatures=verify).__aenter__())
        self.login = LOOP.run_until_complete(authorization(self.local)).encode()
        self._logged = Logged()
        self._left = 0

    def send(self, data: bytes) -> bytes:
        """Send bytes and return what came back; what was put in force by them is taken back."""
        if not self._left:
            self._left = INPUTS_OF_A_STATE
            LOOP.run_until_complete(self._begin_afresh())
        self._left -= 1
        try:
            return LOOP.run_until_complete(self._send(data))
        finally:
            self.local.behaviour.clear(None)
            self.local.behaviour.limit({})
            self.local.clock.reset()
            failures = [f"{record.getMessage()}: {record.exc_info}" for record in self._logged.records]
            self._logged.records.clear()
            assert not failures, failures

    async def _begin_afresh(self) -> None:
        await self.local.reset()
        await self.local.call(CreateRepositoryRequest("team/app"))
        await self.local.call(CreateRepositoryRequest("team/web"))

    async def _send(self, data: bytes) -> bytes:
        async with asyncio.timeout(MOST_SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.local.url.port)
            try:
                writer.write(data)
                first = await self._first(reader)
                writer.write_eof()  # upon which aiohttp hangs up
                return first + await reader.read()
            except ConnectionError:
                return b""
            finally:
                writer.close()

    async def _first(self, reader: asyncio.StreamReader) -> bytes:
        """Return the beginning of the response; nothing if the server waits for the rest of the request."""
        try:
            async with asyncio.timeout(PATIENCE):
                return await reader.read(1 << 16)
        except TimeoutError:
            return b""


server = cache(Server)


def _sent(tried: bytes, *, verify: bool) -> str:
    received = server(verify=verify).send(tried.replace(b"@login@", server(verify=verify).login))
    if not received:
        return "no response"
    statuses = [int(status) for status in STATUS.findall(received)]
    assert statuses, received[:200]
    assert all(status < 500 or status in (501, 505) for status in statuses), received[:500]
    return f"{statuses[0] // 100}xx"


def call(operation: str, **members: object) -> bytes:
    """Return a call of the API."""
    body = json.dumps(members).encode()
    credential = "AKIALOCALECR00000000/20260101/us-east-1/ecr/aws4_request"
    head = (
        f"POST / HTTP/1.1\r\nHost: localhost:1\r\nContent-Type: {CONTENT_TYPE}\r\n"
        f"X-Amz-Target: {TARGET}.{operation}\r\nX-Amz-Date: 20260101T000000Z\r\n"
        f"Authorization: AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host;x-amz-date;x-amz-target, "
        f"Signature={'0' * 64}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def exchange(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """Return a request to `/v2/` or the control door; underscores in the names of headers are hyphens."""
    lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()]
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost:1\r\n{''.join(lines)}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


JSON = "application/json"
UPLOADS = "/v2/team/app/blobs/uploads/"
SEEDS = [
    call("CreateRepository", repositoryName="team/app"),
    call("DescribeImages", repositoryName="team/app", maxResults=10),
    exchange("GET", "/v2/", Authorization="@login@"),
    exchange("GET", "/v2/_catalog?n=5&last=a", Authorization="@login@"),
    exchange("POST", UPLOADS + f"?digest={MADE.digest}", b"a layer", Authorization="@login@"),
    exchange("POST", UPLOADS + f"?mount={MADE.digest}&from=team/web", Authorization="@login@"),
    exchange("PATCH", UPLOADS + UPLOAD_ID, b"a layer", Authorization="@login@", Content_Range="0-6"),
    exchange("PUT", UPLOADS + f"{UPLOAD_ID}?digest={MADE.digest}", b"x", Authorization="@login@"),
    exchange(
        "PUT",
        "/v2/team/app/manifests/v1",
        MADE.content,
        Authorization="@login@",
        Content_Type=MADE.media_type,
    ),
    exchange("GET", f"/v2/team/app/blobs/{MADE.digest}", Authorization="@login@", Range="bytes=0-5"),
    exchange("GET", f"/v2/team/app/referrers/{MADE.digest}?artifactType=a", Authorization="@login@"),
    exchange("GET", "/v2/team/app/tags/list?n=1&last=v1", Authorization="@login@"),
    exchange("GET", f"/_local/layers/{MADE.digest}?ticket=abc"),
    exchange("POST", "/_local/faults", b'{"kind": "throttle", "times": 3}', Content_Type=JSON),
    exchange("PUT", "/_local/rates", b'{"DescribeImages": "20/s,burst=40"}', Content_Type=JSON),
    exchange("PUT", "/_local/clock", b'{"advance": 86400, "skew": 5}', Content_Type=JSON),
    exchange("DELETE", "/_local/faults/1", Content_Type=JSON),
]
WORDS = [
    b"\r\n", b"\r\n\r\n", b"Transfer-Encoding: chunked\r\n", b"Content-Length: 5\r\n", b"Expect: 100-continue\r\n",
    b"Upgrade: websocket\r\nConnection: upgrade\r\n", b"0\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"HTTP/9.9", b"%00", b"%2e%2e/",
    b"../", b"//", b"?", b"&", b";", b"\t", b"\x80", b"Content-Encoding: gzip\r\n", b"Host: a\r\n", b"Range: bytes=5-1\r\n",
    b"Connection: close\r\n", b"9999999999999999999999", b"-1", b"@login@", b"Basic Og==",
]  # fmt: skip

TARGETS = [
    Target("socket open", SEEDS, lambda tried: _sent(tried, verify=False), WORDS, share=8),
    Target("socket verifying", SEEDS, lambda tried: _sent(tried, verify=True), WORDS, share=4),
]
