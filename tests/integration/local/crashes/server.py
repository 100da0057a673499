"""A server to be killed: `python -m tests.integration.local.crashes.server FOLDER`."""

import asyncio
import sys

from ecr_async.local import LocalECR, serve


def main() -> None:
    """Serve, and print where."""

    def started(local: LocalECR) -> None:
        print(local.endpoint_url, flush=True)

    asyncio.run(serve(LocalECR(data=sys.argv[1]), started))


if __name__ == "__main__":
    main()
