"""An embedded ECR that can be killed and started again where it was."""

import subprocess
from pathlib import Path

import attrs

from tests.integration.subprocesses import COMMAND, environment


@attrs.define
class ServerProcess:
    """`ecr-async serve` on the same folder and port each time."""

    folder: Path
    port: int = 0
    process: "subprocess.Popen[str] | None" = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it listens."""
        options = ("--data", str(self.folder), "--port", str(self.port), "--no-verify-signatures")
        command = (*COMMAND, "serve", *options)
        self.process = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline().rpartition(":")[2])

    def kill(self) -> None:
        """End it as a crash does."""
        if self.process is not None:
            assert self.process.stdout is not None
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            self.process = None
