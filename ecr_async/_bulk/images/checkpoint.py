"""What a scan remembers after its end, however it ended: a SQLite file, written off the event loop.

A result is recorded when its consumer has come back for the next one, so what is recorded was taken. A
scan that is killed has therefore lost nothing; the result that its consumer was handling is yielded again.

An unfinished repository continues from its last page's token. Tokens can be rejected after a while, and
images come and go while nobody scans, so the digests that were yielded are kept until a repository is
finished, and left out when it is resumed.

The file belongs to one scan at a time, and a scan that has reached its end without a failure leaves it
finished: the next one starts over. Its journal is a write-ahead log, which a killed process leaves
consistent; a computer that loses power can lose the latest records, and those results come again too.
Every row has a checksum, so a file that was damaged or altered is rejected instead of believed.
"""

from __future__ import annotations

import asyncio
import errno
import os
import sqlite3
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from typing import Any, TypeVar

import attrs

from ecr_async._bulk.images.results import ScannedPage, ScanResult, VanishedRepository
from ecr_async.errors import CheckpointError
from ecr_async.service import Service

__all__ = ["Checkpoint", "Position"]

T = TypeVar("T")

APPLICATION_ID = 0x65637273
"""Distinguishes our SQLite files from others."""

SCHEMA_VERSION = 2

SCHEMA = f"""
    BEGIN;
    CREATE TABLE scan (
        settings TEXT NOT NULL,
        output TEXT,
        output_size INTEGER NOT NULL,
        began_at REAL NOT NULL,
        finished INTEGER NOT NULL,
        checksum INTEGER NOT NULL
    );
    CREATE TABLE service (
        id INTEGER PRIMARY KEY,
        identity TEXT NOT NULL UNIQUE,
        registry TEXT,
        checksum INTEGER NOT NULL
    );
    CREATE TABLE repository (
        service INTEGER NOT NULL REFERENCES service,
        name TEXT NOT NULL,
        pages INTEGER NOT NULL,
        next_token TEXT,
        checksum INTEGER NOT NULL,
        PRIMARY KEY (service, name)
    ) WITHOUT ROWID;
    CREATE TABLE delivered (
        service INTEGER NOT NULL,
        repository TEXT NOT NULL,
        page INTEGER NOT NULL,
        digests TEXT NOT NULL,
        checksum INTEGER NOT NULL,
        PRIMARY KEY (service, repository, page)
    ) WITHOUT ROWID;
    PRAGMA application_id = {APPLICATION_ID};
    PRAGMA user_version = {SCHEMA_VERSION};
    COMMIT;
"""

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


@attrs.frozen
class Position:
    """How far a repository has been scanned."""

    pages: int = 0
    """How many of its pages were yielded."""
    next_token: str | None = None
    """The token of the page after them; None if there is none."""
    delivered: frozenset[str] = frozenset()
    """The digests on them."""


