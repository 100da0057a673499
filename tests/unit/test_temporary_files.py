"""Temporary files, of which none is left, whatever a thread is still about."""

import tempfile
from pathlib import Path

import pytest

from ecr_async.transfer.layouts.temporary_files import TemporaryFiles


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_nothing_is_made_before_the_first_file(place: Path) -> None:
    files = TemporaryFiles()
    assert not list(place.iterdir())
    files.remove()
    assert not list(place.iterdir())


def test_all_files_are_removed(place: Path) -> None:
    files = TemporaryFiles()
    for content in (b"one", b"two"):
        with files.create() as file:
            file.write(content)
        assert file.path.read_bytes() == content
    files.remove()
    assert not list(place.iterdir())


def test_a_thread_that_goes_on_makes_no_file_and_writes_no_more(place: Path) -> None:
    files = TemporaryFiles()
    with files.create() as file:
        file.write(b"begun")
        files.remove()
        with pytest.raises(OSError, match="were removed"):
            file.write(b"and continued")
    with pytest.raises(OSError, match="were removed"):
        files.create()
    assert not list(place.iterdir())
