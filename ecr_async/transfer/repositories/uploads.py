"""Layers uploaded part by part, and continued where an earlier upload broke off.

    InitiateLayerUpload ─> UploadLayerPart … ─> CompleteLayerUpload
                              ^      │
                              └──────┘ InvalidLayerPartException: ECR has more, or less; go on from there

Parts of one layer go one after the other, since ECR takes no gaps; while one is sent the next is read. Its
digest is computed by ECR when the upload is completed, so it isn't computed here as well.

See https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_UploadLayerPart.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import attrs

from ecr_async._http.body import Body
from ecr_async.api.layers import (
    UPLOAD_LAYER_PART,
    BatchCheckLayerAvailabilityRequest,
    CompleteLayerUploadRequest,
    InitiateLayerUploadRequest,
    InvalidLayerException,
    InvalidLayerPartException,
    LayerAlreadyExistsException,
    UploadLayerPartRequest,
    UploadNotFoundException,
    batch_check_layer_availability,
    complete_layer_upload,
    initiate_layer_upload,
    upload_layer_part,
)
from ecr_async.errors import CallError, ServiceError
from ecr_async.service import Service
from ecr_async.transfer.blobs import Blob
from ecr_async.transfer.errors import DigestMismatchError
from ecr_async.transfer.repositories.part_body import PartBody
from ecr_async.transfer.repositories.part_buffers import PartBuffers
from ecr_async.transfer.repositories.upload_notes import UploadNotes

__all__ = ["Upload"]

MIB = 1024 * 1024
MIN_PART_BYTES = 5 * MIB
MAX_PART_BYTES = 20 * MIB
"""Bytes; ECR takes no smaller part, except a layer's last, and no larger one."""

DEFAULT_PART = 10 * MIB

MAX_UPLOADS = 3
"""How often the upload of a layer is started, when it vanishes under way, before that is an error."""


@attrs.frozen
class _Part:
    first: int
    end: int
    body: Body
    buffer: bytearray


@attrs.define
class Upload:
    """One blob on its way into a repository. `on_progress` is called with the bytes that are there.

    `buffers` hold the parts that are in memory, of all uploads that share them. The next part is read ahead
    only where that makes no other upload wait.
    """

    service: Service
    repository: str
    registry_id: str | None
    blob: Blob
    notes: UploadNotes
    on_progress: Callable[[int], object]
    buffers: PartBuffers
    sent: int = 0
    """Bytes of the blob that were sent in parts that ECR accepted."""

    async def run(self) -> int:
        """Upload the blob unless the repository has it by then, and return how many bytes were sent.

        Raises `DigestMismatchError` if the content isn't what the digest says, and what the layer
        operations raise.
        """
        for remaining in reversed(range(MAX_UPLOADS)):
            try:
                await self._upload()
                break
            except UploadNotFoundException:  # expired, or completed by somebody else
                await self.notes.remove(*self._key)
                if await self._is_available():
                    self.on_progress(self.blob.descriptor.size)
                    break
                if not remaining:
                    raise
        return self.sent

    async def _upload(self) -> None:
        upload_id, part_size, position = await self._resumed() or await self._begun()
        self.on_progress(position)
        await self._send_parts(upload_id, position, part_size)
        digest = self.blob.descriptor.digest
        request = CompleteLayerUploadRequest(self.repository, upload_id, [digest], self.registry_id)
        try:
            await complete_layer_upload(self.service, request)
        except LayerAlreadyExistsException:
            pass
        except InvalidLayerException as error:
            await self.notes.remove(*self._key)
            raise DigestMismatchError(digest, error.message) from error
        await self.notes.remove(*self._key)

    async def _begun(self) -> tuple[str, int, int]:
        request = InitiateLayerUploadRequest(self.repository, self.registry_id)
        response = await initiate_layer_upload(self.service, request)
        if response.upload_id is None:
            raise CallError("there is no upload ID in the response", operation="InitiateLayerUpload")
        part_size = min(max(response.part_size or DEFAULT_PART, MIN_PART_BYTES), MAX_PART_BYTES)
        await self.notes.write(response.upload_id, *self._key)
        return response.upload_id, part_size, 0

    async def _resumed(self) -> tuple[str, int, int] | None:
        """Return an upload that was broken off, with the number of bytes that ECR has of it."""
        upload_id = await self.notes.read(*self._key)
        if upload_id is None:
            return None
        size = self.blob.descriptor.size
        # A byte where there can be none: it is rejected, and the error says how far the upload has come.
        request = UploadLayerPartRequest(
            self.repository, upload_id, size + 1, size + 1, b"\0", self.registry_id
        )
        try:
            await upload_layer_part(self.service, request)
        except InvalidLayerPartException as error:
            received = error.last_valid_byte_received
            if received is not None and -1 <= received < size:
                return upload_id, DEFAULT_PART, received + 1
        except ServiceError:
            pass
        await self.notes.remove(*self._key)
        return None

    async def _send_parts(self, upload_id: str, position: int, part_size: int) -> None:
        """Send the parts from `position` on."""
        size = self.blob.descriptor.size
        ahead: asyncio.Task[_Part] | None = None
        try:
            while position < size:
                part = await (ahead or self._read(upload_id, position, part_size))
                ahead, end = None, part.end
                if end < size and not self.buffers.are_taken():
                    ahead = asyncio.create_task(self._read(upload_id, end, part_size))
                sending = self._send(part)
                del part  # which is to be gone from memory as soon as it is sent
                position = await sending
                self.on_progress(position)
                if ahead is not None and position != end:
                    await self._discard(ahead)
                    ahead = None
        finally:
            if ahead is not None:
                await self._discard(ahead)

    async def _read(self, upload_id: str, first: int, part_size: int) -> _Part:
        """Return the part that begins at `first`, which is in memory until it is sent."""
        end = min(first + part_size, self.blob.descriptor.size)
        request = UploadLayerPartRequest(self.repository, upload_id, first, end - 1, b"", self.registry_id)
        buffer = await self.buffers.acquire()
        try:
            body = PartBody(request, buffer)
            await self.blob.feed(first, end, body.take)
            return _Part(first, end, body.finish(), buffer)
        except BaseException:
            self.buffers.release()
            raise

    async def _send(self, part: _Part) -> int:
        """Send a part, and return where the next one begins."""
        reusable = None
        try:
            await self.service.send(UPLOAD_LAYER_PART, part.body)
            reusable = part.buffer
        except InvalidLayerPartException as error:
            received = error.last_valid_byte_received
            if (
                received is None
                or received + 1 == part.first
                or not -1 <= received < self.blob.descriptor.size
            ):
                raise
            self.sent += max(received + 1 - part.first, 0)  # of an attempt whose response was lost
            return received + 1
        finally:
            self.buffers.release(reusable)
        self.sent += part.end - part.first
        return part.end

    async def _discard(self, ahead: asyncio.Task[_Part]) -> None:
        """Give up a part that was read ahead."""
        ahead.cancel()
        (part,) = await asyncio.gather(ahead, return_exceptions=True)
        if isinstance(part, _Part):
            self.buffers.release(part.buffer)

    async def _is_available(self) -> bool:
        digests = [self.blob.descriptor.digest]
        request = BatchCheckLayerAvailabilityRequest(self.repository, digests, self.registry_id)
        response = await batch_check_layer_availability(self.service, request)
        return any(layer.layer_availability == "AVAILABLE" for layer in response.layers)

    @property
    def _key(self) -> tuple[str | None, ...]:
        service = self.service
        digest = self.blob.descriptor.digest
        registry = service.region, service.endpoint_url, service.account, self.registry_id
        return *registry, self.repository, digest
