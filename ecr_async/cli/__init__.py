"""The command `ecr-async`: `serve` runs the embedded ECR, `scan` reads whole registries.

It needs the extra `cli`; without it, `main` says so.
"""

import os
import sys

from ecr_async.errors import ECRError

__all__ = ["main"]

EXTRA = frozenset({"rich", "typer"})


def _open_closed_streams() -> None:
    """Let streams that the caller has closed (`>&-`) lead nowhere, as under a daemon.

    Python makes them None, and the next socket that is opened would be the standard output.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:  # the lowest one that is free
        pass
    os.close(descriptor)
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", closefd=False)


def main() -> None:
    """Run the command line; a failure is one line on standard error, and the exit status 1."""
    _open_closed_streams()
    try:
        from ecr_async.cli.app import app  # noqa: PLC0415 - it may not be installed
    except ModuleNotFoundError as missing:
        if missing.name not in EXTRA:
            raise
        sys.exit("ecr-async: the command needs more than the library; pip install 'ecr-async[cli]'")
    try:
        app(prog_name="ecr-async")
    except (ECRError, OSError) as error:
        sys.exit(f"ecr-async: {error}")
