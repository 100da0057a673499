"""The package's face: `__all__` and the homes of names, made from the imports in ecr_async/__init__.py.

Those imports, which only type checkers run, are the one list of public names that is kept by hand. What
follows the mark is written from it. A name imported `as` itself is public but not in `__all__`: a star
import would hide the builtin TimeoutError, or need an extra.
"""

import ast
from collections.abc import Iterator

MARK = "# Written by `make generate` from the imports above.\n"


def face(text: str) -> str:
    """Return the text of ecr_async/__init__.py with everything behind the mark written anew."""
    kept, mark, _ = text.partition(MARK)
    if not mark:
        raise ValueError(f"ecr_async/__init__.py has no line {MARK.strip()!r}")
    imports = list(_imports(ast.parse(kept)))
    listed = sorted(alias.name for _, alias in imports if alias.asname is None)
    homes = sorted((alias.name, home or alias.name) for home, alias in imports)
    return "\n".join(
        (
            kept + mark.strip(),
            "__all__ = [" + ", ".join(f'"{name}"' for name in listed) + "]",
            "__all__ += _api.__all__",
            "",
            "_HOMES = {",
            *(f'    "{name}": "{home}",' for name, home in homes),
            "    **{name: f'api.{family}' for name, family in _api.HOMES.items()},",
            "}",
            "",
            "if not TYPE_CHECKING:  # a checker that saw it would believe in every name",
            "    __getattr__ = lazily(__name__, _HOMES)",
            "",
            "",
            "def __dir__() -> list[str]:",
            '    return sorted({*_HOMES, *(name for name in globals() if name.startswith("__"))})',
            "",
        )
    )


def _imports(tree: ast.Module) -> Iterator[tuple[str, ast.alias]]:
    """Return each imported name with the module that it comes from, "" for the package itself."""
    for block in tree.body:
        if isinstance(block, ast.If):
            for node in block.body:
                if isinstance(node, ast.ImportFrom) and node.module is not None:
                    home = node.module.removeprefix("ecr_async").removeprefix(".")
                    yield from ((home, alias) for alias in node.names if alias.name != "*")
