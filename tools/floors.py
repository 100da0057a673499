"""Print each dependency of the core at the lowest version that pyproject.toml allows, as pip takes it."""

import re
import tomllib
from pathlib import Path

PROJECT = Path(__file__).parents[1] / "pyproject.toml"

if __name__ == "__main__":
    dependencies = tomllib.loads(PROJECT.read_text())["project"]["dependencies"]
    print(*(re.sub(r">=([\d.]+).*", r"==\1", dependency) for dependency in dependencies))
