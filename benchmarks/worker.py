"""A client in a process of its own: ``worker.py CLIENT ENDPOINT JSON`` runs under the client's own
interpreter.

Each line of standard input names a workload and its parameters, ``["pages", {"size": 1, …}]``, and is
responded to with a line of numbers. The process ends when its standard input closes.
"""

from __future__ import annotations

import asyncio
import json
import sys
from functools import partial
from importlib import import_module

from workloads import WORKLOADS


async def work(client: str, endpoint: str, *, connections: int, retries: str | None) -> None:
    """Open the client, and run what is requested."""
    adapter = import_module(f"clients.{client}")
    async with adapter.connect(endpoint, connections, retries) as opened:
        while line := await asyncio.to_thread(sys.stdin.readline):
            workload, parameters = json.loads(line)
            if workload == "another_client":
                parameters["connect"] = partial(adapter.connect, endpoint, 1)
            print(json.dumps(await WORKLOADS[workload](opened, **parameters)), flush=True)


def main() -> None:
    """Work for the client that the command line names."""
    client, endpoint, options = sys.argv[1:]
    asyncio.run(work(client, endpoint, **json.loads(options)))


if __name__ == "__main__":
    main()
