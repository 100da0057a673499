"""Makes wrong inputs of right ones: values of other types, members gone or twice, bytes cut, flipped or
repeated.
"""

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["mutate"]

VALUES: list[Any] = [
    None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63) - 1, 2**70, 1.5, -0.0, 1e16, 1e300, 1_700_000_000.123,
    "", "0", "12", "9" * 30, "-1", "1e5", "NaN", "true", "null", "2024-05-17T12:00:00Z", "0001-01-01T00:00:00+14:00",
    "\ud83d", "\u0000", "é" * 40, "x" * 5000, "../../etc/passwd", "sha256:" + "0" * 64, "*", "a.b[0]", "{}",
    [], {}, [[]], [None], [{}], [0, 1], {"": None}, {"a": {"a": {}}}, ["a"] * 100,
]  # fmt: skip

SPLINTERS = [
    b"\xff", b"\xef\xbb\xbf", b"\x00", b"NaN", b"Infinity", b"1e999", b"\\ud800", b"\\u0000", b"\\x", b'"', b"{", b"}",
    b"[", b"]", b",", b":", b"[" * 3000, b'{"a":' * 2000, b"null", b"-", b"00", b"\n", b" ", b"&", b"%00", b"/*", b"#",
]  # fmt: skip


def mutate(seed: bytes, chance: random.Random, words: Sequence[bytes] = ()) -> bytes:
    """Return a seed changed a few times, as a JSON document if it is one, and every other time as bytes.

    `words` are put into it too.
    """
    text = seed
    if chance.random() < 0.7:
        try:
            document = json.loads(seed)
        except ValueError:
            pass
        else:
            for _ in range(chance.randint(1, 3)):
                document = _changed(document, chance)
            text = json.dumps(document, ensure_ascii=chance.random() < 0.9).encode(errors="surrogatepass")
    if text is seed or chance.random() < 0.2:
        for _ in range(chance.randint(1, 3)):
            if words and chance.random() < 0.3:
                text = _insert(text, chance, words)
            else:
                text = chance.choice(_CUTS)(text, chance)
    return text


def _changed(value: Any, chance: random.Random) -> Any:
    """Return a JSON value with one place in it changed, any place being as likely as its depth allows."""
    if isinstance(value, dict) and value and chance.random() < 0.85:
        members = dict(value)
        name = chance.choice(list(members))
        action = chance.random()
        if action < 0.1:
            del members[name]
        elif action < 0.15:
            members[name[:-1] or "new"] = members.pop(name)
        else:
            members[name] = _changed(members[name], chance)
        return members
    if isinstance(value, list) and value and chance.random() < 0.85:
        items = list(value)
        index = chance.randrange(len(items))
        if chance.random() < 0.1:
            return items * chance.randint(2, 60)
        items[index] = _changed(items[index], chance)
        return items
    return chance.choice((chance.choice(VALUES), [value], {"value": value}, [value, chance.choice(VALUES)]))


def _cut(text: bytes, chance: random.Random) -> bytes:
    return text[: chance.randint(0, len(text))]


def _flip(text: bytes, chance: random.Random) -> bytes:
    if not text:
        return text
    at = chance.randrange(len(text))
    return text[:at] + bytes([text[at] ^ 1 << chance.randrange(8)]) + text[at + 1 :]


def _insert(text: bytes, chance: random.Random, words: Sequence[bytes] = SPLINTERS) -> bytes:
    at = chance.randint(0, len(text))
    return text[:at] + chance.choice(words) + text[at:]


def _remove(text: bytes, chance: random.Random) -> bytes:
    start = chance.randint(0, len(text))
    return text[:start] + text[start + chance.randint(1, 20) :]


def _repeat(text: bytes, chance: random.Random) -> bytes:
    start = chance.randint(0, len(text))
    end = start + chance.randint(1, 100)
    return text[:end] + text[start:end] * chance.randint(1, 50) + text[end:]


_CUTS: list[Callable[[bytes, random.Random], bytes]] = [_cut, _flip, _insert, _remove, _repeat]
