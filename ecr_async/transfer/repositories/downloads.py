"""Layers downloaded from the URLs that GetDownloadUrlForLayer signs, resumed wherever they break off.

A URL is good for about an hour. One that has expired is replaced, and what was received isn't fetched
again: the next request is for the range that is missing.

See https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetDownloadUrlForLayer.html
"""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing

import attrs

from ecr_async._http.transport import Download
from ecr_async._retry.standard import Backoff
from ecr_async.api.layers import GetDownloadUrlForLayerRequest, get_download_url_for_layer
from ecr_async.errors import CallError, ResponseError, TransportError
from ecr_async.oci.manifests import Descriptor
from ecr_async.service import Service
from ecr_async.transfer.blobs import Take
from ecr_async.transfer.errors import DigestMismatchError

__all__ = ["RemoteBlob"]

MAX_ATTEMPTS = 5
"""Attempts in a row that bring not a single byte."""

BATCH = 2 * 1024 * 1024
"""Bytes that are gathered before they are handed to a thread."""

_BACKOFF = Backoff()


@attrs.define
class RemoteBlob:
    """A blob of a repository."""

    descriptor: Descriptor
    service: Service
    repository: str
    registry_id: str | None = None
    _url: str | None = None

    async def feed(self, first: int, end: int, take: Take) -> None:
        """Download, and hand over what is received on a thread.

        Raises `DigestMismatchError` if the blob has another size than its descriptor says, and what
        `get_download_url_for_layer` raises.
        """
        failures = 0
        while first < end:
            try:
                async with aclosing(self._batches(first, end)) as batches:
                    async for batch in batches:
                        await asyncio.to_thread(_take_all, take, batch)
                        first += sum(map(len, batch))
                        failures = 0
                if first < end:
                    raise TransportError("the download broke off")
            except (TransportError, ResponseError) as error:
                failures += 1
                error.attempts = failures
                if failures == MAX_ATTEMPTS:
                    raise
                if isinstance(error, ResponseError):
                    self._url = None
                await asyncio.sleep(_BACKOFF.delay("transient", failures - 1))

    async def _batches(self, first: int, end: int) -> AsyncGenerator[list[bytes], None]:
        """Yield the bytes from `first` up to `end`, or up to where the download breaks off."""
        headers = {} if (first, end) == (0, self.descriptor.size) else {"Range": f"bytes={first}-{end - 1}"}
        if self._url is None:
            self._url = await self._signed_url()
        async with (
            self.service.download(self._url, headers) as download,
            aclosing(download.batches(BATCH)) as batches,
        ):
            at = first - self._check(download, first)
            async for batch in batches:
                begin, at = at, at + sum(map(len, batch))
                if at > end == self.descriptor.size:
                    raise DigestMismatchError(self.descriptor.digest, f"more than {end:,} bytes")
                if begin < first or at > end:  # from a server that doesn't know ranges
                    if wanted := b"".join(batch)[max(first - begin, 0) : end - begin]:
                        yield [wanted]
                else:
                    yield batch
                if at >= end < self.descriptor.size:
                    return

    def _check(self, download: Download, first: int) -> int:
        """Return how many bytes of the response come before `first`, or raise if it isn't the blob."""
        size = self.descriptor.size
        if download.status == 200:
            length = download.headers.get("Content-Length", str(size))
            if length != str(size):
                raise DigestMismatchError(self.descriptor.digest, f"{length} bytes, not {size:,}")
            return first
        if download.status == 206:
            found = re.match(r"bytes (\d+)-\d+/(\d+|\*)", download.headers.get("Content-Range", ""))
            if found is None or int(found[1]) != first:
                raise ResponseError("another range than the requested one", status=206)
            if found[2] not in ("*", str(size)):
                raise DigestMismatchError(self.descriptor.digest, f"{found[2]} bytes, not {size:,}")
            return 0
        if download.status == 416:
            raise DigestMismatchError(self.descriptor.digest, f"no more than {first:,} bytes, not {size:,}")
        if download.status >= 500 or download.status == 429:
            raise TransportError("the layer's server is overloaded or failing", status=download.status)
        raise ResponseError("the layer cannot be downloaded from its URL", status=download.status)

    async def _signed_url(self) -> str:
        request = GetDownloadUrlForLayerRequest(self.repository, self.descriptor.digest, self.registry_id)
        response = await get_download_url_for_layer(self.service, request)
        if not response.download_url:
            raise CallError("there is no URL in the response", operation="GetDownloadUrlForLayer")
        return response.download_url


def _take_all(take: Take, batch: list[bytes]) -> None:
    for chunk in batch:
        take(chunk)
