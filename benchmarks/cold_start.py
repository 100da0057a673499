"""Cold start: ``cold_start.py CLIENT ENDPOINT`` times import, client and first call in this fresh process.

Nothing is imported before the clock starts but what the interpreter itself has imported.
"""

from __future__ import annotations

import sys
import time

started = time.perf_counter()


def main() -> None:
    """Import the client, open it, make one call, print the seconds it took."""
    import asyncio  # noqa: PLC0415 - part of what is measured
    from importlib import import_module  # noqa: PLC0415

    client, endpoint = sys.argv[1:]
    adapter = import_module(f"clients.{client}")

    async def first_call() -> float:
        async with adapter.connect(endpoint, 1) as opened:
            images = await opened.describe_images("team/service-0000000", 1)
            assert len(images) == 1
            return time.perf_counter() - started

    wall = asyncio.run(first_call())
    print(f'{{"wall": {wall}, "cpu": {time.process_time()}}}')


if __name__ == "__main__":
    main()
