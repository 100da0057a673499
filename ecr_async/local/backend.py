"""All that the embedded ECR knows, behind one way in."""

import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import attrs

from ecr_async.local.authentication import Caller
from ecr_async.local.blobs import Blobs
from ecr_async.local.registry import Registry, Rules
from ecr_async.local.sealing import Sealer
from ecr_async.local.store import Store

__all__ = ["Backend"]

ResultT = TypeVar("ResultT")

KEPT = frozenset({"server", "sqlite_sequence"})
"""Tables that a reset leaves alone."""


@attrs.define
class Backend:
    """The state of every account's registries.

    With `data` it is in that folder, as `ecr.sqlite` and the layers' files. Without, the database is in
    memory, the layers are in a temporary folder, and closing removes them.
    """

    store: Store
    blobs: Blobs
    sealer: Sealer
    rules: Rules
    clock: Callable[[], float]
    temporary: Path | None

    @classmethod
    async def open(cls, data: Path | None, rules: Rules, clock: Callable[[], float]) -> "Backend":
        """Open what is there, or make it."""
        store = Store(data and data / "ecr.sqlite")
        secret = await store.open()

        def prepare() -> tuple[Blobs, Path | None]:
            temporary = None if data else Path(tempfile.mkdtemp(prefix="ecr-async-"))
            blobs = Blobs(data or temporary or Path())
            blobs.prepare()
            return blobs, temporary

        try:
            blobs, temporary = await store.run(prepare)
        except BaseException:
            await store.close()
            raise
        return cls(store, blobs, Sealer(secret), rules, clock, temporary)

    async def close(self) -> None:
        """Close the database; remove what was temporary."""
        temporary = self.temporary
        try:
            if temporary is not None:
                await self.store.run(lambda: shutil.rmtree(temporary))
        finally:
            await self.store.close()

    async def call(
        self, caller: Caller, operation: str, url: str, work: Callable[[Registry], ResultT]
    ) -> ResultT:
        """Run `work` on a caller's registry, in a transaction, off the event loop.

        This is how every route gets at the state. `operation` is the API's name of what is done, which
        other accounts' repository policies may allow; `url` is the server's, as the caller reaches it.
        """

        def with_registry(db: sqlite3.Connection) -> ResultT:
            return work(
                Registry(
                    db=db,
                    blobs=self.blobs,
                    sealer=self.sealer,
                    rules=self.rules,
                    url=url,
                    account=caller.account,
                    region=caller.region,
                    operation=operation,
                    now=self.clock(),
                )
            )

        return await self.store.transaction(with_registry)

    async def reset(self) -> None:
        """Empty every registry."""

        def empty(db: sqlite3.Connection) -> None:
            tables = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            for (table,) in tables:
                if table not in KEPT:
                    db.execute(f"DELETE FROM {table}")  # noqa: S608 - the schema's own names
            self.blobs.clear()

        await self.store.transaction(empty)