class Checkpoint:
    """A checkpoint file, open. `settings` says what is scanned for; the file is good for that alone."""

    def __init__(self, path: str | os.PathLike[str], settings: str) -> None:
        self._path = os.fspath(path)
        self._settings = settings
        self._seen: Counter[str] = Counter()
        self._ids: dict[Service, int] = {}
        self._identities: dict[Service, str] = {}
        self._registries: dict[Service, str | None] = {}
        self._finished: set[tuple[int, str]] = set()
        self._unfinished: dict[tuple[int, str], Position] = {}
        self._output: str | None = None
        self._began_at = 0.0
        self.output_size = 0
        """How many bytes of the output are recorded."""
        self.resumes: datetime | None = None
        """When the scan that this one continues was begun; None for a new one."""
        self._thread = ThreadPoolExecutor(1, "ecr-async-checkpoint")
        self._connection: sqlite3.Connection | None = None
        self._is_closed = False

    async def open(self, output: str | None) -> None:
        """Open the file, or make it, for a scan that writes to the file `output`, or to none.

        Raises `CheckpointError` for a file that is something else or damaged, belongs to an unfinished
        scan with other settings or another output, or is in use by another scan.
        """
        await self._run(self._open, output)

    async def aclose(self) -> None:
        """Close the file, after what is being written to it. May be called again."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            await self._run(self._close)
        finally:
            self._thread.shutdown(wait=False)

    async def register(self, service: Service) -> None:
        """Add a service of the scan, in the order in which the services are given."""
        name = " ".join(filter(None, (service.account, service.region, service.endpoint_url)))
        self._seen[name] += 1
        number = self._seen[name]
        self._identities[service] = f"{name} #{number}" if number > 1 else name
        await self._run(self._register, service)

    def is_finished(self, service: Service, repository: str) -> bool:
        """Whether nothing is left to do for a repository."""
        return (self._ids[service], repository) in self._finished

    async def position(self, service: Service, repository: str) -> Position:
        """Return how far a repository was scanned by an earlier run."""
        key = (self._ids[service], repository)
        position = self._unfinished.pop(key, None)
        if position is None:
            return Position()
        return attrs.evolve(position, delivered=await self._run(self._delivered, *key))

    def check_registry(self, service: Service, registry: str | None) -> None:
        """Check that a service is of the account that it was of in earlier runs.

        Raises `CheckpointError` otherwise: services of one region were given in another order.
        """
        known = self._registries[service] = self._registries[service] or registry
        if registry is not None and registry != known:
            raise CheckpointError(
                f"the checkpoint {self._path} has {self._identities[service]} in account {known}, and now it "
                f"is in {registry}: give the services in the same order"
            )

    async def record(
        self, results: Iterable[ScanResult], output_size: int = 0, *, is_finished: bool = False
    ) -> None:
        """Record results that were taken, and the size of the output that holds them, all or nothing.

        With `is_finished` nothing is left to do, and the next scan starts over.
        """
        await self._run(self._record, results, output_size, is_finished)

    # -------------------------------------------------------------------------- on the thread

    async def _run(self, function: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(
            self._thread, self._typed, function, *arguments
        )

    def _typed(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call a function; raise the errors of SQLite as errors that say which file and what to do."""
        try:
            return function(*arguments)
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
            if code in DISK_ERRORS:
                raise OSError(
                    DISK_ERRORS[code], f"the checkpoint cannot be written: {error}", self._path
                ) from error
            if code in UNUSABLE:
                raise CheckpointError(f"the checkpoint {self._path} cannot be used: {error}") from error
            if code == sqlite3.SQLITE_NOTADB:
                raise CheckpointError(f"{self._path} is not a checkpoint: {error}") from error
            raise self._damaged(str(error)) from error
        except UnicodeError as error:
            raise self._damaged("a text is not UTF-8") from error

    def _damaged(self, why: str) -> CheckpointError:
        return CheckpointError(
            f"the checkpoint {self._path} is damaged ({why}); delete it to start a new scan"
        )

    def _open(self, output: str | None) -> None:
        db = sqlite3.connect(self._path, timeout=0, check_same_thread=False)
        self._connection = db
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        (application,) = db.execute("PRAGMA application_id").fetchone()
        (is_made,) = db.execute("PRAGMA schema_version").fetchone()
        if application != APPLICATION_ID and is_made:
            raise CheckpointError(f"{self._path} is a database, but not a checkpoint")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        if is_made:
            self._check(db)
        else:
            db.executescript(SCHEMA)
        self._output = output
        with db:
            self._load_scan(db)
            self._load_repositories(db)

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _check(self, db: sqlite3.Connection) -> None:
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version != SCHEMA_VERSION:
            raise CheckpointError(
                f"the checkpoint {self._path} is of another version of this library (format {version}, not "
                f"{SCHEMA_VERSION}): finish the scan with that one, or delete the file to start a new scan"
            )
        (found,) = db.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise self._damaged(found)
        if _tables(db) != _made_tables():
            raise self._damaged("its tables are not those that it was made with")

    def _rows(self, db: sqlite3.Connection, select: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Return rows without their checksums, which stand last and must be right."""
        rows: list[tuple[Any, ...]] = []
        for *values, checksum in db.execute(select, parameters):
            if checksum != _checksum(*values):
                raise self._damaged("a checksum is wrong")
            rows.append(tuple(values))
        return rows

    def _load_scan(self, db: sqlite3.Connection) -> None:
        found = self._rows(db, "SELECT * FROM scan")
        if len(found) > 1:
            raise self._damaged("it holds several scans")
        if found:
            settings, output, output_size, began_at, is_finished = found[0]
            if not is_finished:
                self._check_same(settings, output)
                self.output_size, self._began_at = output_size, began_at
                self.resumes = datetime.fromtimestamp(began_at, UTC)
                return
        for table in ("scan", "service", "repository", "delivered"):
            db.execute(f"DELETE FROM {table}")  # noqa: S608 - one of ours
        self._began_at = time.time()
        self._save_scan(db, output_size=0, is_finished=False)

    def _check_same(self, settings: str, output: str | None) -> None:
        if settings != self._settings:
            raise CheckpointError(
                f"the checkpoint {self._path} is of a scan with {settings}, not with {self._settings}"
            )
        if output != self._output:
            raise CheckpointError(
                f"the checkpoint {self._path} is of a scan that writes to {output}, not to {self._output}"
            )

    def _save_scan(self, db: sqlite3.Connection, *, output_size: int, is_finished: bool) -> None:
        db.execute("DELETE FROM scan")
        values = (self._settings, self._output, output_size, self._began_at, int(is_finished))
        _insert(db, "scan", *values)

    def _load_repositories(self, db: sqlite3.Connection) -> None:
        for service_id, name, pages, token in self._rows(db, "SELECT * FROM repository"):
            if token is None:
                self._finished.add((service_id, name))
            else:
                self._unfinished[service_id, name] = Position(pages, token)

    def _register(self, service: Service) -> None:
        assert self._connection is not None
        identity = self._identities[service]
        with self._connection as db:
            found = self._rows(db, "SELECT * FROM service WHERE identity = ?", identity)
            if not found:
                (last,) = db.execute("SELECT coalesce(max(id), 0) FROM service").fetchone()
                found = [(last + 1, identity, None)]
                _insert(db, "service", *found[0])
        self._ids[service], _, self._registries[service] = found[0]

    def _delivered(self, service_id: int, repository: str) -> frozenset[str]:
        assert self._connection is not None
        rows = self._rows(
            self._connection,
            "SELECT * FROM delivered WHERE service = ? AND repository = ?",
            service_id,
            repository,
        )
        return frozenset(digest for (*_, digests) in rows for digest in digests.split())

    def _record(self, results: Iterable[ScanResult], output_size: int, is_finished: bool) -> None:
        assert self._connection is not None
        with self._connection as db:
            for result in results:
                match result:
                    case ScannedPage():
                        self._record_page(db, result)
                    case VanishedRepository(service, repository):
                        self._record_repository(db, service, repository, 0, None)
                    case _:
                        pass  # tried again by the next run
            self._save_scan(db, output_size=output_size, is_finished=is_finished)

    def _record_page(self, db: sqlite3.Connection, page: ScannedPage) -> None:
        self._record_repository(db, page.service, page.repository, page.number + 1, page.next_token)
        if not page.is_last:
            digests = " ".join([image.image_digest or "" for image in page.images])
            _insert(db, "delivered", self._ids[page.service], page.repository, page.number, digests)

    def _record_repository(
        self, db: sqlite3.Connection, service: Service, repository: str, pages: int, next_token: str | None
    ) -> None:
        key = (self._ids[service], repository)
        _insert(db, "repository", *key, pages, next_token)
        if next_token is None and pages != 1:
            db.execute("DELETE FROM delivered WHERE service = ? AND repository = ?", key)
        registry = self._registries[service]
        if registry is not None:
            _insert(db, "service", key[0], self._identities[service], registry)


def _tables(db: sqlite3.Connection) -> list[tuple[str, str]]:
    """Return how each table, index, view and trigger was made, in order of their names."""
    return db.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name").fetchall()


def _made_tables() -> list[tuple[str, str]]:
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript(SCHEMA)
        return _tables(db)


def _insert(db: sqlite3.Connection, table: str, *values: Any) -> None:
    """Insert a row with its checksum, or replace the one with its key."""
    places = ", ".join("?" * (len(values) + 1))
    db.execute(f"INSERT OR REPLACE INTO {table} VALUES ({places})", (*values, _checksum(*values)))  # noqa: S608


def _checksum(*values: Any) -> int:
    return zlib.crc32(repr(values).encode("utf-8", "surrogatepass"))
