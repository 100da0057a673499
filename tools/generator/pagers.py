"""Pagers: the functions that go through all pages of an operation."""

import attrs
from annotations import Annotations
from docstrings import docstring
from model import Model

from ecr_async._wire.names import snake


@attrs.frozen
class Pagers:
    """The definitions of the paginate_ functions."""

    model: Model
    annotations: Annotations

    def pager(self, name: str) -> str:
        """Return the paginate_ function of an operation."""
        definition = self.model.operations[name]
        request, response = definition["input"], definition["output"]
        paths = self._results(name)
        words = (
            f"Iterate over all pages of `{snake(name)}`: `async for` yields items, `.pages()` whole responses.\n\n"
            f"Stops after `max_items` items, if given. Pass the `resume_token` of an earlier pager to continue where "
            f"it stopped. The next page is fetched while you process the current one.\n\n"
            f"Raises what `{snake(name)}` raises, and `PaginationError` if the service repeats a token."
        )
        return "\n".join(
            (
                f"def paginate_{snake(name)}(",
                f"    service: Service, request: {request}, *, max_items: int | None = None, resume_token: str | None = None",
                f") -> Pager[{request}, {response}, {self._item(response, paths)}]:",
                docstring(words, 4),
                f"    return Pager({snake(name)}, service, request, {self._items(paths)}, max_items, resume_token)",
            )
        )

    def _results(self, name: str) -> list[list[str]]:
        """Return the paths of the lists that a page holds."""
        definition = self.model.operations[name]
        keys = definition.get("result_key")
        if keys is None:
            members = self.model.shapes[definition["output"]]["members"]
            keys = [wire for wire, target in members.items() if self.model.shapes[target]["type"] == "list"]
        paths = [key.split(".") for key in ([keys] if isinstance(keys, str) else keys)]
        if not paths:
            raise SystemExit(f"{name} has pages, but no list in them")
        return paths

    def _item(self, response: str, paths: list[list[str]]) -> str:
        """Return the annotation of an item of any of the lists."""
        items = (self.model.shapes[self._at(response, path)]["member"] for path in paths)
        return " | ".join(self.annotations.of(item, sent=False) for item in items)

    def _at(self, shape: str, path: list[str]) -> str:
        for wire in path:
            shape = self.model.shapes[shape]["members"][wire]
        return shape

    def _items(self, paths: list[list[str]]) -> str:
        """Return the function that takes the items out of a page."""
        holder = snake(paths[0][0])
        if len(paths) == 1 and len(paths[0]) == 1:
            return f"lambda page: page.{holder}"
        parts = ", ".join(f"*page.{holder}.{snake(path[1])}" for path in paths)
        return f"lambda page: ({parts}) if page.{holder} else ()"
