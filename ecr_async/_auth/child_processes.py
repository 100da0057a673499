"""The processes that supply credentials, so that none outlives the wait for it."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections.abc import Sequence

__all__ = ["ChildProcesses"]


class ChildProcesses:
    """Starts processes with an empty standard input, and kills those that are still running at the end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._started: list[subprocess.Popen[bytes]] = []
        self._is_over = False

    def start(self, command: Sequence[str], *, stdout: int, stderr: int) -> subprocess.Popen[bytes]:
        """Start a process as `subprocess.Popen` does; called in the thread that waits for it."""
        process = subprocess.Popen(  # noqa: S603 - it is the user's own credential_process
            command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr
        )
        with self._lock:
            self._started.append(process)
            is_over = self._is_over
        if is_over:
            process.kill()
        return process

    def kill(self) -> None:
        """Kill what is still running, and whatever is started from now on."""
        with self._lock:
            self._is_over = True
        for process in self._started:
            with contextlib.suppress(OSError):
                process.kill()  # does nothing to one whose end was seen
