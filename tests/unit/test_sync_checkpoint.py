"""The checkpoint of a sync: whose file it is, and what is left of it by a process that was killed."""

from pathlib import Path

import pytest

import ecr_async as ecr
from ecr_async.transfer.sync.checkpoint import SyncCheckpoint


@pytest.mark.parametrize("content", [b"dear diary", b"{}", b'{"sync":' + b"[" * 5000 + b"\n"])
async def test_a_file_of_something_else_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "checkpoint"
    path.write_bytes(content)
    with pytest.raises(ecr.ConfigurationError, match="not the checkpoint of a sync"):
        await SyncCheckpoint(path).open("here to there")
    assert path.read_bytes() == content


@pytest.mark.parametrize("size", [0, 1, 9, 15])
async def test_a_header_that_was_cut_off_is_written_again(tmp_path: Path, size: int) -> None:
    path = tmp_path / "checkpoint"
    path.write_bytes(b'{"sync":"here to there"}\n'[:size])
    await SyncCheckpoint(path).open("here to there")
    assert path.read_bytes() == b'{"sync":"here to there"}\n'


async def test_a_line_that_was_cut_off_is_not_done(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    path.write_bytes(b'{"sync":"here to there"}\n"team/app"\n"team/we')
    checkpoint = SyncCheckpoint(path)
    await checkpoint.open("here to there")
    assert checkpoint.is_done("team/app")
    await checkpoint.record("team/web")
    assert path.read_bytes() == b'{"sync":"here to there"}\n"team/app"\n"team/web"\n'
