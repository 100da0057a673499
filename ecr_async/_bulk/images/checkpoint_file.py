"""A SQLite file off the event loop, whose errors say which file it is and what to do about it.

Its journal is a write-ahead log, which a killed process leaves consistent; a computer that loses power can
lose the latest records. Every row has a checksum, so a file that was damaged or altered is rejected instead
of believed.
"""

from __future__ import annotations

import asyncio
import errno
import os
import sqlite3
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any, TypeVar

from ecr_async.errors import CheckpointError

__all__ = ["CheckpointFile"]

T = TypeVar("T")

APPLICATION_ID = 0x65637273
"""Distinguishes our SQLite files from others."""

SCHEMA_VERSION = 2

DISK_ERRORS = {sqlite3.SQLITE_FULL: errno.ENOSPC, sqlite3.SQLITE_IOERR: errno.EIO}
UNUSABLE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_AUTH,
    }
)


class CheckpointFile:
    """A checkpoint's file, with a thread of its own on which `run` calls what uses the other methods."""

    def __init__(self, path: str | os.PathLike[str], tables: str) -> None:
        """Remember which file. `tables` is SQL that makes its tables, a checksum being the last column."""
        self.path = os.fspath(path)
        self._tables = tables
        self._thread = ThreadPoolExecutor(1, "ecr-async-checkpoint")
        self._connection: sqlite3.Connection | None = None
        self._is_closed = False

    async def run(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call a function on the file's thread, in a transaction that ends with it.

        Raises `OSError` if the disk cannot be written, and `CheckpointError` for whatever else is wrong with
        the file.
        """
        return await self._on_thread(self._in_transaction, function, *arguments)

    async def open(self) -> None:
        """Open the file, or make it. A damaged file, one in use and any other raise `CheckpointError`."""
        await self._on_thread(self._open)

    async def aclose(self) -> None:
        """Close the file, after what is being written to it. May be called again."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            await self._on_thread(self._close)
        finally:
            self._thread.shutdown(wait=False)

    # -------------------------------------------------------------------------- on the thread

    def rows(self, select: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Return rows without their checksums, which stand last and must be right."""
        rows: list[tuple[Any, ...]] = []
        for *values, checksum in self._database.execute(select, parameters):
            if checksum != _checksum(*values):
                raise self.damaged("a checksum is wrong")
            rows.append(tuple(values))
        return rows

    def insert(self, table: str, *values: Any) -> None:
        """Insert a row with its checksum, or replace the one with its key."""
        places = ", ".join("?" * (len(values) + 1))
        statement = f"INSERT OR REPLACE INTO {table} VALUES ({places})"  # noqa: S608 - one of ours
        self._database.execute(statement, (*values, _checksum(*values)))

    def delete(self, table: str, condition: str = "1", *parameters: Any) -> None:
        """Delete the rows of a table that meet a condition."""
        self._database.execute(f"DELETE FROM {table} WHERE {condition}", parameters)  # noqa: S608 - one of ours

    def damaged(self, why: str) -> CheckpointError:
        """Return the error for a file that does not hold what was written to it."""
        return CheckpointError(
            f"the checkpoint {self.path} is damaged ({why}); delete it to start a new scan"
        )

    @property
    def _database(self) -> sqlite3.Connection:
        assert self._connection is not None
        return self._connection

    async def _on_thread(self, function: Callable[..., T], *arguments: Any) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._typed, function, *arguments)

    def _typed(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call a function; raise the errors of SQLite as errors that say which file and what to do."""
        try:
            return function(*arguments)
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
            if code in DISK_ERRORS:
                raise OSError(
                    DISK_ERRORS[code], f"the checkpoint cannot be written: {error}", self.path
                ) from error
            if code in UNUSABLE:
                raise CheckpointError(f"the checkpoint {self.path} cannot be used: {error}") from error
            if code == sqlite3.SQLITE_NOTADB:
                raise CheckpointError(f"{self.path} is not a checkpoint: {error}") from error
            raise self.damaged(str(error)) from error
        except UnicodeError as error:
            raise self.damaged("a text is not UTF-8") from error

    def _in_transaction(self, function: Callable[..., T], *arguments: Any) -> T:
        with self._database:
            return function(*arguments)

    def _open(self) -> None:
        db = sqlite3.connect(self.path, timeout=0)
        self._connection = db
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        (application,) = db.execute("PRAGMA application_id").fetchone()
        (is_made,) = db.execute("PRAGMA schema_version").fetchone()
        if application != APPLICATION_ID and is_made:
            raise CheckpointError(f"{self.path} is a database, but not a checkpoint")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        if is_made:
            self._check(db)
        else:
            db.executescript(
                f"BEGIN; {self._tables} PRAGMA application_id = {APPLICATION_ID}; "
                f"PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
            )

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _check(self, db: sqlite3.Connection) -> None:
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version != SCHEMA_VERSION:
            raise CheckpointError(
                f"the checkpoint {self.path} is of another version of this library (format {version}, not "
                f"{SCHEMA_VERSION}): finish the scan with that one, or delete the file to start a new scan"
            )
        (found,) = db.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise self.damaged(found)
        if _tables(db) != _tables_made_by(self._tables):
            raise self.damaged("its tables are not those that it was made with")


def _tables(db: sqlite3.Connection) -> list[tuple[str, str]]:
    """Return how each table, index, view and trigger was made, in order of their names."""
    return db.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name").fetchall()


def _tables_made_by(script: str) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript(script)
        return _tables(db)


def _checksum(*values: Any) -> int:
    return zlib.crc32(repr(values).encode())
