"""The interface between the pipeline and a transport: one request, one response."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from yarl import URL

from ecr_async._http.body import Content
from ecr_async._http.failures import request_id
from ecr_async._http.proxy import Proxy
from ecr_async._record import Record

__all__ = ["Connection", "Download", "Reply", "Transport"]


class Reply(Record):
    """A response: its status, its headers (whose names have no case), its body."""

    status: int
    headers: Mapping[str, str]
    body: bytes | bytearray

    @property
    def request_id(self) -> str | None:
        """The service's own name for the attempt."""
        return request_id(self.headers)


class Transport(Protocol):
    """Makes single attempts."""

    async def open(self) -> None:
        """Get ready, in the event loop that the calls are made in."""
        ...

    async def aclose(self) -> None:
        """End all attempts under way and close every connection."""
        ...

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        """Wait for a free connection, which is held until the block is left.

        Raises `PoolTimeoutError` when none comes free in time.
        """
        ...

    def backlog(self) -> int:
        """How many large responses have come and wait to be decoded."""
        ...

    def download(
        self, method: str, url: URL, headers: Mapping[str, str], proxy: Proxy | None
    ) -> AbstractAsyncContextManager[Download]:
        """Send one request and give the response while its body is still to come."""
        ...


class Connection(Protocol):
    """A connection that is held: the request to send may be signed now.

    `has_waited` says whether it took time until it came free.
    """

    has_waited: bool

    async def post(
        self, url: URL, headers: Mapping[str, str], body: Content, proxy: Proxy | None, *, fresh: bool = False
    ) -> Reply:
        """Send one request and return the response, whatever its status.

        `fresh` rules out a connection that was used before.
        """
        ...


class Download(Protocol):
    """A response whose body is read as it comes."""

    status: int
    headers: Mapping[str, str]

    def batches(self, size: int) -> AsyncGenerator[list[bytes], None]:
        """Yield the body as it comes, gathered into batches of `size` bytes or some more.

        Raises `TransportError` where it breaks off, when what came before has been yielded.
        """
        ...
