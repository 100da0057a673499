"""The body of one UploadLayerPart: base64 of a layer's bytes, made twice: to hash and to send.

A part is the largest request that ECR takes. Its text would be a third larger, and out of the processor's
caches by the time that it is sent: to encode it twice takes less than to write it to memory and read it back.
"""

from collections.abc import Iterator
from hashlib import sha256

from ecr_async._http.body import Body
from ecr_async._wire import codec
from ecr_async._wire.base64_text import b64encode
from ecr_async.api.layers import UPLOAD_LAYER_PART, UploadLayerPartRequest
from ecr_async.transfer.blobs import SLICE

__all__ = ["PartBody"]

_BLOB = b'"layerPartBlob":"'


class PartBody:
    """Takes the bytes of a part into `buffer`, which grows if it must, and gives the request's body.

    `request` has an empty blob. Raises `ValidationError` for one that violates the API's limits.
    """

    def __init__(self, request: UploadLayerPartRequest, buffer: bytearray) -> None:
        head, marker, self._tail = codec.encode(UPLOAD_LAYER_PART, request).partition(_BLOB)
        self._head = head + marker
        self._buffer = buffer
        self._taken = self._hashed = 0
        self._hash = sha256(self._head)

    def take(self, data: bytes) -> None:
        """Add bytes of the layer."""
        end = self._taken + len(data)
        self._buffer[self._taken : end] = data
        self._taken = end
        self._hash_up_to(end - end % 3)

    def finish(self) -> Body:
        """Return the body, complete."""
        self._hash_up_to(self._taken)
        self._hash.update(self._tail)
        return Body(self, self._hash.hexdigest())

    @property
    def size(self) -> int:
        """Bytes of the body."""
        return len(self._head) + (self._taken + 2) // 3 * 4 + len(self._tail)

    def __iter__(self) -> Iterator[bytes]:
        """Yield the body's pieces."""
        yield self._head
        yield from self._text(0, self._taken)
        yield self._tail

    def _hash_up_to(self, end: int) -> None:
        for piece in self._text(self._hashed, end):
            self._hash.update(piece)
        self._hashed = end

    def _text(self, first: int, end: int) -> Iterator[bytes]:
        """Encode the bytes from one multiple of 3 up to another, or to the end."""
        with memoryview(self._buffer) as data:
            for start in range(first, end, SLICE):
                yield b64encode(data[start : min(start + SLICE, end)])
