"""Documentation as docstrings, wrapped and indented."""

import textwrap

WIDTH = 100
GLUE = "\x00"
"""Stands for a space at which a line must not end."""


def docstring(text: str, indent: int = 0) -> str:
    """Return text as a docstring, wrapped, at this indentation."""
    pad = " " * indent
    paragraphs = [_wrapped(paragraph, WIDTH - indent) for paragraph in text.split("\n\n")]
    body = "\n\n".join(paragraphs)
    lines = body.split("\n")
    if len(lines) == 1 and len(body) + indent + 6 <= 110:
        return f'{pad}"""{body}"""'
    indented = "\n".join(f"{pad}{line}".rstrip() for line in lines)
    return f'{pad}"""{indented.lstrip()}\n{pad}"""'


def unbroken(text: str) -> str:
    """Return text that a docstring keeps on one line."""
    return text.replace(" ", GLUE)


def raises(errors: dict[str, str]) -> str:
    """Return the paragraph of a docstring that says which errors are raised, and when."""
    entries = [
        textwrap.fill(
            f"    {error}: {' '.join(words.split())}",
            WIDTH - 4,
            subsequent_indent=" " * 8,
            break_on_hyphens=False,
        )
        for error, words in errors.items()
    ]
    return "Raises:\n" + "\n".join(entries)


def _wrapped(paragraph: str, width: int) -> str:
    if any(line.startswith((" ", "-", "*", "See https:")) for line in paragraph.split("\n")):
        return paragraph
    filled = textwrap.fill(" ".join(paragraph.split()), width, break_long_words=False, break_on_hyphens=False)
    return filled.replace(GLUE, " ")
