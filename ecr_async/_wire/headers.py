"""Texts out of a response's headers."""

from collections.abc import Mapping

__all__ = ["header"]


def header(headers: Mapping[str, str], name: str) -> str | None:
    """Return a header's text, with U+FFFD for what is not UTF-8.

    aiohttp lets such bytes pass as halves of surrogate pairs, which cannot be printed or logged.
    """
    text = headers.get(name)
    return text and text.encode(errors="surrogateescape").decode(errors="replace")
