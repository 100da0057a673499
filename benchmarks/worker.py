"""One measurement in a process of its own: ``worker.py CLIENT WORKLOAD ENDPOINT JSON`` prints one line of JSON.

It runs under the interpreter of the client's virtual environment.
"""

from __future__ import annotations

import asyncio
import json
import sys
from importlib import import_module

from workloads import WORKLOADS, Numbers


async def measure(
    client: str, workload: str, endpoint: str, *, connections: int, retries: str | None, **parameters: object
) -> Numbers:
    """Open the client, run the workload, give back its numbers."""
    adapter = import_module(f"clients.{client}")
    async with adapter.connect(endpoint, connections, retries) as opened:
        return await WORKLOADS[workload](opened, **parameters)


def main() -> None:
    """Measure what the command line asks for."""
    client, workload, endpoint, parameters = sys.argv[1:]
    print(json.dumps(asyncio.run(measure(client, workload, endpoint, **json.loads(parameters)))))


if __name__ == "__main__":
    main()
