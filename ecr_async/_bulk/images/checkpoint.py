"""What a scan remembers across its end, however it ended: a SQLite file, written off the event loop.

A result is recorded when its consumer has come back for the next one, so what is recorded was taken. A
scan that is killed has therefore lost nothing; what its consumer had in hand at that moment comes again.

An unfinished repository goes on from its last page's token. Tokens can be refused after a while, and
images come and go while nobody scans, so the digests handed out are kept until a repository is
finished, and left out when it is resumed.

The file belongs to one scan at a time. Its journal is a write-ahead log, which a killed process leaves
consistent; a computer that loses power can lose the latest records, and those results come again too.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import attrs

from ecr_async._bulk.images.results import ScannedPage, ScanResult, VanishedRepository
from ecr_async.errors import ConfigurationError
from ecr_async.service import Service

__all__ = ["Checkpoint", "Position"]

T = TypeVar("T")

APPLICATION_ID = 0x65637273
"""Tells SQLite files of ours from others."""

SCHEMA = f"""
    BEGIN;
    CREATE TABLE scan (settings TEXT NOT NULL, output TEXT, output_size INTEGER NOT NULL);
    CREATE TABLE service (
        id INTEGER PRIMARY KEY,
        identity TEXT NOT NULL UNIQUE,
        registry TEXT
    );
    CREATE TABLE repository (
        service INTEGER NOT NULL REFERENCES service,
        name TEXT NOT NULL,
        pages INTEGER NOT NULL,
        next_token TEXT,
        finished INTEGER NOT NULL,
        PRIMARY KEY (service, name)
    ) WITHOUT ROWID;
    CREATE TABLE delivered (
        service INTEGER NOT NULL,
        repository TEXT NOT NULL,
        page INTEGER NOT NULL,
        digests TEXT NOT NULL,
        PRIMARY KEY (service, repository, page)
    ) WITHOUT ROWID;
    PRAGMA application_id = {APPLICATION_ID};
    PRAGMA user_version = 1;
    COMMIT;
