"""ECR's model as a graph: its operations, its shapes, and which shapes reach which."""

from collections.abc import Iterable
from typing import Any


class Model:
    """What tools/generator/model.json holds, and what follows from it."""

    def __init__(self, content: dict[str, Any]) -> None:
        self.version: str = content["botocore"]
        self.operations: dict[str, Any] = content["operations"]
        self.shapes: dict[str, Any] = content["shapes"]
        self.sent = self.reached_from(operation["input"] for operation in self.operations.values())
        self.received = self.reached_from(operation["output"] for operation in self.operations.values())
        self.parts: dict[str, tuple[str, str]] = {}
        """Which operation's request or response a shape is."""
        for name, operation in self.operations.items():
            self.parts[operation["input"]] = (name, "request")
            self.parts[operation["output"]] = (name, "response")

    def targets(self, shape: str) -> list[str]:
        """Return the shapes of a shape's members, or of its items, keys and values."""
        definition = self.shapes[shape]
        return [
            *definition.get("members", {}).values(),
            *(definition[part] for part in ("member", "key", "value") if part in definition),
        ]

    def reached_from(self, shapes: Iterable[str]) -> set[str]:
        """Return these shapes and all that are somewhere inside them."""
        seen: set[str] = set()
        todo = list(shapes)
        while todo:
            shape = todo.pop()
            if shape not in seen:
                seen.add(shape)
                todo += self.targets(shape)
        return seen

    def in_order(self, shapes: Iterable[str]) -> list[str]:
        """Return these shapes, each after those that its definition names."""
        requested = list(shapes)
        ordered: dict[str, None] = {}

        def visit(shape: str) -> None:
            if shape not in ordered:
                for target in self.targets(shape):
                    visit(target)
                ordered[shape] = None

        for shape in requested:
            visit(shape)
        return [shape for shape in ordered if shape in requested]

    def is_structure(self, shape: str) -> bool:
        """Tell whether a shape has members, so that it is a class in Python."""
        return bool(self.shapes[shape]["type"] == "structure")

    def is_paginated(self, operation: str) -> bool:
        """Tell whether an operation takes and gives a token of the next page."""
        definition = self.operations[operation]
        return all("nextToken" in self.shapes[definition[side]]["members"] for side in ("input", "output"))
