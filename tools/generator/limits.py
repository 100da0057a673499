"""What the service accepts of a value: for the code that checks it, and for its readers."""

import json
from typing import Any

from docstrings import unbroken


def limit_arguments(definition: dict[str, Any], pattern: str | None, advice: str | None) -> str:
    """Return the arguments of a shape's `Limit`: none if every value will do."""
    low, high = definition.get("min"), definition.get("max")
    if low == 0 and definition["type"] in ("string", "list", "blob"):
        low = None
    arguments: list[str] = []
    if low is not None:
        arguments.append(str(low))
    if high is not None:
        arguments.append(str(high) if low is not None else f"maximum={high}")
    if pattern:
        arguments.append(f"pattern=r{_quoted(pattern)}")
    if advice:
        arguments.append(f"advice={json.dumps(advice)}")
    return ", ".join(arguments)


def limit_sentence(definition: dict[str, Any]) -> str:
    """Return how long, how many or how great a shape's value may be, in words."""
    unit = {"string": "characters", "list": "items", "blob": "bytes"}.get(definition["type"], "")
    low, high = definition.get("min"), definition.get("max")
    if "enum" in definition or (not low and high is None):
        return ""
    if high is None:
        text = f"At least {low:,} {unit}"
    elif not low:
        text = f"At most {high:,} {unit}"
    else:
        text = f"{low:,} to {high:,} {unit}"
    return unbroken(text.strip()) + "."


def _quoted(pattern: str) -> str:
    return f'"{pattern}"' if '"' not in pattern else f"'{pattern}'"
