"""The embedded ECR's state, and the transactions by which both of its doors reach it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias, TypeVar

import attrs

from ecr_async.api.common import ImageIdentifier
from ecr_async.local.authentication import Caller
from ecr_async.local.rules.registry import Registry, Rules, Scope
from ecr_async.local.rules.scans import complete_scans
from ecr_async.local.rules.uploads import Uploads
from ecr_async.local.state import sweeping
from ecr_async.local.state.blobs import Blobs
from ecr_async.local.state.folder import DataFolder
from ecr_async.local.state.outbox import Outbox
from ecr_async.local.state.schema import SERVER_TABLES
from ecr_async.local.state.sealing import Sealer
from ecr_async.local.state.store import Store, Transaction

__all__ = ["Backend"]

BeforePull: TypeAlias = Callable[[Scope, str, Sequence[ImageIdentifier]], Awaitable[None]]
ResultT = TypeVar("ResultT")

SWEEP_SECONDS = 3600

logger = logging.getLogger("ecr_async.local")


@attrs.define
class Backend:
    """The state of every account's registries: rows in `store`, files in `blobs`.

    `read` and `write` are how every door gets at the state; `uploads` takes in the bytes of layers.
    """

    folder: DataFolder
    store: Store
    blobs: Blobs
    sealer: Sealer
    rules: Rules
    clock: Callable[[], float]
    outbox: Outbox | None
    uploads: Uploads = attrs.field(init=False)
    before_pull: BeforePull | None = attrs.field(init=False, default=None)
    """Fetches images that are to be pulled and aren't here yet; set by `distribution.routes`."""
    _sweeping: "asyncio.Task[None] | None" = attrs.field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        self.uploads = Uploads(self, self.blobs)

    @classmethod
    async def open(
        cls, data: Path | None, rules: Rules, clock: Callable[[], float], outbox: Outbox | None = None
    ) -> "Backend":
        """Open the state in a folder, making it if need be; without a folder, in a temporary one.

        Files without rows, and rows without files, are what a crash has left: they are removed first.
        Raises `ConfigurationError` if another server uses the folder or the database is damaged.
        """
        store = Store()
        try:
            folder = await store.run(lambda: DataFolder.open(data))
            try:
                return await cls._open(folder, store, rules, clock, outbox)
            except BaseException:
                await store.aclose()
                await store.run(folder.close)
                raise
        except BaseException:
            store.stop()
            raise

    @classmethod
    async def _open(
        cls,
        folder: DataFolder,
        store: Store,
        rules: Rules,
        clock: Callable[[], float],
        outbox: Outbox | None,
    ) -> "Backend":
        sealer = Sealer(await store.open(folder.database, durable=not folder.temporary))
        blobs = Blobs(folder.path)
        backend = cls(folder, store, blobs, sealer, rules, clock, outbox)
        await store.run(blobs.prepare)
        await store.write(lambda transaction: sweeping.reconcile(transaction, blobs))
        await backend.sweep()
        backend._sweeping = asyncio.create_task(backend._sweep_hourly())
        if outbox is not None:
            scope = Scope(Caller("", ""), "", "")
            outbox.open(store, lambda: backend.write(scope, complete_scans))
        return backend

    async def aclose(self) -> None:
        """Close the database; remove what was temporary."""
        try:
            if self._sweeping is not None:
                self._sweeping.cancel()
                await asyncio.wait([self._sweeping])
            if self.outbox is not None:
                await self.outbox.aclose()
            await self.store.run(self.uploads.close)
            await self.store.aclose()
        finally:
            await self.store.run(self.folder.close)
            self.store.stop()

    async def read(self, scope: Scope, work: Callable[[Registry], ResultT]) -> ResultT:
        """Run `work` on the caller's registry as it is now, not waiting for those who write.

        Work that calls `Registry.require_write` is run again by `write`.
        """
        return await self.store.read(lambda transaction: work(self._registry(transaction, scope)))

    async def write(self, scope: Scope, work: Callable[[Registry], ResultT]) -> ResultT:
        """Run `work` on the caller's registry, in a transaction, one after the other."""
        return await self.store.write(lambda transaction: work(self._registry(transaction, scope)))

    async def prepare_pull(
        self, scope: Scope, name: str, registry_id: str | None, image_ids: Sequence[ImageIdentifier]
    ) -> None:
        """Fetch images that are about to be pulled, as far as the caller's pull-through cache rules say."""
        if self.before_pull is not None and registry_id in (None, scope.caller.account):
            await self.before_pull(scope, name, image_ids)

    async def sweep(self) -> None:
        """Free abandoned uploads and layers that no image has needed for a day."""
        now = self.clock()
        unneeded = await self.store.read(lambda transaction: sweeping.find_unneeded(transaction, now))
        for batch in unneeded.batches():
            await self.store.write(partial(sweeping.free, blobs=self.blobs, unneeded=batch))

    async def _sweep_hourly(self) -> None:
        """Sweep every hour until this is cancelled."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            try:
                await self.sweep()
            except Exception:
                logger.exception("what nobody needs any more could not be freed")

    async def reset(self) -> None:
        """Empty every registry."""

        def empty(transaction: Transaction) -> None:
            db = transaction.db
            for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                if table not in SERVER_TABLES:
                    db.execute(f"DELETE FROM {table}")  # noqa: S608 - the schema's own names
            transaction.after_commit(lambda: sweeping.remove_rowless(transaction, self.blobs))

        await self.store.write(empty)

    def _registry(self, transaction: Transaction, scope: Scope) -> Registry:
        return Registry(transaction, self.blobs, self.sealer, self.rules, scope, self.clock(), self.outbox)
