"""Layer parts that come by the API: decoded, hashed and written while they come in.

A part is 28 MB of JSON, which would take 50 MB of memory if it were parsed whole. So its bytes are written
behind those of the upload at once, where they don't count until the request has turned out to be genuine and
valid; the next writer cuts them off otherwise. Nobody who doesn't know an upload's identifier gets so far,
and what comes in slowly holds up its own upload only.
"""

from collections.abc import Iterator
from contextlib import AsyncExitStack
from hashlib import sha256
from typing import Any

import attrs
from aiohttp import web

from ecr_async.api.layers import UPLOAD_LAYER_PART, UploadLayerPartRequest, UploadLayerPartResponse
from ecr_async.errors import ServiceError
from ecr_async.local.authentication import Authenticator, Claim
from ecr_async.local.awsjson.requests import read_request
from ecr_async.local.awsjson.streamed_blob import StreamedBlob
from ecr_async.local.backend import Backend
from ecr_async.local.http.bodies import Body, Chunks, pass_on
from ecr_async.local.operations.layers import check_part, part_response
from ecr_async.local.rules import messages
from ecr_async.local.rules.layers import find_upload
from ecr_async.local.rules.registry import Registry, Scope

__all__ = ["receive_part"]

MEMBER = "layerPartBlob"


async def receive_part(
    backend: Backend,
    authenticator: Authenticator,
    request: web.Request,
    claim: Claim | None,
    body: Body,
    start: bytes,
) -> UploadLayerPartResponse | None:
    """Take in the part in a body whose `start` has been read.

    Returns None if the body is to be read whole first, of which nothing more has been read then: the
    request begins in an unusual way, or there is no such upload. Raises `ServiceError` as the operation does.
    """
    caller = authenticator.claimed_caller(claim, request.headers)
    scope = Scope(caller, UPLOAD_LAYER_PART.name, f"{request.scheme}://{request.host}")
    async with AsyncExitStack() as stack:
        try:
            blob = StreamedBlob(MEMBER, start)
            target = _Target.of(blob.members, caller.account)
            writer = await stack.enter_async_context(
                backend.uploads.append(
                    scope, target.name, target.upload_id, registry_id=target.account, is_part=True
                )
            )
        except (ValueError, ServiceError):
            return None
        digest = sha256()

        def take_in(chunks: Chunks) -> Iterator[bytes]:
            for chunk in chunks:
                # Decoding brings the chunk into this core's cache, where it is hashed faster.
                decoded = blob.feed(chunk)
                digest.update(chunk)
                yield from decoded

        await writer.write(take_in([start]))
        await pass_on(body.pieces(), lambda chunks: writer.write(take_in(chunks)))
        authenticator.authenticate(claim, request, digest.hexdigest())
        try:
            parameters = read_request(UPLOAD_LAYER_PART, blob.close())
        except ValueError:
            raise messages.wrong_type(None, "blob") from None
        actual = _Target.named_in(parameters, caller.account)
        if actual != target:  # something after the blob says otherwise
            await backend.read(scope, actual.find)
            raise messages.wrong_type(None, "blob")
        check_part(parameters, writer.upload.received, writer.written, target.account)
        return part_response(parameters, await writer.commit(), target.account)


@attrs.frozen
class _Target:
    """The upload that a part belongs to."""

    name: str
    """The repository's."""
    account: str
    upload_id: str

    @classmethod
    def of(cls, members: dict[str, Any], account: str) -> "_Target":
        """Return what the members of a request say; raises `ValueError` if they don't."""
        found = members.get("repositoryName"), members.get("registryId", account), members.get("uploadId")
        if not all(isinstance(text, str) for text in found):
            raise ValueError("the request doesn't begin with what it is about")
        return cls(*map(str, found))

    def find(self, registry: Registry) -> None:
        """Raise what the operation does if there is no such upload."""
        find_upload(registry, registry.repository(self.name, self.account), self.upload_id)

    @classmethod
    def named_in(cls, request: UploadLayerPartRequest, account: str) -> "_Target":
        """Return what a request says."""
        return cls(request.repository_name, request.registry_id or account, request.upload_id)
