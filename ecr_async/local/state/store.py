"""The state in SQLite: one thread writes, a few read, and files follow the rows.

`write` runs work on the writing thread, one transaction after the other, so handlers need no locks.
`read` runs work on one of the reading threads, on a snapshot of what is committed: a read never waits
for a write, however long that takes. The event loop waits for neither.
"""

import asyncio
import logging
import os
import secrets
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import attrs

from ecr_async.errors import ConfigurationError, ServiceError
from ecr_async.local.state.schema import SCHEMA, SCHEMA_VERSION, schema_fault

__all__ = ["Store", "Transaction", "WriteNeededError"]

ResultT = TypeVar("ResultT")

READERS = 4
"""Threads that read. More would only queue for the interpreter lock."""

PATIENCE = 0.1
"""Seconds that a read's response waits for what it has to write besides."""

CACHE_KIB = 16 * 1024
"""Memory for pages of the database that a connection takes at most."""

NO_FOLLOW: int = getattr(os, "O_NOFOLLOW", 0)

logger = logging.getLogger("ecr_async.local")


class WriteNeededError(Exception):
    """Work on a snapshot turned out to need the writing thread; it is run there from its beginning."""


@attrs.frozen
class Transaction:
    """An open transaction: the database, and what is to follow once the transaction is committed."""

    db: sqlite3.Connection
    writable: bool
    _actions: list[Callable[[], None]] = attrs.Factory(list[Callable[[], None]])
    _later: "list[Callable[[Transaction], object]]" = attrs.Factory(list["Callable[[Transaction], object]"])

    def require_write(self) -> None:
        """Raise `WriteNeededError` on a snapshot. To be called before anything is written."""
        if not self.writable:
            raise WriteNeededError

    def after_commit(self, action: Callable[[], None]) -> None:
        """Run `action` on the writing thread after the commit, before any other transaction.

        It does not run if the transaction is rolled back. Its failure is logged, and undoes nothing:
        the rows are what counts.
        """
        self._actions.append(action)

    def afterwards(self, work: "Callable[[Transaction], object]") -> None:
        """Write something that the response doesn't depend on.

        On a snapshot it is done in a transaction of its own, for which the response waits only if the
        writing thread is not busy.
        """
        if self.writable:
            work(self)
        else:
            self._later.append(work)

    def run_actions(self) -> None:
        """Run what is to follow the commit."""
        for action in self._actions:
            try:
                action()
            except Exception:
                logger.exception("%s failed after its transaction was committed", action)

    @property
    def has_more(self) -> bool:
        """Whether something was put off until afterwards."""
        return bool(self._later)

    def run_later(self, transaction: "Transaction") -> None:
        """Do in a transaction what was put off until afterwards."""
        for work in self._later:
            work(transaction)


