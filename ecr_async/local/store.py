"""The server's state in SQLite, and the one thread that may touch it.

Everything that blocks runs on that thread, one piece of work after the other, each in a transaction
of its own: handlers need no locks, and the event loop never waits for a disk.
"""

import asyncio
import secrets
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from ecr_async.errors import ServiceError

__all__ = ["Store"]

ResultT = TypeVar("ResultT")

SCHEMA = """
CREATE TABLE IF NOT EXISTS server (
    secret BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS repositories (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at REAL NOT NULL,
    mutability TEXT NOT NULL,
    exclusions TEXT NOT NULL,
    scan_on_push INTEGER NOT NULL,
    encryption TEXT NOT NULL,
    kms_key TEXT,
    policy TEXT,
    lifecycle_policy TEXT,
    UNIQUE (account, region, name)
);
CREATE TABLE IF NOT EXISTS resource_tags (
    repository_id INTEGER NOT NULL REFERENCES repositories ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (repository_id, key)
);
CREATE TABLE IF NOT EXISTS images (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    repository_id INTEGER NOT NULL REFERENCES repositories ON DELETE CASCADE,
    digest TEXT NOT NULL,
    media_type TEXT NOT NULL,
    artifact_media_type TEXT,
    artifact_type TEXT,
    subject_digest TEXT,
    size INTEGER NOT NULL,
    pushed_at REAL NOT NULL,
    pulled_at REAL,
    status TEXT NOT NULL DEFAULT 'ACTIVE',
    archived_at REAL,
    activated_at REAL,
    manifest TEXT NOT NULL,
    UNIQUE (repository_id, digest)
);
CREATE INDEX IF NOT EXISTS images_of_repository ON images (repository_id, id);
CREATE INDEX IF NOT EXISTS images_of_subject ON images (repository_id, subject_digest)
    WHERE subject_digest IS NOT NULL;
CREATE TABLE IF NOT EXISTS tags (
    repository_id INTEGER NOT NULL REFERENCES repositories ON DELETE CASCADE,
    tag TEXT NOT NULL,
    image_id INTEGER NOT NULL REFERENCES images ON DELETE CASCADE,
    PRIMARY KEY (repository_id, tag)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS tags_of_image ON tags (image_id, tag);
CREATE TABLE IF NOT EXISTS image_layers (
    image_id INTEGER NOT NULL REFERENCES images ON DELETE CASCADE,
    repository_id INTEGER NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (repository_id, digest, image_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS layers_of_image ON image_layers (image_id);
CREATE TABLE IF NOT EXISTS image_members (
    image_id INTEGER NOT NULL REFERENCES images ON DELETE CASCADE,
    repository_id INTEGER NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (repository_id, digest, image_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS members_of_image ON image_members (image_id);
CREATE TABLE IF NOT EXISTS layers (
    repository_id INTEGER NOT NULL REFERENCES repositories ON DELETE CASCADE,
    digest TEXT NOT NULL,
    size INTEGER NOT NULL,
    PRIMARY KEY (repository_id, digest)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS layers_by_digest ON layers (digest);
CREATE TABLE IF NOT EXISTS uploads (
    id TEXT PRIMARY KEY,
    repository_id INTEGER NOT NULL REFERENCES repositories ON DELETE CASCADE,
    received INTEGER NOT NULL DEFAULT 0,
    parts INTEGER NOT NULL DEFAULT 0,
    last_part INTEGER,
    small_part INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS uploads_of_repository ON uploads (repository_id);
CREATE TABLE IF NOT EXISTS previews (
    repository_id INTEGER PRIMARY KEY REFERENCES repositories ON DELETE CASCADE,
    policy TEXT NOT NULL,
    polls_left INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS preview_results (
    repository_id INTEGER NOT NULL REFERENCES previews ON DELETE CASCADE,
    position INTEGER NOT NULL,
    digest TEXT NOT NULL,
    tags TEXT NOT NULL,
    pushed_at REAL NOT NULL,
    action TEXT NOT NULL,
    target TEXT,
    priority INTEGER NOT NULL,
    storage_class TEXT NOT NULL,
    PRIMARY KEY (repository_id, position)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS scans (
    image_id INTEGER PRIMARY KEY REFERENCES images ON DELETE CASCADE,
    started_at REAL NOT NULL,
    polls_left INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS settings (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (account, region, kind, name)
) WITHOUT ROWID;
"""


class Store:
    """A SQLite database, in a file or in memory, worked on by a thread of its own."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="local-ecr")
        self._connection: sqlite3.Connection | None = None

    async def open(self) -> bytes:
        """Open the database, making it if need be; return the secret that it keeps for the server."""
        try:
            return await self.run(self._open)
        except BaseException:
            self._thread.shutdown()
            raise

    async def close(self) -> None:
        """Finish the work at hand and close the database."""
        await self.run(self._close)
        self._thread.shutdown()

    async def transaction(self, work: Callable[[sqlite3.Connection], ResultT]) -> ResultT:
        """Run `work` on the database's thread, in one transaction.

        A `ServiceError` is an answer like any other: what was written before it stays. Any other
        exception undoes the work.
        """
        return await self.run(lambda: self._transact(work))

    async def run(self, work: Callable[[], ResultT]) -> ResultT:
        """Run what blocks on the database's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _open(self) -> bytes:
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self._path or ":memory:", isolation_level=None)
        connection.executescript(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;"
        )
        connection.executescript(SCHEMA)
        self._connection = connection
        found = connection.execute("SELECT secret FROM server").fetchone()
        if found is not None:
            return bytes(found[0])
        secret = secrets.token_bytes(32)
        connection.execute("INSERT INTO server VALUES (?)", (secret,))
        return secret

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _transact(self, work: Callable[[sqlite3.Connection], ResultT]) -> ResultT:
        assert self._connection is not None
        connection = self._connection
        connection.execute("BEGIN")
        try:
            result = work(connection)
        except ServiceError:
            connection.execute("COMMIT")
            raise
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
        return result
