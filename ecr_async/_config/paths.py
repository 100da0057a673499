"""Paths as the AWS settings write them."""

import os

__all__ = ["expand"]


def expand(path: str) -> str:
    """Return a path with `~` and variables replaced, as botocore does it."""
    return os.path.expanduser(os.path.expandvars(path))
