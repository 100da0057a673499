"""One word for one thing, in the whole package."""

import inspect
import pkgutil
from importlib import import_module
from pathlib import Path

import pytest

import ecr_async


@pytest.fixture(scope="module")
def classes() -> list[type]:
    """Every class of the package, private ones too."""
    found = pkgutil.walk_packages([str(Path(ecr_async.__file__).parent)], "ecr_async.")
    modules = [import_module(each.name) for each in found if not each.name.endswith("__main__")]
    return [
        value
        for module in modules
        for value in vars(module).values()
        if inspect.isclass(value) and value.__module__ == module.__name__
    ]


def test_what_is_awaited_to_close_is_aclose_and_what_is_called_is_close(classes: list[type]) -> None:
    for cls in classes:
        assert not inspect.iscoroutinefunction(vars(cls).get("close")), cls
        aclose = vars(cls).get("aclose")
        assert aclose is None or inspect.iscoroutinefunction(aclose), cls


def test_a_classs_json_is_to_json_and_from_json(classes: list[type]) -> None:
    others = {"to_dict", "from_dict", "as_json", "dump_json", "parse_json", "json"}
    assert [cls for cls in classes if not others.isdisjoint(vars(cls))] == []
    assert {cls.__name__ for cls in classes if "to_json" in vars(cls)} == {"Event", "LifecyclePolicy"}
