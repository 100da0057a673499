"""Operations: for each the constant that describes it, and the function that users await."""

import attrs
from docstrings import docstring, raises
from documentation import Documentation
from model import Model

from ecr_async._wire.names import snake

REFERENCE = "https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_{}.html"


@attrs.frozen
class Operations:
    """The definitions of the model's operations."""

    model: Model
    words: Documentation

    def constant(self, name: str) -> str:
        """Return the `Operation` that the pipeline of a call is given."""
        definition = self.model.operations[name]
        request, response = definition["input"], definition["output"]
        errors = "".join(f"{error}, " for error in definition["errors"])
        rules = ""
        if exclusive := self.words.exclusive(name):
            others = ", ".join(f'"{snake(other)}"' for other in exclusive[1])
            rules += f', exclusive=("{snake(exclusive[0])}", ({others},))'
        if any(self.model.shapes[shape]["type"] == "blob" for shape in self.model.reached_from([request])):
            rules += ", heavy=True"
        return f'{snake(name).upper()} = Operation("{name}", {request}, {response}, errors=({errors}){rules})'

    def function(self, name: str) -> str:
        """Return the coroutine function of an operation."""
        definition = self.model.operations[name]
        request, response = definition["input"], definition["output"]
        words = (
            self.words.of("operations", name),
            raises({error: self.words.of("errors", error) for error in definition["errors"]}),
            f"See {REFERENCE.format(name)}",
        )
        return "\n".join(
            (
                f"async def {snake(name)}(service: Service, request: {request}) -> {response}:",
                docstring("\n\n".join(words), 4),
                f"    return await call(service, {snake(name).upper()}, request)",
            )
        )
