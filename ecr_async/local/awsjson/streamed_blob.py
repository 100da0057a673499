"""A JSON object with one long blob in it, in base64, taken apart while it comes in."""

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

import msgspec

from ecr_async.local.awsjson.base64_blobs import decode_base64

__all__ = ["StreamedBlob"]

MAX_OTHERS = 64 * 1024
"""Bytes of the object besides the blob, before it and after it."""
GROUP = 4
"""Characters of base64 that are decoded together."""
ESCAPE = len(r"\u002f")
"""Bytes of the longest escape."""

_members = msgspec.json.Decoder(dict[str, Any])


class StreamedBlob:
    """The blob that is a member of an object, decoded piece by piece.

        blob = StreamedBlob("layerPartBlob", start)
        for piece in (start, *others):
            file.writelines(blob.feed(piece))
        request = json.loads(blob.close())

    `start` is the object's beginning. Raises `ValueError` if the member doesn't begin in it, which says
    nothing about the object yet: it may come later, or written in another way.

    In the end all is checked as strictly as if it had been parsed whole: if `close` raises, what was decoded
    before is worth nothing.
    """

    def __init__(self, member: str, start: bytes) -> None:
        found = _opening(member).search(start, 0, MAX_OTHERS)
        if found is None:
            raise ValueError(f"{member} does not begin in the first bytes")
        try:
            self.members = _members.decode(start[: found.end()] + b'"}')
            """The members that precede the blob, with an empty one for itself."""
        except RecursionError:
            raise ValueError(f"what precedes {member} is nested too deeply") from None
        self._member = member
        self._head = start[: found.end()]
        self._skipped = 0
        self._rest = b""
        self._tail: bytearray | None = None
        self._is_padded = False
        self._is_broken = member not in self.members

    def feed(self, data: bytes) -> Iterable[bytes]:
        """Take in what follows. Returns what it adds to the blob; nothing once it has ended or is broken."""
        skipped = min(len(self._head) - self._skipped, len(data))  # the head, which is known already
        self._skipped += skipped
        if self._tail is not None:
            self._tail += data[:MAX_OTHERS]
            return ()
        end = data.find(b'"', skipped)
        if end >= 0:
            self._tail = bytearray(data[end : end + MAX_OTHERS])
        text = memoryview(data)[skipped : None if end < 0 else end]
        try:
            return () if self._is_broken else self._decode(text, is_plain=b"\\" not in data)
        except ValueError:
            self._is_broken = True
            return ()

    def close(self) -> bytes:
        """Return the object with an empty blob.

        Raises `ValueError` if it isn't an object, or if the blob isn't base64.
        """
        if self._is_broken or self._tail is None or len(self._tail) > MAX_OTHERS:
            raise ValueError("not an object with a blob in base64")
        whole = self._head + bytes(self._tail)
        if _members.decode(whole).get(self._member) != "":
            raise ValueError(f"more than one {self._member}")
        return whole

    def _decode(self, text: memoryview, *, is_plain: bool) -> Iterable[bytes]:
        """Decode what there is of the string, as far as it makes whole bytes; the rest waits for more."""
        if not is_plain or b"\\" in self._rest:
            return [self._decode_escaped(self._rest + text)]
        if self._tail is None and len(self._rest) + len(text) < GROUP:
            self._rest += text
            return ()
        missing = -len(self._rest) % GROUP
        start, text = self._rest + text[:missing], text[missing:]
        whole = len(text) if self._tail is not None else len(text) // GROUP * GROUP
        self._rest = bytes(text[whole:])
        return [self._decode_groups(start), self._decode_groups(text[:whole])]

    def _decode_escaped(self, text: bytes) -> bytes:
        """Do the same where there are escapes: some writers escape slashes."""
        held = b""
        last = text.rfind(b"\\")
        if self._tail is None and last >= 0 and len(text) - last < ESCAPE:  # it may go on in the next piece
            text, held = text[:last], text[last:]
        text = msgspec.json.decode(b'"' + text + b'"', type=str).encode()
        if b"\\" in text:
            raise ValueError("an escaped backslash")
        whole = len(text) if self._tail is not None else len(text) // GROUP * GROUP
        self._rest = text[whole:] + held
        return self._decode_groups(text[:whole])

    def _decode_groups(self, text: bytes | memoryview) -> bytes:
        if not len(text):
            return b""
        if self._is_padded:
            raise ValueError("more after the padding")
        self._is_padded = bytes(text[-1:]) == b"="
        return decode_base64(text)


@cache
def _opening(member: str) -> re.Pattern[bytes]:
    """Return what a member's name and the beginning of its text look like; within a string it is escaped."""
    return re.compile(rb'"%b"[ \t\r\n]*:[ \t\r\n]*"' % re.escape(member.encode()))
