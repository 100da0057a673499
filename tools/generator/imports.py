"""Imports: what a module's definitions use and other modules define."""

import re

from families import Families

STANDARD = {
    "collections.abc": ["Mapping", "Sequence"],
    "datetime": ["datetime"],
    "typing": ["Annotated", "ClassVar", "Literal", "TypeAlias"],
}
CORE = {
    "errors": ["ServiceError"],
    "_wire.operation": ["SENSITIVE", "Limit", "Operation"],
    "pagination": ["Pager"],
    "service": ["Service", "call"],
    "_wire.structure": ["Structure", "field", "structure"],
}


def imports(family: str, body: str, families: Families) -> str:
    """Return the imports of a family's module with these definitions."""
    code = re.sub(r'""".*?"""', "", body, flags=re.S)

    def used(names: list[str]) -> list[str]:
        return [name for name in names if re.search(rf"(?<![\w\"]){name}\b", code)]

    standard = {module: used(names) for module, names in STANDARD.items()}
    others = {
        f"api.{other}": sorted(used([*contents.aliases, *contents.errors, *contents.types]))
        for other, contents in families.contents.items()
        if other != family
    }
    core = {module: used(names) for module, names in CORE.items()}
    return "\n".join(
        (
            *_from("", standard),
            "",
            *_from("ecr_async.", others | core),
        )
    )


def _from(package: str, modules: dict[str, list[str]]) -> list[str]:
    return [f"from {package}{module} import {', '.join(names)}" for module, names in modules.items() if names]
