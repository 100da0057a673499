"""Trusted certificates. Sessions with the same bundle share what was read from it."""

import functools
import os
import ssl

from ecr_async.errors import ConfigurationError

__all__ = ["context_trusting"]


def context_trusting(bundle: str) -> ssl.SSLContext:
    """Return a TLS context that trusts the certificates in a PEM file, or in a folder as OpenSSL lays it out.

    Blocks while it reads them.

    Raises `ConfigurationError` for a file that cannot be read or has no certificate in it.
    """
    try:
        status = os.stat(bundle)
        return _context(bundle, status.st_mtime_ns, status.st_size)
    except OSError as error:
        raise ConfigurationError(f"ca_bundle {bundle!r} cannot be used: {error}") from error


@functools.lru_cache(maxsize=8)
def _context(bundle: str, _modified: int, _size: int) -> ssl.SSLContext:
    """Read a file as it was at some time: a system's bundle takes some 20 ms."""
    if os.path.isdir(bundle):
        return ssl.create_default_context(capath=bundle)
    return ssl.create_default_context(cafile=bundle)
