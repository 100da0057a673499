"""A secret is found in whichever spelling it comes back, and nothing else is touched."""

import html
import json
import string
import urllib.parse
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_async._wire.redaction import REPLACEMENT, SECRET_LENGTH_MIN, Redactor

secrets = st.text(
    string.ascii_uppercase + string.digits + "+/=-_.~%\\", min_size=SECRET_LENGTH_MIN, max_size=400
)
texts = st.text(string.ascii_lowercase + " {}\"':,é\n", max_size=40)


def escaped(secret: str) -> str:
    """As JSON may write it: every character but letters and digits as an escape."""
    return "".join(c if c.isalnum() else f"\\u{ord(c):04x}" for c in secret)


def as_numbers(secret: str) -> str:
    return "".join(c if c.isalnum() else f"&#{ord(c)};" for c in secret)


ENCODINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "percent": lambda secret: urllib.parse.quote(secret, safe=""),
    "percent, lower case": lambda secret: "".join(c if c.isalnum() else f"%{ord(c):02x}" for c in secret),
    "percent twice": lambda secret: urllib.parse.quote(urllib.parse.quote(secret, safe=""), safe=""),
    "HTML": html.escape,
    "HTML numbers": as_numbers,
    "HTML names": lambda secret: secret.replace("=", "&equals;").replace("+", "&plus;").replace("/", "&sol;"),
    "JSON escapes": escaped,
    "JSON in JSON": lambda secret: json.dumps(escaped(secret)),
    "a slash with a backslash": lambda secret: secret.replace("/", "\\/"),
}


@pytest.mark.parametrize("encode", ENCODINGS.values(), ids=ENCODINGS)
@given(secret=secrets, before=texts, after=texts)
def test_a_secret_is_replaced_in_every_spelling(
    encode: Callable[[str], str], secret: str, before: str, after: str
) -> None:
    cleaned = Redactor([secret]).text(f"{before} {encode(secret)} {after}")
    assert cleaned.replace('"', "") == f"{before} {REPLACEMENT} {after}".replace('"', "")


@given(secrets, st.data())
def test_what_is_left_of_a_part_is_too_short_to_be_of_use(secret: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(secret)))
    end = data.draw(st.integers(start, len(secret)))
    cleaned = Redactor([secret]).text(f"<{secret[start:end]}>")
    longest = max(map(len, cleaned.strip("<>").split(REPLACEMENT)))
    assert longest < 3 * SECRET_LENGTH_MIN


@given(st.text(max_size=SECRET_LENGTH_MIN - 1), st.text())
def test_what_is_too_short_to_be_a_secret_is_left_alone(secret: str, text: str) -> None:
    assert Redactor([secret, None, ""]).text(secret + text + secret) == secret + text + secret


@given(st.from_regex(r"[a-z]{16,40}", fullmatch=True), st.text(string.ascii_uppercase + string.punctuation))
def test_other_texts_are_left_alone(secret: str, text: str) -> None:
    assert Redactor([secret]).text(text) == text


def test_all_texts_of_a_value_are_cleaned() -> None:
    secret = "IQoJb3JpZ2luX2VjEHMaCXVzLWVhc3QtMSJ="
    redactor = Redactor([secret])
    value = {"a": [f"x{secret}", 1, None, {secret: True}], "b": 1.5}
    assert redactor.value(value) == {"a": [f"x{REPLACEMENT}", 1, None, {REPLACEMENT: True}], "b": 1.5}
    assert redactor.body(b"\xff" + secret.encode() + b"\xfe") == b"\xff***\xfe"


@pytest.mark.parametrize("secret", ["\\" * 40, "/" * 40, "%25" * 20, "&amp;" * 10, "&#38;" * 10])
@pytest.mark.parametrize("piece", ["\\", "\\\\u005c", "%25", "&amp;", "&#00", "%5c", "/"])
def test_no_text_keeps_the_search_busy(secret: str, piece: str) -> None:
    Redactor([secret]).text(piece * 20_000 + "x")  # the test's own limit of time would end it