class Store:
    """A SQLite database in a file, and the threads that work on it."""

    def __init__(self) -> None:
        self._path = Path()
        self._durable = True
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="local-ecr-write")
        self._readers = ThreadPoolExecutor(max_workers=READERS, thread_name_prefix="local-ecr-read")
        self._connections: list[sqlite3.Connection] = []
        self._writing: sqlite3.Connection | None = None
        self._reading = threading.local()
        self._written_later: set[asyncio.Future[None]] = set()

    async def open(self, path: Path, *, durable: bool) -> bytes:
        """Open the database, making it if need be; return the secret that it keeps for the server.

        With `durable` off, the file is not expected to outlive the process, and nothing waits for the
        disk. Raises `ConfigurationError` if the file is damaged or is not such a database.
        """
        self._path, self._durable = path, durable
        try:
            return await self.run(self._open)
        except OSError as error:
            raise ConfigurationError(f"{path} cannot be opened: {error.strerror}") from error
        except sqlite3.DatabaseError as error:
            raise ConfigurationError(
                f"{path} is damaged or is not a database of the embedded ECR ({error}); "
                "restore it, or remove its folder to start with nothing"
            ) from None

    async def aclose(self) -> None:
        """Finish the work at hand and close the database; `run` still works."""
        await asyncio.gather(*self._written_later, return_exceptions=True)
        await self.run(self._close)

    def stop(self) -> None:
        """End the writing thread, the last of the store."""
        self._writer.shutdown()

    async def write(self, work: Callable[[Transaction], ResultT]) -> ResultT:
        """Run `work` on the writing thread, in a transaction.

        A `ServiceError` is a response like any other: what was written before it is committed. Any
        other exception rolls back.
        """
        return await self.run(lambda: self._write(work))

    async def read(self, work: Callable[[Transaction], ResultT]) -> ResultT:
        """Run `work` on a snapshot of the database, on a reading thread.

        If it raises `WriteNeededError`, it is run again by `write`.
        """
        loop = asyncio.get_running_loop()
        try:
            result, transaction = await loop.run_in_executor(self._readers, self._read, work)
        except WriteNeededError:
            return await self.write(work)
        if transaction.has_more:
            writing = asyncio.ensure_future(self.write(transaction.run_later))
            self._written_later.add(writing)
            writing.add_done_callback(self._written_later.discard)
            await asyncio.wait([writing], timeout=PATIENCE)
        return result

    async def run(self, work: Callable[[], ResultT]) -> ResultT:
        """Run `work` on the writing thread, between transactions."""
        return await asyncio.get_running_loop().run_in_executor(self._writer, work)

    def _open(self) -> bytes:
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | NO_FOLLOW, 0o600))
        self._path.chmod(0o600)
        db = self._writing = self._connect()
        (version,) = db.execute("PRAGMA user_version").fetchone()
        (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if tables and version != SCHEMA_VERSION:
            raise ConfigurationError(
                f"{self._path} was written by another version of the embedded ECR (schema {version}, "
                f"this one is {SCHEMA_VERSION}); use that version, or remove the folder to start with nothing"
            )
        (verdict,) = db.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
        if not tables:
            db.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
        fault = schema_fault(db)
        if fault is not None:
            raise sqlite3.DatabaseError(fault)
        found = db.execute("SELECT secret FROM server").fetchone()
        if found is not None:
            if not isinstance(found[0], bytes):
                raise sqlite3.DatabaseError("the server's secret has been altered")
            return found[0]
        secret = secrets.token_bytes(32)
        db.execute("INSERT INTO server VALUES (?)", (secret,))
        return secret

    def _connect(self) -> sqlite3.Connection:
        # A reader's connection is closed by the writing thread, after the reader has ended.
        db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        self._connections.append(db)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute(f"PRAGMA synchronous = {'NORMAL' if self._durable else 'OFF'}")
        db.execute("PRAGMA foreign_keys = ON")
        db.execute(f"PRAGMA cache_size = {-CACHE_KIB}")
        return db

    def _close(self) -> None:
        self._readers.shutdown()
        for db in self._connections:
            db.close()

    def _read(self, work: Callable[[Transaction], ResultT]) -> tuple[ResultT, Transaction]:
        db: sqlite3.Connection | None = getattr(self._reading, "db", None)
        if db is None:
            db = self._reading.db = self._connect()
            db.execute("PRAGMA query_only = ON")
        transaction = Transaction(db, False)
        db.execute("BEGIN")
        try:
            return work(transaction), transaction
        finally:
            db.execute("ROLLBACK")

    def _write(self, work: Callable[[Transaction], ResultT]) -> ResultT:
        assert self._writing is not None
        transaction = Transaction(self._writing, True)
        transaction.db.execute("BEGIN IMMEDIATE")
        try:
            result = work(transaction)
        except ServiceError:
            self._commit(transaction)
            raise
        except BaseException:
            if transaction.db.in_transaction:  # a full disk has rolled it back already
                transaction.db.execute("ROLLBACK")
            raise
        self._commit(transaction)
        return result

    def _commit(self, transaction: Transaction) -> None:
        try:
            transaction.db.execute("COMMIT")
        except BaseException:
            if transaction.db.in_transaction:
                transaction.db.execute("ROLLBACK")
            raise
        transaction.run_actions()
