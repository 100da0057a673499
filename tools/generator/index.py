"""The index of the families: api/__init__.py, which loads one when one of its names is used."""

from docstrings import docstring
from families import Families
from model import Model


def index(model: Model, families: Families) -> str:
    """Return the text of api/__init__.py."""
    public = {family: names for family in families.contents if (names := families.public(family))}
    homes = {name: family for family, names in public.items() for name in names}
    return "\n".join(
        (
            docstring(
                "The API's operations, types and errors, one module a resource family.\n\n"
                f"ECR's API version 2015-09-21 as botocore {model.version} knows it: {len(model.operations)} operations. "
                "A family is loaded when one of its names is first used."
            ),
            "",
            "from typing import TYPE_CHECKING, Any",
            "",
            "from ecr_async.errors import ServiceError",
            "from ecr_async._lazy import lazily",
            "",
            "if TYPE_CHECKING:",
            *(
                f"    from ecr_async.api.{family} import {', '.join(names)}"
                for family, names in public.items()
            ),
            "",
            "__all__ = [" + ", ".join(f'"{name}"' for name in sorted(homes)) + "]",
            "",
            "HOMES = {",
            *(f'    "{name}": "{family}",' for name, family in sorted(homes.items())),
            "}",
            '"""Which family defines a name."""',
            "",
            "_load = lazily(__name__, HOMES)",
            "",
            "if not TYPE_CHECKING:  # a checker that saw it would believe in every name",
            "    __getattr__ = _load",
            "",
            "",
            "def __dir__() -> list[str]:",
            "    return sorted({*globals(), *HOMES})",
            "",
            "",
            "def error_named(code: str) -> type[ServiceError] | None:",
            '    """Return the class of a modelled error, of whichever family."""',
            "    found: Any = _load(code) if code in HOMES else None",
            "    return found if isinstance(found, type) and issubclass(found, ServiceError) else None",
            "",
        )
    )