"""


@attrs.frozen
class Position:
    """How far a repository has been scanned."""

    pages: int = 0
    """How many of its pages were handed out."""
    next_token: str | None = None
    """The token of the page after them."""
    delivered: frozenset[str] = frozenset()
    """The digests on them."""


class Checkpoint:
    """A checkpoint file, open. `settings` says what is scanned for; the file is good for that alone."""

    def __init__(self, path: str | os.PathLike[str], services: Sequence[Service], settings: str) -> None:
        self._path = os.fspath(path)
        self._settings = settings
        self._identities = dict(zip(services, _identities(services), strict=True))
        self._ids: dict[Service, int] = {}
        self._registries: dict[Service, str | None] = {}
        self._finished: set[tuple[int, str]] = set()
        self._unfinished: dict[tuple[int, str], Position] = {}
        self.output_size = 0
        """How many bytes of the output are recorded."""
        self._thread = ThreadPoolExecutor(1, "ecr-async-checkpoint")
        self._connection: sqlite3.Connection | None = None

    async def open(self, output: str | None) -> None:
        """Open the file, or make it, for a scan that writes to the file `output`, or to none.

        Raises `ConfigurationError` for a file that is something else, belongs to a scan with other
        settings or another output, or is in use by another scan.
        """
        try:
            await self._run(self._open, output)
        except sqlite3.OperationalError as error:
            raise ConfigurationError(f"the checkpoint {self._path} cannot be used: {error}") from error
        except sqlite3.DatabaseError as error:
            raise ConfigurationError(f"{self._path} is not a checkpoint: {error}") from error

    async def close(self) -> None:
        """Close the file, after what is being written to it. May be called again."""
        if self._connection is not None:
            await self._run(self._connection.close)
            self._connection = None
        self._thread.shutdown(wait=False)

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

        Raises `ConfigurationError` otherwise: services of one region were given in another order.
        """
        known = self._registries[service] = self._registries[service] or registry
        if registry is not None and registry != known:
            raise ConfigurationError(
                f"the checkpoint {self._path} has {self._identities[service]} in account {known}, and now it "
                f"is in {registry}: give the services in the same order"
            )

    async def record(self, results: Iterable[ScanResult], output_size: int = 0) -> None:
        """Structure results that were taken, and the size of the output that holds them, all or nothing."""
        await self._run(self._record, results, output_size)

    # -------------------------------------------------------------------------- on the thread

    async def _run(self, function: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    def _open(self, output: str | None) -> None:
        db = sqlite3.connect(self._path, timeout=0, check_same_thread=False)
        self._connection = db
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        (application,) = db.execute("PRAGMA application_id").fetchone()
        (version,) = db.execute("PRAGMA schema_version").fetchone()
        if application != APPLICATION_ID and version != 0:
            raise ConfigurationError(f"{self._path} is a database, but not a checkpoint")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        if version == 0:
            db.executescript(SCHEMA)
        with db:
            self._load_scan(db, output)
            self._load_repositories(db)

    def _load_scan(self, db: sqlite3.Connection, output: str | None) -> None:
        row = db.execute("SELECT settings, output, output_size FROM scan").fetchone()
        if row is None:
            db.execute("INSERT INTO scan VALUES (?, ?, 0)", (self._settings, output))
            return
        settings, made_for, self.output_size = row
        if settings != self._settings:
            raise ConfigurationError(
                f"the checkpoint {self._path} is of a scan with {settings}, not with {self._settings}"
            )
        if made_for != output:
            raise ConfigurationError(
                f"the checkpoint {self._path} is of a scan that writes to {made_for}, not to {output}"
            )

    def _load_repositories(self, db: sqlite3.Connection) -> None:
        for service, identity in self._identities.items():
            db.execute("INSERT OR IGNORE INTO service (identity) VALUES (?)", (identity,))
            self._ids[service], self._registries[service] = db.execute(
                "SELECT id, registry FROM service WHERE identity = ?", (identity,)
            ).fetchone()
        for service_id, name, pages, token, finished in db.execute("SELECT * FROM repository"):
            if finished:
                self._finished.add((service_id, name))
            else:
                self._unfinished[service_id, name] = Position(pages, token)

    def _delivered(self, service_id: int, repository: str) -> frozenset[str]:
        assert self._connection is not None
        rows = self._connection.execute(
            "SELECT digests FROM delivered WHERE service = ? AND repository = ?", (service_id, repository)
        )
        return frozenset(digest for (digests,) in rows for digest in digests.split())

    def _record(self, results: Iterable[ScanResult], output_size: int) -> None:
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
            db.execute("UPDATE scan SET output_size = ?", (output_size,))

    def _record_page(self, db: sqlite3.Connection, page: ScannedPage) -> None:
        self._record_repository(db, page.service, page.repository, page.number + 1, page.next_token)
        if not page.is_last:
            digests = " ".join([image.image_digest or "" for image in page.images])
            key = (self._ids[page.service], page.repository, page.number)
            db.execute("INSERT OR REPLACE INTO delivered VALUES (?, ?, ?, ?)", (*key, digests))

    def _record_repository(
        self, db: sqlite3.Connection, service: Service, repository: str, pages: int, next_token: str | None
    ) -> None:
        key = (self._ids[service], repository)
        finished = next_token is None
        db.execute(
            "INSERT OR REPLACE INTO repository VALUES (?, ?, ?, ?, ?)", (*key, pages, next_token, finished)
        )
        if finished and pages != 1:
            db.execute("DELETE FROM delivered WHERE service = ? AND repository = ?", key)
        registry = self._registries[service]
        db.execute("UPDATE service SET registry = ? WHERE id = ? AND registry IS NULL", (registry, key[0]))


def _identities(services: Sequence[Service]) -> list[str]:
    """Name services so that they are the same in the next run; several of one endpoint by their order."""
    seen: Counter[str] = Counter()
    names: list[str] = []
    for service in services:
        name = " ".join(filter(None, (service.region, service.endpoint_url)))
        seen[name] += 1
        names.append(f"{name} #{seen[name]}" if seen[name] > 1 else name)
    return names
