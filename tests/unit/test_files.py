"""Files that appear when they are complete, and locks on them."""

import os
import stat
import threading
from pathlib import Path

import pytest

from ecr_async._files.locks import lock, try_lock
from ecr_async._files.partial import PartialFile, remove_abandoned
from ecr_async._files.replacing import replace_file
from ecr_async._files.temporary import LOCK, TemporaryFolder


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


class TestPartialFile:
    def test_a_file_appears_when_it_is_committed(self, tmp_path: Path) -> None:
        partial = PartialFile(tmp_path / "rows")
        partial.file.write(b"all of it")
        assert "rows" not in names(tmp_path)
        partial.commit()
        assert names(tmp_path) == ["rows"]
        assert (tmp_path / "rows").read_bytes() == b"all of it"

    def test_what_is_discarded_leaves_the_old_file(self, tmp_path: Path) -> None:
        (tmp_path / "rows").write_bytes(b"old")
        partial = PartialFile(tmp_path / "rows")
        partial.file.write(b"new")
        partial.discard()
        assert names(tmp_path) == ["rows"]
        assert (tmp_path / "rows").read_bytes() == b"old"

    def test_a_link_stays_one(self, tmp_path: Path) -> None:
        (tmp_path / "real").write_bytes(b"old")
        (tmp_path / "link").symlink_to("real")
        partial = PartialFile(tmp_path / "link")
        partial.file.write(b"new")
        partial.commit()
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "real").read_bytes() == b"new"

    @pytest.mark.parametrize("end", [PartialFile.commit, PartialFile.discard])
    def test_a_pipe_is_written_to_directly_and_stays(self, tmp_path: Path, end: object) -> None:
        os.mkfifo(tmp_path / "pipe")
        read: list[bytes] = []
        reader = threading.Thread(target=lambda: read.append((tmp_path / "pipe").read_bytes()))
        reader.start()
        partial = PartialFile(tmp_path / "pipe")
        partial.file.write(b"row")
        assert callable(end)
        end(partial)
        reader.join(10)
        assert read == [b"row"]
        assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


class TestAbandonedFiles:
    def test_those_of_dead_writers_are_removed_and_of_living_ones_are_not(self, tmp_path: Path) -> None:
        (tmp_path / ".rows.dead.partial").write_bytes(b"half")
        (tmp_path / ".other.dead.partial").write_bytes(b"half")
        living = PartialFile(tmp_path / "rows")
        remove_abandoned(tmp_path, "rows")
        assert ".rows.dead.partial" not in names(tmp_path)
        assert ".other.dead.partial" in names(tmp_path)
        living.commit()
        assert "rows" in names(tmp_path)

    def test_without_a_name_all_are_removed(self, tmp_path: Path) -> None:
        for name in (".rows.dead.partial", ".other.dead.partial", "rows", ".hidden"):
            (tmp_path / name).write_bytes(b"")
        remove_abandoned(tmp_path)
        assert names(tmp_path) == [".hidden", "rows"]


class TestReplaceFile:
    @pytest.mark.parametrize("is_durable", [True, False])
    def test_it_makes_a_file_or_replaces_one(self, tmp_path: Path, is_durable: bool) -> None:
        for content in (b"first", b"second"):
            replace_file(tmp_path / "index.json", content, is_durable=is_durable)
            assert (tmp_path / "index.json").read_bytes() == content
        assert names(tmp_path) == ["index.json"]

    def test_a_private_file_is_its_owners_alone(self, tmp_path: Path) -> None:
        replace_file(tmp_path / "login", b"secret", is_private=True)
        assert stat.S_IMODE((tmp_path / "login").stat().st_mode) == 0o600

    def test_a_failure_leaves_the_old_content_and_nothing_else(self, tmp_path: Path) -> None:
        (tmp_path / "folder").mkdir()
        with pytest.raises(OSError, match="folder"):
            replace_file(tmp_path / "folder", b"content")
        assert names(tmp_path) == ["folder"]


class TestLocks:
    def test_one_opening_of_a_file_has_the_lock_until_it_is_closed(self, tmp_path: Path) -> None:
        path = tmp_path / "lock"
        path.touch()
        with path.open("rb") as other:
            with path.open("rb") as one:
                lock(one.fileno())
                assert not try_lock(other.fileno())
            assert try_lock(other.fileno())

    def test_what_is_not_a_file_raises(self) -> None:
        reading, writing = os.pipe()
        os.close(reading)
        os.close(writing)
        with pytest.raises(OSError, match="Bad file descriptor"):
            try_lock(reading)


class TestTemporaryFolder:
    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        return tmp_path

    @staticmethod
    def make_old(folder: Path) -> None:
        os.utime(folder / LOCK, (0, 0))

    def test_it_is_removed_with_all_that_is_in_it(self, tmp_path: Path) -> None:
        made = TemporaryFolder("mine-")
        (made.path / "below").mkdir()
        (made.path / "below" / "file").write_bytes(b"content")
        assert stat.S_IMODE(made.path.stat().st_mode) == 0o700
        made.remove()
        assert names(tmp_path) == []

    def test_what_a_killed_process_left_is_removed_by_the_next(self, tmp_path: Path) -> None:
        for name in ("mine-killed", "mine-starting", "mine-without-lock", "other-killed"):
            (tmp_path / name).mkdir()
        for name in ("mine-killed", "mine-starting", "other-killed"):
            (tmp_path / name / LOCK).touch()
        for name in ("mine-killed", "other-killed"):
            self.make_old(tmp_path / name)
        (tmp_path / "mine-link").symlink_to(tmp_path / "other-killed")
        TemporaryFolder("mine-").remove()
        assert names(tmp_path) == ["mine-link", "mine-starting", "mine-without-lock", "other-killed"]

    def test_one_that_is_in_use_stays_however_old(self) -> None:
        used = TemporaryFolder("mine-")
        self.make_old(used.path)
        TemporaryFolder("mine-").remove()
        assert used.path.exists()
        used.remove()
