"""Runs servers and measurements as processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING

from environments import HERE, Peer

if TYPE_CHECKING:
    from collections.abc import Iterator

Numbers = dict[str, float]


def client_environment() -> dict[str, str]:
    """The environment variables of a client: credentials, and nothing of the user's own AWS settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {
        **kept,
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "benchmarks-need-no-secret",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@contextmanager
def server(*options: object) -> Iterator[str]:
    """Serve in a process of its own; gives the endpoint."""
    command = [sys.executable, HERE / "server.py", *map(str, options)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}/"
        finally:
            process.stdin.close()


def statistics(endpoint: str) -> Numbers:
    """What the server counted."""
    with urllib.request.urlopen(endpoint) as response:
        return json.load(response)


class Worker:
    """A client that is open in a process of its own and measures on request."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def measure(self, workload: str, **parameters: float) -> Numbers:
        """Run a workload in the process, give back its numbers."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([workload, parameters]) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args} ended in the middle of {workload}")
        return json.loads(line)


@contextmanager
def worker(peer: Peer, endpoint: str, *, connections: int, retries: str | None = None) -> Iterator[Worker]:
    """Open a client in a fresh process of the peer's environment, and end it."""
    options = json.dumps({"connections": connections, "retries": retries})
    with subprocess.Popen(
        [peer.python, HERE / "worker.py", peer.module, endpoint, options],
        env=client_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Worker(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()


def measure(
    peer: Peer,
    workload: str,
    endpoint: str,
    *,
    connections: int,
    retries: str | None = None,
    **parameters: float,
) -> Numbers:
    """One measurement in a fresh process of the peer's environment."""
    with worker(peer, endpoint, connections=connections, retries=retries) as opened:
        return opened.measure(workload, **parameters)


def cold_start(peer: Peer, endpoint: str) -> Numbers:
    """One cold start in a fresh process of the peer's environment; `process` is all of it, from start to
    exit.
    """
    started = time.perf_counter()
    result = subprocess.run(
        [peer.python, HERE / "cold_start.py", peer.module, endpoint],
        env=client_environment(),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return {**json.loads(result.stdout), "process": time.perf_counter() - started}
