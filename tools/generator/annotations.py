"""How a shape is annotated: by a plain type, by an alias of its own, or by its class."""

import json

import attrs
from docstrings import docstring
from documentation import Documentation
from limits import limit_arguments
from model import Model

PLAIN = {
    "string": "str",
    "integer": "int",
    "long": "int",
    "double": "float",
    "boolean": "bool",
    "blob": "bytes",
    "timestamp": "datetime",
}


@attrs.frozen
class Annotations:
    """The annotations of the model's shapes, and the aliases that they name."""

    model: Model
    words: Documentation

    def of(self, shape: str, *, sent: bool) -> str:
        """Return the annotation of a value of this shape: limits matter to what is sent only."""
        if "enum" in self.model.shapes[shape]:
            # The service may know values that this model does not.
            return f"{shape} | str" if shape in self.model.received else shape
        return shape if sent and self.has_alias(shape) else self._without_limit(shape, sent=sent)

    def has_alias(self, shape: str) -> bool:
        """Tell whether a shape gets a name of its own: enumerations, and limits on what is sent."""
        if self.model.is_structure(shape):
            return False
        if "enum" in self.model.shapes[shape]:
            return True
        return shape in self.model.sent and self._limit(shape) != ""

    def alias(self, shape: str) -> str:
        """Return the definition of a shape's alias."""
        definition = self.model.shapes[shape]
        if "enum" in definition:
            values = ", ".join(json.dumps(value) for value in definition["enum"])
            return f"{shape}: TypeAlias = Literal[{values}]\n" + docstring(self.words.of("values", shape))
        plain = self._without_limit(shape, sent=True)
        return f"{shape}: TypeAlias = Annotated[{plain}, Limit({self._limit(shape)})]"

    def key_and_value(self, shape: str, *, sent: bool) -> str:
        """Return the annotations of a map's keys and values."""
        definition = self.model.shapes[shape]
        return ", ".join(self.of(definition[part], sent=sent) for part in ("key", "value"))

    def _limit(self, shape: str) -> str:
        definition = self.model.shapes[shape]
        pattern = self.words.pattern(shape) or definition.get("pattern")
        return limit_arguments(definition, pattern, self.words.advice(shape))

    def _without_limit(self, shape: str, *, sent: bool) -> str:
        definition = self.model.shapes[shape]
        kind = definition["type"]
        if kind == "structure":
            return shape
        if kind == "list":
            item = self.of(definition["member"], sent=sent)
            return f"Sequence[{item}]" if sent else f"tuple[{item}, ...]"
        if kind == "map":
            return f"Mapping[{self.key_and_value(shape, sent=sent)}]"
        return PLAIN[kind]
