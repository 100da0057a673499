"""The command with standard streams that its caller has closed."""

import subprocess
import sys
from pathlib import Path

import pytest

ROW = (
    '{"registry_id":"123456789012","region":"eu-west-1","repository":"team/app",'
    '"digest":"sha256:1","tags":["v1"],"size":7,"pushed_at":null,"findings":{}}'
)


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_a_closed_stream_fails_nothing(tmp_path: Path, closed: str) -> None:
    scanned = tmp_path / "images.jsonl"
    scanned.write_text(ROW + "\n")
    command = f'exec "$0" -m ecr_async report "$1" {closed}'
    done = subprocess.run(
        ["sh", "-c", command, sys.executable, str(scanned)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert bool(done.stdout) == (">&-" not in closed.replace("2>&-", ""))
