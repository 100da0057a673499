"""Families: which module defines a name, and what a module holds."""

from collections.abc import Iterator

import attrs
from annotations import Annotations
from documentation import Documentation
from model import Model

from ecr_async._wire.names import snake


@attrs.frozen
class Contents:
    """The model's names that a family's module defines, by kind, in order of definition."""

    aliases: list[str]
    types: list[str]
    errors: list[str]
    operations: list[str]


class Families:
    """The resource families, one module each, and what the words and the model put into them."""

    def __init__(self, model: Model, words: Documentation, annotations: Annotations) -> None:
        self.model = model
        self.words = words
        self.annotations = annotations
        self.contents = {family: self._contents(family) for family in words.families}

    def public(self, family: str) -> list[str]:
        """Return the public names of a family."""
        contents = self.contents[family]
        names = [
            *contents.errors,
            *contents.types,
            *(alias for alias in contents.aliases if "enum" in self.model.shapes[alias]),
        ]
        for operation in contents.operations:
            definition = self.model.operations[operation]
            names += [snake(operation), definition["input"], definition["output"]]
            if self.model.is_paginated(operation):
                names.append(f"paginate_{snake(operation)}")
        return sorted(names)

    def _contents(self, family: str) -> Contents:
        shapes = self.model.in_order(sorted(self.model.sent | self.model.received))
        errors = {error for operation in self.model.operations.values() for error in operation["errors"]}
        return Contents(
            aliases=[s for s in shapes if self.annotations.has_alias(s) and self._family(s) == family],
            types=[
                s
                for s in shapes
                if self.model.is_structure(s) and s not in self.model.parts and self._family(s) == family
            ],
            errors=[error for error in sorted(errors) if self.words.home(error) == family],
            operations=[name for name in self.model.operations if self.words.home(name) == family],
        )

    def _family(self, shape: str) -> str:
        if shape in self.model.parts:
            operation, _ = self.model.parts[shape]
            return self.words.home(operation)
        if self.model.is_structure(shape) or "enum" in self.model.shapes[shape]:
            return self.words.home(shape)
        for item in self._items(shape):
            if self.model.is_structure(item):
                return self.words.home(item)
        owners = self._families_of_owners(shape)
        return next(iter(owners)) if len(owners) == 1 else "common"

    def _families_of_owners(self, shape: str) -> set[str]:
        """Return where the classes live that have a field of this shape."""
        return {
            self._family(name)
            for name, other in self.model.shapes.items()
            if other["type"] == "structure" and not other.get("exception")
            if any(shape in (target, *self._items(target)) for target in other["members"].values())
        }

    def _items(self, shape: str) -> Iterator[str]:
        """Yield the shape of a list's items, and of their items."""
        while "member" in self.model.shapes[shape]:
            shape = self.model.shapes[shape]["member"]
            yield shape
