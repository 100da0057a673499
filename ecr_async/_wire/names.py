"""Names on the wire and the Python names that stand for them: one rule, for the package and its generator."""

import re

__all__ = ["camel", "snake"]


def snake(name: str) -> str:
    """Return the Python name of a wire name: `repositoryName` is `repository_name`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def camel(name: str) -> str:
    """Return the wire name of a Python name: `repository_name` is `repositoryName`."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
