"""The command `ecr-async`, one module for each of its commands.

It needs the extra `cli`; without it, `main` says so.
"""

import atexit
import gc
import os
import sys

from ecr_async._optional import extra
from ecr_async.errors import ECRError, ValidationError

__all__ = ["main"]


def _open_closed_streams() -> None:
    """Replace streams that the caller has closed (`>&-`) by the null device, as for a daemon.

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
    """Run the command line; a failure is one line on standard error, and the exit status 1.

    Arguments that cannot be right end it with the status 2, as they do in the parser.
    """
    _open_closed_streams()
    atexit.register(
        gc.freeze
    )  # at its end the interpreter looks for garbage, which takes 30 ms and frees nothing
    try:
        with extra("cli", "rich", "typer"):
            from ecr_async.cli.app import app  # noqa: PLC0415 - it may not be installed
        named = next((word for word in sys.argv[1:] if not word.startswith("-")), None)
        app(named)(prog_name="ecr-async")
    except ECRError as error:
        print(f"ecr-async: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, ValidationError) else 1)
    except OSError as error:
        sys.exit(f"ecr-async: {_in_words(error)}")


def _in_words(error: OSError) -> str:
    """Return what went wrong with which file, without the number that Python's own text begins with."""
    return f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error)
