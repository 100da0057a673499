"""A crash at every single write point; one in 37, unless `CRASH_STRIDE=1` says otherwise."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_any_write_point_can_be_the_last(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "tests.integration.local.crashes.points",
        str(tmp_path),
        os.environ.get("CRASH_STRIDE", "37"),
    ]
    # Not counted for coverage: a thousand processes that are killed would write a thousand reports.
    plain = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=plain)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "whole\n"
