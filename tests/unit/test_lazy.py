"""Names that are loaded on use, and what becomes of one whose extra is not installed."""

import inspect
import sys

import pytest

import ecr_async


@pytest.fixture
def without_pyarrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """An install without the extra `arrow`."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.delitem(sys.modules, "ecr_async.arrow", raising=False)
    monkeypatch.delattr(ecr_async, "arrow", raising=False)


@pytest.mark.usefixtures("without_pyarrow")
class TestWithoutAnExtra:
    def test_its_module_is_not_there_and_says_why(self) -> None:
        assert not hasattr(ecr_async, "arrow")
        with pytest.raises(ecr_async.MissingExtraError, match=r"pip install 'ecr-async\[arrow\]'"):
            ecr_async.arrow  # noqa: B018

    def test_importing_it_is_an_import_error(self) -> None:
        with pytest.raises(ecr_async.MissingExtraError, match=r"pip install 'ecr-async\[arrow\]'"):
            from ecr_async import arrow  # noqa: F401

    def test_tools_that_look_at_every_name_go_on(self) -> None:
        names = {name for name, _ in inspect.getmembers(ecr_async)}
        assert "Session" in names
        assert "arrow" not in names
