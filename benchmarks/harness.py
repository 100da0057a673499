"""Runs servers and measurements as processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING

from environments import HERE, Peer

if TYPE_CHECKING:
    from collections.abc import Iterator

Numbers = dict[str, float]

TIME_LIMIT = 900
"""Seconds after which a measurement is given up."""


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
    arguments = json.dumps({"connections": connections, "retries": retries, **parameters})
    return run([peer.python, HERE / "worker.py", peer.module, workload, endpoint, arguments])


def cold_start(peer: Peer, endpoint: str) -> Numbers:
    """One cold start in a fresh process of the peer's environment."""
    return run([peer.python, HERE / "cold_start.py", peer.module, endpoint])


def run(command: list[object]) -> Numbers:
    """Run a command that prints JSON."""
    result = subprocess.run(
        [str(part) for part in command],
        env=client_environment(),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=TIME_LIMIT,
    )
    return json.loads(result.stdout)
