"""Takes secrets out of the texts of an error, in whichever spelling they come back.

A service or a proxy may repeat what it was sent: a canonical request, a header, the whole of it in a page.
Texts are cleaned after they have been parsed, so that a secret changes neither a document nor an error's
code, and only of what is long enough to be a secret: a session token `test` leaves every "test" alone.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from importlib import import_module
from typing import Any, cast

__all__ = ["SECRET_LENGTH_MIN", "Redactor"]

SECRET_LENGTH_MIN = 16
"""The length in characters of the shortest secret; and of the shortest part of one that is found."""

REPLACEMENT = "***"

DEPTH_MAX = 64
"""Levels of lists and objects in a JSON value; what is deeper is left out, lest it exhaust Python's stack."""


class Redactor:
    """Replaces each of some secrets by `***`, also where it is cut off, or percent-, HTML- or
    JSON-encoded.
    """

    def __init__(self, secrets: Iterable[str | None] = ()) -> None:
        self._secrets = [secret for secret in secrets if secret and len(secret) >= SECRET_LENGTH_MIN]

    def text(self, text: str) -> str:
        """Return a text without the secrets."""
        if len(text) < SECRET_LENGTH_MIN:
            return text
        for secret in self._secrets:
            text = _pattern(secret).sub(REPLACEMENT, text)
        return text

    def value(self, value: Any, depth: int = DEPTH_MAX) -> Any:
        """Return a JSON value without the secrets in its texts, and without what lies deeper than `depth`."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, (dict, list)) and not depth:
            return None
        if isinstance(value, dict):
            members = cast("dict[str, Any]", value)
            return {self.text(key): self.value(member, depth - 1) for key, member in members.items()}
        if isinstance(value, list):
            return [self.value(item, depth - 1) for item in value]  # pyright: ignore[reportUnknownVariableType]
        return value

    def body(self, body: bytes) -> bytes:
        """Return a body that could not be parsed without the secrets."""
        return self.text(body.decode("latin-1")).encode("latin-1")


@lru_cache(maxsize=64)
def _pattern(secret: str) -> re.Pattern[str]:
    """Return a pattern that finds a secret, and parts of it, side by side or alone."""
    size = SECRET_LENGTH_MIN
    parts = [secret[start : start + size] for start in range(0, len(secret) - size + 1, size)]
    parts[-1] += secret[len(parts) * size :]
    longest_first = dict.fromkeys([secret, *reversed(parts)])
    spelled = ("".join(map(_spellings, re.findall(_STEPS, piece))) for piece in longest_first)
    return re.compile(f"(?:{'|'.join(spelled)})+")


_STEPS = r"\\+|[^\\]"
"""What is spelled at once: a run of backslashes, which run into their escapes, or any other character."""


@lru_cache(maxsize=256)
def _spellings(step: str) -> str:
    """Return a pattern for a step as it is or, unless every encoding leaves it alone, encoded.

    Repetitions are bounded and never taken back, so that no text, however contrived, keeps the search busy.
    """
    character = step[0]
    if character.isalnum() and character.isascii():
        return character
    code = ord(character)
    # Imported here: a call that succeeds need not load it.
    entities: dict[str, str] = import_module("html.entities").html5
    names = [name.removesuffix(";") for name, text in entities.items() if text == character]
    percent = "".join(f"%(?:25)?{byte:02x}" for byte in character.encode(errors="surrogatepass"))
    encoded = (
        *(f"&(?:amp;)?{name};?" for name in names),
        rf"&(?:amp;)?#0{{0,15}}+{code};?",
        rf"&(?:amp;)?#x0{{0,15}}+{code:x};?",
        percent,
    )
    escaped = f"u{code:04x}|x{code:02x}"
    if character == "\\":
        once = rf"(?>(?i:{'|'.join(encoded)}|\\{{1,15}}+(?:{escaped})|\\))"
        return f"{once}{{{len(step)},{16 * len(step)}}}+"
    # A backslash before may have been taken for the end of a run.
    return rf"(?i:{'|'.join(encoded)}|\\{{0,15}}+(?:{escaped}|{re.escape(character)}))"
