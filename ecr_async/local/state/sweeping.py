"""What nobody needs any more, found and freed: leftovers of a crash, abandoned uploads, unused layers."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

import attrs

from ecr_async.local.state.blobs import Blobs
from ecr_async.local.state.store import Transaction

__all__ = [
    "KEPT_SECONDS",
    "Unneeded",
    "find_unneeded",
    "free",
    "reconcile",
    "remove_layers",
    "remove_rowless",
]

KEPT_SECONDS = 24 * 3600
"""How long an upload without progress is kept, and a layer that no image has."""

BATCH = 200
"""Rows freed in one transaction, so that nobody waits long for it."""

UNUSED = (
    "NOT EXISTS (SELECT 1 FROM image_layers WHERE image_layers.repository_id = layers.repository_id "
    "AND image_layers.digest = layers.digest)"
)


def reconcile(transaction: Transaction, blobs: Blobs) -> None:
    """Make rows and files agree, at the start of a server.

    Rows are written after their files and removed before them, so a crash leaves at most files too
    many. Rows whose files are missing or short, as after a failure of power, are removed as well: what
    they stand for can be uploaded again.
    """
    db = transaction.db
    db.execute("CREATE TEMP TABLE files (name TEXT PRIMARY KEY, size INTEGER NOT NULL)")
    db.executemany("INSERT INTO files VALUES (?, ?)", blobs.layers())
    db.execute(
        "DELETE FROM layers WHERE NOT EXISTS (SELECT 1 FROM files WHERE name = digest AND files.size = layers.size)"
    )
    db.execute("DELETE FROM files")
    db.executemany("INSERT INTO files VALUES (?, ?)", blobs.uploads())
    db.execute(
        "DELETE FROM uploads WHERE received > 0 "
        "AND NOT EXISTS (SELECT 1 FROM files WHERE name = id AND files.size >= received)"
    )
    db.execute("DROP TABLE files")
    transaction.after_commit(lambda: remove_rowless(transaction, blobs))


def remove_rowless(transaction: Transaction, blobs: Blobs) -> None:
    """Remove the files that no committed row stands for."""
    remove_layers(transaction, blobs, [digest for digest, _ in blobs.layers()])
    for upload_id in [upload_id for upload_id, _ in blobs.uploads()]:
        known = transaction.db.execute("SELECT 1 FROM uploads WHERE id = ?", (upload_id,)).fetchone()
        if known is None:
            blobs.discard(upload_id)


def remove_layers(transaction: Transaction, blobs: Blobs, digests: Iterable[str]) -> None:
    """Remove the files of those layers that no repository has. To be called after a commit."""
    for digest in digests:
        known = transaction.db.execute("SELECT 1 FROM layers WHERE digest = ? LIMIT 1", (digest,)).fetchone()
        if known is None:
            blobs.remove(digest)


@attrs.frozen
class Unneeded:
    """What has been of no use for `KEPT_SECONDS`."""

    before: float
    """When it was last of use, at the latest."""
    uploads: Sequence[tuple[str]]
    layers: Sequence[tuple[int, str]]
    """Numbers of repositories, and digests."""

    def batches(self) -> "Iterator[Unneeded]":
        """Yield it in pieces that are freed quickly."""
        for first in range(0, max(len(self.uploads), len(self.layers)), BATCH):
            piece = slice(first, first + BATCH)
            yield Unneeded(self.before, self.uploads[piece], self.layers[piece])


def find_unneeded(transaction: Transaction, now: float) -> Unneeded:
    """Find what can be freed."""
    before = now - KEPT_SECONDS
    return Unneeded(
        before,
        transaction.db.execute("SELECT id FROM uploads WHERE touched_at < ?", (before,)).fetchall(),
        transaction.db.execute(
            f"SELECT repository_id, digest FROM layers WHERE needed_at < ? AND {UNUSED}",  # noqa: S608
            (before,),
        ).fetchall(),
    )


def free(transaction: Transaction, blobs: Blobs, unneeded: Unneeded) -> None:
    """Free what was found, unless it has come into use since."""
    db = transaction.db
    for (upload_id,) in unneeded.uploads:
        freed = db.execute(
            "DELETE FROM uploads WHERE id = ? AND touched_at < ?", (upload_id, unneeded.before)
        )
        if freed.rowcount:
            transaction.after_commit(partial(blobs.discard, upload_id))
    db.executemany(
        f"DELETE FROM layers WHERE repository_id = ? AND digest = ? AND needed_at < ? AND {UNUSED}",  # noqa: S608
        [(*layer, unneeded.before) for layer in unneeded.layers],
    )
    digests = [digest for _, digest in unneeded.layers]
    transaction.after_commit(lambda: remove_layers(transaction, blobs, digests))
