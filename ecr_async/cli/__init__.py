"""The command `ecr-async`: `serve` runs the embedded ECR, `scan` reads whole registries.

It needs the extra `cli`; without it, `main` says so.
"""

import sys

from ecr_async.errors import ECRError

__all__ = ["main"]

EXTRA = frozenset({"rich", "typer"})


def main() -> None:
    """Run the command line; a failure is one line on standard error, and the exit status 1."""
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
