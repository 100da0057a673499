"""A loopback ECR that costs next to nothing: canned pages of images over a raw asyncio protocol.

It runs in a process of its own, with the standard library alone, so that the clients' time can be measured
apart from it. Every repository has the same number of images; each page of bytes is built once and only
stamped with the repository's number, so that every digest in the account is different while a page costs a
``bytes.replace``. With ``--rate`` it admits calls through a token bucket and rejects the others with
``ThrottlingException``.

The port is printed on the first line of standard output; the process ends when its standard input closes.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import re
import sys
import time
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import lru_cache
from itertools import pairwise

TARGET = re.compile(rb"x-amz-target:\s*AmazonEC2ContainerRegistry_V20150921\.(\w+)", re.IGNORECASE)
CONTENT_LENGTH = re.compile(rb"content-length:\s*(\d+)", re.IGNORECASE)
STAMP = b"@REPOS@"
"""Stands for the repository's number, seven digits, in the pages built ahead."""
REGISTRY = "123456789012"
PREFIX = "team/service-"
DEFAULT_PAGE = 100
MAX_PAGE_SIZE = 1000


def image_digest(repository: str, index: int) -> str:
    """The digest of one image, different for every image of every repository."""
    return f"sha256:{hashlib.sha256(str(index).encode()).hexdigest()[:57]}{repository}"


def image_detail(repository: str, index: int) -> dict[str, object]:
    """What DescribeImages says of one image."""
    return {
        "registryId": REGISTRY,
        "repositoryName": PREFIX + repository,
        "imageDigest": image_digest(repository, index),
        "imageTags": [f"v1.{index}", f"build-{index * 7919 % 100_003:06d}"],
        "imageSizeInBytes": 25_000_000 + index * 1_237,
        "imagePushedAt": 1_700_000_000 + index * 61 + 0.123,
        "imageScanStatus": {"status": "COMPLETE"},
        "imageScanFindingsSummary": {
            "imageScanCompletedAt": 1_700_000_300 + index * 61 + 0.789,
            "vulnerabilitySourceUpdatedAt": 1_699_999_000 + index * 61 + 0.25,
            "findingSeverityCounts": {"CRITICAL": index % 3, "HIGH": index % 7, "MEDIUM": 12, "LOW": 4},
        },
        "imageManifestMediaType": "application/vnd.oci.image.manifest.v1+json",
        "artifactMediaType": "application/vnd.docker.container.image.v1+json",
        "lastRecordedPullTime": 1_720_000_000 + index * 59 + 0.457,
        "imageStatus": "ACTIVE",
    }


def image_identifier(repository: str, index: int) -> dict[str, object]:
    """What ListImages says of one image."""
    return {"imageDigest": image_digest(repository, index), "imageTag": f"v1.{index}"}


def repository_detail(index: int) -> dict[str, object]:
    """What DescribeRepositories says of one repository."""
    name = f"{PREFIX}{index:07d}"
    return {
        "repositoryArn": f"arn:aws:ecr:eu-west-1:{REGISTRY}:repository/{name}",
        "registryId": REGISTRY,
        "repositoryName": name,
        "repositoryUri": f"{REGISTRY}.dkr.ecr.eu-west-1.amazonaws.com/{name}",
        "createdAt": 1_600_000_000 + index * 67 + 0.25,
        "imageTagMutability": "MUTABLE",
        "imageScanningConfiguration": {"scanOnPush": False},
        "encryptionConfiguration": {"encryptionType": "AES256"},
    }


def page(key: str, items: list[dict[str, object]], stop: int, total: int) -> bytes:
    """The body of one page, with the token of the next one unless it is the last."""
    body: dict[str, object] = {key: items}
    if stop < total:
        body["nextToken"] = f"offset-{stop}"
    return json.dumps(body, separators=(",", ":")).encode()


@dataclass
class TokenBucket:
    """Admits ``rate`` calls a second and at most ``burst`` at once.

    ``changes`` are (seconds after the first call, new rate). ``rival`` calls a second come from another
    client of the same account, evenly spaced, and take their tokens from the same bucket.
    """

    rate: float
    burst: float
    changes: list[tuple[float, float]] = field(default_factory=list)
    rival: float = 0.0
    tokens: float = field(init=False)
    started: float | None = None
    filled: float = 0.0
    rival_next: float = 0.0

    def __post_init__(self) -> None:
        self.tokens = self.burst

    def admit(self, now: float) -> bool:
        """Whether a call that arrives at ``now`` (seconds, monotonic) is admitted."""
        if self.started is None:
            self.started = self.filled = self.rival_next = now
        while self.rival and self.rival_next <= now:
            self._fill(self.rival_next)
            self._take()
            self.rival_next += 1 / self.rival
        self._fill(now)
        return self._take()

    def _take(self) -> bool:
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True

    def _fill(self, now: float) -> None:
        assert self.started is not None
        rates = [(0.0, self.rate), *self.changes, (float("inf"), 0.0)]
        for (start, rate), (stop, _) in pairwise(rates):
            overlap = min(now - self.started, stop) - max(self.filled - self.started, start)
            self.tokens += rate * max(overlap, 0.0)
        self.tokens = min(self.tokens, self.burst)
        self.filled = max(self.filled, now)


