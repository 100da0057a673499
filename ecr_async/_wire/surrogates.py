"""Halves of surrogate pairs, which JSON can spell as escapes, but which no encoding of text can carry."""

import re
from collections.abc import Generator

from ecr_async._secret import SecretBuffer

__all__ = ["repaired"]

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

STEP = 64 * 1024
"""Bytes that are repaired in one step: 10 ms if they are nothing but escapes."""

LONGEST = len(rb"\ud83d\ude00")
"""Bytes of the longest thing that is looked for."""

SURROGATES = (
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a pair
    rb"|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
    rb"|\\[^u]"  # in `\\ud83d` the second backslash begins no escape
)


def repaired(body: bytes | bytearray) -> Generator[None, None, SecretBuffer]:
    """Return a JSON document with U+FFFD for each half of a pair, and without a byte order mark.

    Yields between two steps.
    """
    find = re.compile(SURROGATES).finditer
    document = SecretBuffer()
    start = len(BYTE_ORDER_MARK) if body.startswith(BYTE_ORDER_MARK) else 0
    while start < len(body):
        end = start + STEP
        for found in find(body, start, end + LONGEST - 1):
            if found.start() >= end:
                break
            is_half = len(found[0]) == len(rb"\ud83d")
            document += body[start : found.start()]
            document += rb"\ufffd" if is_half else found[0]
            start = found.end()
        if start < end:
            document += body[start:end]
            start = end
        yield
    return document
