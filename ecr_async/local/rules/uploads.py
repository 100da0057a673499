"""The bytes of uploads on their way into files, whichever door they come by.

    async with uploads.append(scope, "team/app", upload_id) as writer:
        async for piece in body:
            await writer.write([piece])
        upload = await writer.commit()
    layer = await uploads.complete(scope, "team/app", upload_id, (digest,))

Bytes are written and hashed off the event loop and off the store's writing thread, so many uploads make
progress at once. They count from `UploadWriter.commit` on; what a crash, a cancellation or an error
leaves beyond that is cut off by the next writer. One writer at a time works on an upload.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import BinaryIO, NoReturn, Protocol, TypeVar
from weakref import WeakValueDictionary

import attrs

from ecr_async.api.layers import UploadNotFoundException
from ecr_async.local.rules import messages
from ecr_async.local.rules.layers import (
    LayerRecord,
    UploadRecord,
    cancel_upload,
    complete_upload,
    find_upload,
    record_bytes,
)
from ecr_async.local.rules.registry import Registry, Scope
from ecr_async.local.state.blobs import Blobs
from ecr_async.local.state.digests import algorithm_of, new_hash
from ecr_async.oci.digests import Hash

__all__ = ["UploadWriter", "Uploads"]

ResultT = TypeVar("ResultT")

WORKERS = 2
"""Threads that hash and write. On two cores, too, other calls take no longer with the second."""

RESUMABLE_HASHES = 1024
"""Uploads whose hash so far is remembered; the bytes of others are read again."""


class Transactions(Protocol):
    """What uploads need of `Backend`."""

    async def read(self, scope: Scope, work: Callable[[Registry], ResultT], /) -> ResultT:
        """Run work on a snapshot."""
        ...

    async def write(self, scope: Scope, work: Callable[[Registry], ResultT], /) -> ResultT:
        """Run work in a transaction."""
        ...


@attrs.frozen
class _Progress:
    """The hash of the first `size` bytes of an upload."""

    size: int
    sha256: Hash


@attrs.define
class UploadWriter:
    """Appends to an upload. What is written counts once `commit` has returned."""

    upload: UploadRecord
    """The upload as it was when the writer was opened."""
    written: int
    """Bytes that have been written since."""
    _file: BinaryIO
    _sha256: Hash
    _run: Callable[[Callable[[], int]], Awaitable[int]]
    _record: Callable[["UploadWriter"], Awaitable[UploadRecord]]

    async def write(self, pieces: Iterable[bytes]) -> None:
        """Append bytes, which are made on the thread that writes if they come from a generator."""

        def write() -> int:
            written = 0
            for piece in pieces:
                left = memoryview(piece)
                while left:
                    left = left[self._file.write(left) :]
                self._sha256.update(piece)
                written += len(piece)
            return written

        self.written += await self._run(write)

    async def commit(self) -> UploadRecord:
        """Make what was written count, and return the upload as it is now.

        Raises `UploadNotFoundException` if the upload has ended meanwhile, and `LimitExceededException`
        if it has too many parts.
        """
        return await self._record(self)


class Uploads:
    """The uploads under way."""

    def __init__(self, backend: Transactions, blobs: Blobs) -> None:
        self._backend = backend
        self._blobs = blobs
        self._workers = ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="local-ecr-bytes")
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._progress: dict[str, _Progress] = {}

    def close(self) -> None:
        """Finish the work at hand; blocks until then."""
        self._workers.shutdown()

    async def run(self, work: Callable[[], ResultT]) -> ResultT:
        """Run what handles many bytes on a thread for such work; if cancelled, wait for it all the same."""
        return await _uninterrupted(asyncio.get_running_loop().run_in_executor(self._workers, work))

    @asynccontextmanager
    async def append(
        self,
        scope: Scope,
        repository_name: str,
        upload_id: str,
        *,
        registry_id: str | None = None,
        is_part: bool = False,
    ) -> AsyncGenerator[UploadWriter]:
        """Open an upload to append to it; raises `UploadNotFoundException`.

        `is_part` says that what is written is a part in the sense of the API, which limits parts.
        """
        async with self._lock(upload_id):
            upload = await self._find(scope, repository_name, registry_id, upload_id)
            hasher, file = await self._open(scope, repository_name, registry_id, upload)

            async def record(writer: UploadWriter) -> UploadRecord:
                def work(registry: Registry) -> UploadRecord:
                    repository = registry.repository(repository_name, registry_id)
                    return record_bytes(registry, repository, upload, writer.written, is_part=is_part)

                now = await _uninterrupted(self._backend.write(scope, work))
                self._remember(upload_id, _Progress(now.received, hasher))
                return now

            try:
                yield UploadWriter(upload, 0, file, hasher, self.run, record)
            except UploadNotFoundException:  # it ended while bytes came in, and its file came back with them
                await self.run(lambda: self._blobs.discard(upload_id))
                raise
            finally:
                await self.run(file.close)  # which may wait for the disk

    async def complete(
        self,
        scope: Scope,
        repository_name: str,
        upload_id: str,
        digests: Sequence[str],
        *,
        registry_id: str | None = None,
        may_be_empty: bool = False,
    ) -> LayerRecord:
        """Make an upload a layer of its repository; `digests` is what the client says that it has.

        Raises the errors of `CompleteLayerUpload`. After `LayerAlreadyExistsException` the layer is
        there and the upload is not.
        """
        async with self._lock(upload_id):
            upload = await self._find(scope, repository_name, registry_id, upload_id)
            algorithm = next(filter(None, map(algorithm_of, digests)), "sha256")
            # What a rejected part has left behind the bytes that count is cut off by opening the file.
            hasher, file = await self._open(scope, repository_name, registry_id, upload, algorithm)
            await self.run(file.close)
            digest = f"{algorithm}:{hasher.hexdigest()}"

            def work(registry: Registry) -> LayerRecord:
                repository = registry.repository(repository_name, registry_id)
                current = find_upload(registry, repository, upload_id)
                return complete_upload(
                    registry, repository, current, digest, digests, may_be_empty=may_be_empty
                )

            layer = await _uninterrupted(self._backend.write(scope, work))
            self._progress.pop(upload_id, None)
            return layer

    def _lock(self, upload_id: str) -> asyncio.Lock:
        return self._locks.setdefault(upload_id, asyncio.Lock())

    async def _find(
        self, scope: Scope, repository_name: str, registry_id: str | None, upload_id: str
    ) -> UploadRecord:
        return await self._backend.read(
            scope,
            lambda registry: find_upload(
                registry, registry.repository(repository_name, registry_id), upload_id
            ),
        )

    async def _open(
        self,
        scope: Scope,
        repository_name: str,
        registry_id: str | None,
        upload: UploadRecord,
        algorithm: str = "sha256",
    ) -> tuple[Hash, BinaryIO]:
        """Return the hash of the bytes that count, and the file, to write behind them.

        Raises `UploadNotFoundException` if somebody has removed the file; that ends the upload.
        """
        try:
            hasher = await self._hash(upload, algorithm)
            return hasher, await self.run(lambda: self._blobs.open_upload(upload.id, upload.received))
        except FileNotFoundError:

            def end(registry: Registry) -> NoReturn:
                repository = registry.repository(repository_name, registry_id)
                cancel_upload(registry, repository, upload.id)
                raise messages.upload_not_found(upload.id, repository) from None

            return await self._backend.write(scope, end)

    async def _hash(self, upload: UploadRecord, algorithm: str) -> Hash:
        """Return the hash of the bytes that count, which are read again if it isn't at hand."""
        progress = self._progress.get(upload.id)
        if algorithm == "sha256" and progress is not None and progress.size == upload.received:
            return progress.sha256.copy()
        if not upload.received:
            return new_hash(algorithm)
        return await self.run(
            lambda: self._blobs.hash_upload(upload.id, upload.received, new_hash(algorithm))
        )

    def _remember(self, upload_id: str, progress: _Progress) -> None:
        self._progress.pop(upload_id, None)
        while len(self._progress) >= RESUMABLE_HASHES:
            del self._progress[next(iter(self._progress))]
        self._progress[upload_id] = progress


async def _uninterrupted(work: Awaitable[ResultT]) -> ResultT:
    """Await work that continues when it is cancelled: a thread's, which uses what we would release."""
    future = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        while not future.done():
            try:
                await asyncio.wait([future])
            except asyncio.CancelledError:
                continue
        raise
