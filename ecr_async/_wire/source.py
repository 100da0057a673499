"""Functions written at run time, whose source tracebacks, debuggers and profilers can show."""

import linecache
from collections.abc import Sequence
from typing import Any

__all__ = ["compile_function"]


def compile_function(name: str, subject: str, lines: Sequence[str], names: dict[str, Any]) -> Any:
    """Compile the source of the function `name` under a file name of its own, which names its `subject`.

    `names` are the globals that the source refers to.
    """
    source = "\n".join(lines) + "\n"
    filename = f"<ecr_async {name} {subject}>"
    # No modification time: so `linecache` never looks for the file on disk.
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    exec(compile(source, filename, "exec"), names)  # noqa: S102 - our own text, made of our own field names
    return names[name]
