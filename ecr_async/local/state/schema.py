"""The tables that the embedded ECR keeps its state in; `ecr_async.local` explains what they hold."""

import sqlite3
from contextlib import closing

__all__ = ["SCHEMA", "SCHEMA_VERSION", "SERVER_TABLES", "schema_fault"]

SCHEMA_VERSION = 6
"""Written into the database as `user_version`; a database of another version is not opened."""

SERVER_TABLES = frozenset({"server", "sqlite_sequence"})
"""Tables that a reset leaves alone."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS server (
    secret BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS registries (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    repositories INTEGER NOT NULL,
    PRIMARY KEY (account, region)
) WITHOUT ROWID;
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
    lifecycle_evaluated_at REAL,
    UNIQUE (account, region, name)
);
CREATE INDEX IF NOT EXISTS repositories_of_registry ON repositories (account, region, id);
CREATE TRIGGER IF NOT EXISTS count_created AFTER INSERT ON repositories BEGIN
    INSERT INTO registries VALUES (new.account, new.region, 1)
        ON CONFLICT DO UPDATE SET repositories = repositories + 1;
END;
CREATE TRIGGER IF NOT EXISTS count_deleted AFTER DELETE ON repositories BEGIN
    UPDATE registries SET repositories = repositories - 1 WHERE account = old.account AND region = old.region;
END;
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
    tagged INTEGER NOT NULL DEFAULT 0,
    archived_at REAL,
    activated_at REAL,
    manifest TEXT NOT NULL,
    UNIQUE (repository_id, digest)
);
CREATE TABLE IF NOT EXISTS image_counts (
    repository_id INTEGER PRIMARY KEY REFERENCES repositories ON DELETE CASCADE,
    images INTEGER NOT NULL
);
CREATE TRIGGER IF NOT EXISTS count_pushed AFTER INSERT ON images BEGIN
    INSERT INTO image_counts VALUES (new.repository_id, 1) ON CONFLICT DO UPDATE SET images = images + 1;
END;
CREATE TRIGGER IF NOT EXISTS count_removed AFTER DELETE ON images BEGIN
    UPDATE image_counts SET images = images - 1 WHERE repository_id = old.repository_id;
END;
CREATE INDEX IF NOT EXISTS images_of_repository ON images (repository_id, id);
CREATE INDEX IF NOT EXISTS images_by_status ON images (repository_id, status, id);
CREATE INDEX IF NOT EXISTS images_by_tagging ON images (repository_id, tagged, id);
CREATE INDEX IF NOT EXISTS images_by_status_and_tagging ON images (repository_id, status, tagged, id);
CREATE INDEX IF NOT EXISTS images_of_subject ON images (repository_id, subject_digest)
    WHERE subject_digest IS NOT NULL;
CREATE TABLE IF NOT EXISTS tags (
    repository_id INTEGER NOT NULL REFERENCES repositories ON DELETE CASCADE,
    tag TEXT NOT NULL,
    image_id INTEGER NOT NULL REFERENCES images ON DELETE CASCADE,
    PRIMARY KEY (repository_id, tag)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS tags_of_image ON tags (image_id, tag);
CREATE TRIGGER IF NOT EXISTS tag_put AFTER INSERT ON tags BEGIN
    UPDATE images SET tagged = 1 WHERE id = new.image_id AND NOT tagged;
END;
CREATE TRIGGER IF NOT EXISTS tag_moved AFTER UPDATE ON tags BEGIN
    UPDATE images SET tagged = EXISTS (SELECT 1 FROM tags WHERE image_id = images.id)
        WHERE id IN (old.image_id, new.image_id);
END;
CREATE TRIGGER IF NOT EXISTS tag_removed AFTER DELETE ON tags BEGIN
    UPDATE images SET tagged = EXISTS (SELECT 1 FROM tags WHERE image_id = images.id) WHERE id = old.image_id;
END;
CREATE TABLE IF NOT EXISTS image_layers (
    image_id INTEGER NOT NULL REFERENCES images ON DELETE CASCADE,
    repository_id INTEGER NOT NULL,
    digest TEXT NOT NULL,
    media_type TEXT,
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
    needed_at REAL NOT NULL,
    PRIMARY KEY (repository_id, digest)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS layers_by_digest ON layers (digest);
CREATE TABLE IF NOT EXISTS uploads (
    id TEXT PRIMARY KEY,
    repository_id INTEGER NOT NULL REFERENCES repositories ON DELETE CASCADE,
    touched_at REAL NOT NULL,
    received INTEGER NOT NULL DEFAULT 0,
    parts INTEGER NOT NULL DEFAULT 0,
    last_part INTEGER,
    small_part INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS uploads_of_repository ON uploads (repository_id);
CREATE INDEX IF NOT EXISTS uploads_by_age ON uploads (touched_at);
CREATE TABLE IF NOT EXISTS previews (
    repository_id INTEGER PRIMARY KEY REFERENCES repositories ON DELETE CASCADE,
    policy TEXT NOT NULL,
    polls_left INTEGER NOT NULL,
    summary TEXT NOT NULL
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
CREATE INDEX IF NOT EXISTS preview_results_by_digest ON preview_results (repository_id, digest);
CREATE INDEX IF NOT EXISTS preview_results_tagged ON preview_results (repository_id, position) WHERE tags <> '[]';
CREATE INDEX IF NOT EXISTS preview_results_untagged ON preview_results (repository_id, position) WHERE tags = '[]';
CREATE TABLE IF NOT EXISTS scans (
    image_id INTEGER PRIMARY KEY REFERENCES images ON DELETE CASCADE,
    started_at REAL NOT NULL,
    polls_left INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    document TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS replications (
    image_id INTEGER NOT NULL REFERENCES images ON DELETE CASCADE,
    region TEXT NOT NULL,
    account TEXT NOT NULL,
    failure TEXT,
    polls_left INTEGER NOT NULL,
    PRIMARY KEY (image_id, region, account)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS settings (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (account, region, kind, name)
) WITHOUT ROWID;
"""


def schema_fault(db: sqlite3.Connection) -> str | None:
    """Return what of the schema a database lacks, or has otherwise, such as "the table layers is missing"."""
    with closing(sqlite3.connect(":memory:")) as blank:
        blank.executescript(SCHEMA)
        expected = _definitions(blank)
    found = _definitions(db)
    for (kind, name), definition in expected.items():
        if (kind, name) not in found:
            return f"the {kind} {name} is missing"
        if found[kind, name] != definition:
            return f"the {kind} {name} has been altered"
    return None


def _definitions(db: sqlite3.Connection) -> dict[tuple[str, str], str]:
    """Return what a database has been made of, in SQL, by kind and name."""
    rows = db.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {(kind, name): sql for kind, name, sql in rows}
