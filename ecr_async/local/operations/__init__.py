"""What the embedded ECR can do: a module a family, as in `ecr_async.api`."""

from importlib import import_module
from pkgutil import iter_modules

from ecr_async.local.operations.table import HANDLERS

__all__ = ["HANDLERS"]

for _module in iter_modules(__path__, f"{__name__}."):
    import_module(_module.name)