class Registry:
    """The account behind the server: so many repositories of so many images each, and the counts of what was
    requested.
    """

    def __init__(self, repositories: int, images: int, bucket: TokenBucket | None = None) -> None:
        self.repositories = repositories
        self.images = images
        self.bucket = bucket
        self.calls = 0
        self.throttled = 0
        self.first_call = 0.0
        self.last_call = 0.0
        self.image_page = lru_cache(maxsize=256)(self._image_page)
        self.repository_page = lru_cache(maxsize=256)(self._repository_page)

    def respond(self, operation: str, body: bytes) -> tuple[int, bytes]:
        """The status and the body of the response to one call."""
        now = time.monotonic()
        self.calls += 1
        self.first_call = self.first_call or now
        self.last_call = now
        if self.bucket is not None and not self.bucket.admit(now):
            self.throttled += 1
            return 400, b'{"__type":"ThrottlingException","message":"Rate exceeded"}'
        request = json.loads(body)
        start = int(request.get("nextToken", "offset-0").removeprefix("offset-"))
        size = min(request.get("maxResults", DEFAULT_PAGE), MAX_PAGE_SIZE)
        if operation == "DescribeRepositories":
            return 200, self.repository_page(start, size)
        number = request["repositoryName"].removeprefix(PREFIX)
        if not number.isdigit() or int(number) >= self.repositories:
            return 400, b'{"__type":"RepositoryNotFoundException","message":"no such repository"}'
        return 200, self.image_page(operation, start, size).replace(STAMP, number.encode())

    def statistics(self) -> dict[str, float]:
        """Calls, throttled calls and the seconds from the first call to the last."""
        return {
            "calls": self.calls,
            "throttled": self.throttled,
            "seconds": self.last_call - self.first_call,
        }

    def _repository_page(self, start: int, size: int) -> bytes:
        stop = min(start + size, self.repositories)
        return page(
            "repositories",
            [repository_detail(index) for index in range(start, stop)],
            stop,
            self.repositories,
        )

    def _image_page(self, operation: str, start: int, size: int) -> bytes:
        stop = min(start + size, self.images)
        key, describe = {
            "DescribeImages": ("imageDetails", image_detail),
            "ListImages": ("imageIds", image_identifier),
        }[operation]
        items = [describe(STAMP.decode(), index) for index in range(start, stop)]
        return page(key, items, stop, self.images)


class Connection(asyncio.Protocol):
    """HTTP/1.1 with keep-alive, as much of it as the clients use."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport to respond on."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that has arrived whole."""
        self.received += data
        while (end := self.received.find(b"\r\n\r\n")) >= 0:
            head = bytes(self.received[:end])
            length = CONTENT_LENGTH.search(head)
            stop = end + 4 + (int(length[1]) if length else 0)
            if len(self.received) < stop:
                return
            body = bytes(self.received[end + 4 : stop])
            del self.received[:stop]
            self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        target = TARGET.search(head)
        if target:
            status, response = self.registry.respond(target[1].decode(), body)
        else:
            status, response = 200, json.dumps(self.registry.statistics()).encode()
        reason = "OK" if status == 200 else "Bad Request"
        headers = (
            f"HTTP/1.1 {status} {reason}\r\n"
            f"Date: {http_date(int(time.time()))}\r\n"
            "Content-Type: application/x-amz-json-1.1\r\n"
            f"x-amzn-RequestId: 8bd7a8b1-0000-4000-8000-{self.registry.calls:012d}\r\n"
            f"Content-Length: {len(response)}\r\n\r\n"
        )
        self.transport.write(headers.encode() + response)


@lru_cache(maxsize=2)
def http_date(second: int) -> str:
    """The ``Date`` header for that second."""
    return formatdate(second, usegmt=True)


def parse_change(text: str) -> tuple[float, float]:
    """``8:20`` means: eight seconds after the first call the limit becomes 20 calls a second."""
    at, rate = text.split(":")
    return float(at), float(rate)


async def serve(registry: Registry) -> None:
    """Serve on a free port of loopback until standard input closes."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(registry), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


def main() -> None:
    """Read the options and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repositories", type=int, default=1)
    parser.add_argument("--images", type=int, default=1000, help="images in each repository")
    parser.add_argument("--rate", type=float, help="calls a second that are admitted; default all")
    parser.add_argument("--burst", type=float, default=50, help="calls admitted at once")
    parser.add_argument("--change", type=parse_change, action="append", default=[], metavar="SECONDS:RATE")
    parser.add_argument("--rival", type=float, default=0, help="calls a second of another client")
    options = parser.parse_args()
    bucket = None
    if options.rate:
        bucket = TokenBucket(options.rate, options.burst, options.change, options.rival)
    asyncio.run(serve(Registry(options.repositories, options.images, bucket)))


if __name__ == "__main__":
    main()
