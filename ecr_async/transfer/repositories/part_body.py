"""The body of one UploadLayerPart, made from the layer's bytes as they come: base64, hashed on the way.

A part is the largest request that ECR takes. Made by the codec it would be in memory four times over; here
it is only once, as the pieces that are sent.
"""

from hashlib import sha256

from ecr_async._http.body import Body
from ecr_async._wire import codec
from ecr_async._wire.base64_text import b64encode
from ecr_async.api.layers import UPLOAD_LAYER_PART, UploadLayerPartRequest

__all__ = ["PartBody"]

_BLOB = b'"layerPartBlob":"'


class PartBody:
    """Takes the bytes of a part and gives the request's body.

    `request` has an empty blob. Raises `ValidationError` for one that violates the API's limits.
    """

    def __init__(self, request: UploadLayerPartRequest) -> None:
        head, marker, self._tail = codec.encode(UPLOAD_LAYER_PART, request).partition(_BLOB)
        self._pieces = [head + marker]
        self._hash = sha256(self._pieces[0])
        self._carry = b""

    def take(self, data: bytes) -> None:
        """Add bytes of the layer."""
        if self._carry:
            data = self._carry + data
        rest = len(data) % 3
        self._carry = data[len(data) - rest :]
        self._add(b64encode(memoryview(data)[: len(data) - rest]))

    def finish(self) -> Body:
        """Return the body, complete."""
        self._add(b64encode(self._carry) + self._tail)
        return Body(self._pieces, self._hash.hexdigest())

    def _add(self, piece: bytes) -> None:
        self._hash.update(piece)
        self._pieces.append(piece)
