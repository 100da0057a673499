"""The architecture page names every room, and its layers are those that the linter holds."""

import re
import tomllib
from pathlib import Path

import ecr_async

ROOT = Path(__file__).parents[2]
PACKAGE = Path(ecr_async.__file__).parent
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def named_in(heading: str) -> set[str]:
    """Return what stands as code in the first column of the tables under a heading."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| (`.*?`) \|", section, re.MULTILINE)
    return {name.rstrip("/") for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def test_every_room_and_every_noun_of_the_root_is_named() -> None:
    rooms = {each.name for each in PACKAGE.iterdir() if (each / "__init__.py").exists()}
    nouns = {each.name for each in PACKAGE.glob("[a-z]*.py")}
    assert named_in("The house") == rooms | nouns


def test_the_layers_are_those_of_the_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    [layers] = [each["layers"] for each in contracts["contracts"] if each["type"] == "layers"]
    section = PAGE.partition("\n## Layers\n")[2].partition("\n## ")[0]
    shown = re.findall(r"^    (.+)$", section, re.MULTILINE)
    assert [set(re.findall(r"\w+", layer)) for layer in layers] == [
        set(re.findall(r"\w+", layer)) for layer in shown
    ]


def test_every_folder_of_tests_is_named() -> None:
    folders = {
        f"tests/{each.name}"
        for each in (ROOT / "tests").iterdir()
        if each.is_dir() and not each.name.startswith("_")
    }
    assert named_in("Tests") == folders


def test_every_file_that_the_page_names_is_there() -> None:
    walk = PAGE.partition("\n## A call's walk\n")[2].partition("\n## ")[0]
    for name in re.findall(r"`([a-z_/]+\.py)`", walk):
        assert (PACKAGE / name).exists(), name
