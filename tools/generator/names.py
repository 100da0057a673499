"""Wire names and the Python names that stand for them."""

import re


def snake(name: str) -> str:
    """Return the Python name of a wire name: DescribeImages is describe_images."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def camel(name: str) -> str:
    """Return the wire name that the codec derives from a Python name."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
