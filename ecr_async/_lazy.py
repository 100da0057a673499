"""Names that are loaded when they are first used, so that importing the package stays cheap."""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from ecr_async.errors import MissingExtraAttributeError, MissingExtraImportError

__all__ = ["lazily"]


def lazily(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """Return a package's `__getattr__`; `homes` maps a name to the module that defines it.

    A name that is its own home is the module itself. A name whose extra is not installed raises
    `MissingExtraAttributeError`.
    """

    def load(name: str) -> Any:
        home = homes.get(name)
        if home is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        try:
            module = import_module(f"{package}.{home}")
        except MissingExtraImportError as missing:
            raise MissingExtraAttributeError(missing.extra, missing.module) from None
        value = module if name == home else getattr(module, name)
        setattr(sys.modules[package], name, value)
        return value

    return load
