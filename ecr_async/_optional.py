"""Imports of optional dependencies, which an extra installs: pyarrow, dask.distributed, …"""

from collections.abc import Generator
from contextlib import contextmanager

from ecr_async.errors import MissingExtraImportError

__all__ = ["extra"]


@contextmanager
def extra(name: str, *modules: str) -> Generator[None, None, None]:
    """Import these modules in the block; if one is missing, say which extra to install.

    A module of this library that is imported there may need another extra; the one that is named includes
    it. Raises `MissingExtraImportError`.
    """
    try:
        yield
    except MissingExtraImportError as missing:
        raise MissingExtraImportError(name, missing.module) from None
    except ModuleNotFoundError as missing:
        if missing.name is None or missing.name.partition(".")[0] not in modules:
            raise
        raise MissingExtraImportError(name, missing.name) from None
