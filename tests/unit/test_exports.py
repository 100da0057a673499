"""What a module gives to others stands in its `__all__`."""

import ast
import importlib
from pathlib import Path

import pytest

import ecr_async

PACKAGE = Path(ecr_async.__file__).parent
MODULES = [
    path for path in sorted(PACKAGE.rglob("*.py")) if path.parent.name != "api" and path.name != "__init__.py"
]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_what_is_imported_is_exported(path: Path) -> None:
    """The generated modules of `api` are exempt: their `__all__` is the public API."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ecr_async."):
            if node.module and node.module.startswith("ecr_async.api"):
                continue
            module = importlib.import_module(node.module or "")
            exported = getattr(module, "__all__", None)
            missing = [
                each.name
                for each in node.names
                if exported is not None
                and each.name not in exported
                and not _is_module(node.module, each.name)
            ]
            assert missing == [], f"{node.module} does not export {missing}"


def _is_module(package: str | None, name: str) -> bool:
    folder = PACKAGE.parent.joinpath(*(package or "").split("."))
    return (folder / f"{name}.py").exists() or (folder / name).is_dir()
