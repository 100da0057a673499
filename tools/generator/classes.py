"""Classes: the requests, responses and types, and the errors."""

import json

import attrs
from annotations import PLAIN, Annotations
from docstrings import docstring
from documentation import Documentation
from limits import limit_sentence
from model import Model

from ecr_async._wire.names import camel, snake

HIDDEN = {("AuthorizationData", "authorizationToken"), ("GetDownloadUrlForLayerResponse", "downloadUrl")}
"""Secrets that the model does not mark: they stay out of every repr."""


@attrs.frozen
class Classes:
    """The definitions of the model's classes."""

    model: Model
    words: Documentation
    annotations: Annotations

    def structure(self, shape: str) -> str:
        """Return the class of a structure."""
        definition = self.model.shapes[shape]
        required = definition.get("required", [])
        members = sorted(definition["members"], key=lambda wire: wire not in required)
        return "\n".join(
            (
                "@structure",
                f"class {shape}(Structure{self._renaming(members)}):",
                docstring(self._structure_words(shape), 4),
                "",
                *(self._field(shape, wire) for wire in members),
            )
        )

    def error(self, shape: str) -> str:
        """Return the exception class of a modelled error."""
        targets = self.model.shapes[shape]["members"]
        members = [wire for wire in targets if wire.lower() != "message"]
        lines = [
            f"class {shape}(ServiceError):",
            docstring(self.words.of("errors", shape), 4),
            "",
            f'    code = "{shape}"',
        ]
        if members:
            table = ", ".join(f'"{wire}": "{snake(wire)}"' for wire in members)
            lines.append(f"    members: ClassVar[Mapping[str, str]] = {{{table}}}")
        for wire in members:
            kind = PLAIN[self.model.shapes[targets[wire]]["type"]]
            words = self.words.of_field("errors", shape, "members", wire)
            lines += ["", f"    {snake(wire)}: {kind} | None", docstring(words, 4)]
        return "\n".join(lines)

    def _structure_words(self, shape: str) -> str:
        if shape not in self.model.parts:
            return self.words.of("types", shape)
        operation, part = self.model.parts[shape]
        return f"{'Parameters' if part == 'request' else 'Result'} of `{snake(operation)}`."

    def _renaming(self, members: list[str]) -> str:
        """Return the names on the wire, as an argument of the class, where the rule doesn't give them."""
        if all(camel(snake(wire)) == wire for wire in members):
            return ""
        return f", rename={json.dumps({snake(wire): wire for wire in members})}"

    def _field(self, owner: str, wire: str) -> str:
        target = self.model.shapes[owner]["members"][wire]
        annotation = self.annotations.of(target, sent=owner in self.model.sent)
        if self._is_sensitive(owner, wire):
            annotation = f"Annotated[{annotation}, SENSITIVE]"
        default = self._default(owner, wire)
        if default == "None":
            annotation += " | None"
        value = f" = {default}" if default else ""
        return f"    {snake(wire)}: {annotation}{value}\n" + docstring(self._field_words(owner, wire), 4)

    def _default(self, owner: str, wire: str) -> str | None:
        """Return what an absent field is: nothing, or an empty list or map in a response."""
        if wire in self.model.shapes[owner].get("required", []):
            return None
        target = self.model.shapes[owner]["members"][wire]
        kind = self.model.shapes[target]["type"]
        if owner not in self.model.sent and kind == "list":
            return "()"
        if owner not in self.model.sent and kind == "map":
            return f"field(factory=dict[{self.annotations.key_and_value(target, sent=False)}])"
        return "None"

    def _is_sensitive(self, owner: str, wire: str) -> bool:
        definition = self.model.shapes[self.model.shapes[owner]["members"][wire]]
        return "sensitive" in definition or definition["type"] == "blob" or (owner, wire) in HIDDEN

    def _field_words(self, owner: str, wire: str) -> str:
        if owner in self.model.parts:
            operation, part = self.model.parts[owner]
            words = self.words.of_field("operations", operation, part, wire)
        else:
            words = self.words.of_field("types", owner, "members", wire)
        if owner not in self.model.sent:
            return words
        definition = self.model.shapes[self.model.shapes[owner]["members"][wire]]
        return f"{words} {limit_sentence(definition)}".strip()
