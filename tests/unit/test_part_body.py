"""The body of a part: what its hash says, what its size says and what is sent are the same JSON."""

import asyncio
import base64
import json
from hashlib import sha256
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from ecr_async.api.layers import UploadLayerPartRequest
from ecr_async.transfer.repositories.part_body import PartBody
from ecr_async.transfer.repositories.part_buffers import PartBuffers

UPLOAD_ID = "11111111-2222-3333-4444-555555555555"
LEFT_BY_ANOTHER = b"x" * 1000


@given(data=st.binary(max_size=200), cuts=st.lists(st.integers(0, 200), max_size=5), left=st.booleans())
@example(data=bytes(range(256)) * 4096, cuts=[1, 400_000, 1_000_001], left=False)
def test_a_body_is_its_bytes_however_they_come(data: bytes, cuts: list[int], *, left: bool) -> None:
    request = UploadLayerPartRequest("team/app", UPLOAD_ID, 0, len(data), b"")
    made = PartBody(request, bytearray(LEFT_BY_ANOTHER if left else b""))
    for start, end in pairwise([0, *sorted(cuts), max([len(data), *cuts])]):
        made.take(data[start:end])
    body = made.finish()
    for _ in range(2):  # attempts
        sent = b"".join(made)
        assert body.sha256 == sha256(sent).hexdigest()
        assert made.size == len(sent)
        document = json.loads(sent)
        assert base64.b64decode(document.pop("layerPartBlob"), validate=True) == data
        assert document["uploadId"] == UPLOAD_ID


async def test_a_buffer_is_used_again_once_nobody_reads_it() -> None:
    buffers = PartBuffers(2)
    first, second, third = [await buffers.acquire() for _ in range(3)]
    assert buffers.are_taken()
    waiting = asyncio.ensure_future(buffers.acquire())
    buffers.release(second)
    assert await waiting is second
    buffers.release()
    fresh = await buffers.acquire()
    assert all(fresh is not each for each in (first, second, third))
