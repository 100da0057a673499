"""The checkpoints of a scan and of a sync, damaged: a whole scan, or a `CheckpointError`."""

import asyncio
import contextlib
import tempfile
from pathlib import Path

import ecr_async as ecr
from ecr_async.errors import ConfigurationError, ECRError
from ecr_async.transfer.sync.checkpoint import SyncCheckpoint
from tests.fuzz.folder import folder_of
from tests.fuzz.outcomes import LOOP, rejected
from tests.fuzz.target import Target
from tests.unit.fake_registry import FakeRegistry

__all__ = ["TARGETS"]

REPOSITORIES = {"team/api": 3, "team/web": 25, "tools": 1}


async def _scan(path: Path, stop_at: int | None = None) -> ecr.ScanSummary:
    async with FakeRegistry(REPOSITORIES).session() as session:
        scan = ecr.scan_images([session.service()], checkpoint=path, page_size=10, concurrency=1)
        async with scan, contextlib.aclosing(aiter(scan)) as results:
            number = 0
            async for _ in results:
                number += 1
                if number == stop_at:
                    break
    return scan.summary


def _resumed(tried: bytes) -> str:
    path = folder_of("checkpoints") / "scan.checkpoint"
    for leftover in folder_of("checkpoints").iterdir():
        leftover.unlink()
    path.write_bytes(tried)
    try:
        summary = LOOP.run_until_complete(_scan(path))
    except ECRError as error:
        return rejected(error, holds=path.name)
    assert summary.scanned + summary.done_before == len(REPOSITORIES)
    return "resumed" if summary.done_before else "scanned afresh"


def _seed() -> bytes:
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "scan.checkpoint"
        asyncio.run(_scan(path, stop_at=3))
        return path.read_bytes()


def _sync(tried: bytes) -> str:
    path = folder_of("checkpoints") / "sync.checkpoint"
    path.write_bytes(tried)
    checkpoint = SyncCheckpoint(path)
    try:
        LOOP.run_until_complete(checkpoint.open("from here to there"))
    except ConfigurationError as error:
        return rejected(error)
    LOOP.run_until_complete(checkpoint.record("team/new"))
    again = SyncCheckpoint(path)
    LOOP.run_until_complete(again.open("from here to there"))
    assert again.is_done("team/new")
    return "opened"


TARGETS = [
    Target(
        "scan-checkpoint", [_seed()], _resumed, words=[b"team/web", b"\x00\x00\x00\x01", b"sha256:"], share=5
    ),
    Target(
        "sync-checkpoint",
        [b'{"sync":"from here to there"}\n"team/app"\n"team/web"\n', b'{"sync":"elsewhere"}\n'],
        _sync,
        words=[b"\n", b'"team/new"\n', b"\xff\n"],
        share=2,
    ),
]
