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
    "_wire.operation": ["Limit", "Operation"],
    "pagination": ["Pager"],
    "_wire.structure": ["Structure"],
}


def imports(family: str, body: str, families: Families) -> str:
    """Return the imports of a family's module with these definitions."""
    code = re.sub(r'""".*?"""', "", body, flags=re.S)

    def used(names: list[str]) -> list[str]:
        return [name for name in names if re.search(rf"(?<![\w\"]){name}\b", code)]

    # Only the functions name a Service, and only in their annotations.
    has_functions = bool(used(["async def"]))
    standard = {module: used(names) for module, names in STANDARD.items()}
    if has_functions:
        standard["typing"].insert(0, "TYPE_CHECKING")
    others = {
        f"api.{other}": sorted(used([*contents.aliases, *contents.errors, *contents.types]))
        for other, contents in families.contents.items()
        if other != family
    }
    core = {module: used(names) for module, names in CORE.items()}
    lines = [
        *_from("", standard),
        "",
        "import attrs" if used(["attrs"]) else "",
        "",
        *_from("ecr_async.", others | core),
    ]
    if has_functions:
        lines += ["", "if TYPE_CHECKING:", "    from ecr_async.service import Service"]
    return "\n".join(lines)


def _from(package: str, modules: dict[str, list[str]]) -> list[str]:
    return [f"from {package}{module} import {', '.join(names)}" for module, names in modules.items() if names]
