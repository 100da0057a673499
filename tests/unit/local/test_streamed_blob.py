"""A JSON object whose long blob is decoded while it comes in: as strict as parsing it whole."""

import base64
import binascii
import json
import re
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from ecr_async.local.awsjson.streamed_blob import StreamedBlob


def streamed(document: bytes, sizes: list[int], start: int = 1000) -> tuple[bytes, dict[str, Any]]:
    """Return the blob and the other members, fed in pieces of these sizes."""
    blob = StreamedBlob("blob", document[:start])
    first, pieces = document[:start], list[bytes]()
    rest = document[start:]
    while rest:
        size = sizes[len(pieces) % len(sizes)] if sizes else len(rest)
        pieces.append(rest[:size])
        rest = rest[size:]
    content = b"".join(part for piece in (first, *pieces) for part in blob.feed(piece))
    return content, json.loads(blob.close())


@given(
    content=st.binary(max_size=300),
    before=st.dictionaries(st.sampled_from(["a", "b"]), st.text(max_size=20)),
    after=st.dictionaries(st.sampled_from(["c", "d"]), st.text(max_size=20)),
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=5),
    indent=st.sampled_from([None, 1]),
)
def test_what_comes_in_pieces_is_what_was_sent(
    content: bytes, before: dict[str, str], after: dict[str, str], sizes: list[int], indent: int | None
) -> None:
    members = {**before, "blob": base64.b64encode(content).decode(), **after}
    document = json.dumps(members, indent=indent).encode()
    start = document.index(b'"blob"') + 20
    found, others = streamed(document, sizes, start)
    assert found == content
    assert others == {**members, "blob": ""}


@given(content=st.binary(min_size=1, max_size=100), sizes=st.lists(st.integers(1, 9), min_size=1, max_size=5))
@example(content=b"\xff" * 60, sizes=[1])
def test_slashes_may_be_escaped_across_pieces(content: bytes, sizes: list[int]) -> None:
    text = base64.b64encode(content).decode()
    for escaped in (text.replace("/", "\\/"), "".join(f"\\u{ord(letter):04x}" for letter in text)):
        document = f'{{"blob":"{escaped}"}}'.encode()
        assert streamed(document, sizes, 9)[0] == content


@given(
    text=st.text(st.sampled_from('AZ+/=\\"u0 \n-'), max_size=24),
    tail=st.sampled_from(['"}', '","x":1}', '","blob":""}', '","blob":"AAAA"}', '"', "", '"}}', '"]', '",}']),
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=3),
)
def test_it_is_as_strict_as_parsing_it_whole(text: str, tail: str, sizes: list[int]) -> None:
    document = ('{"a":1,"blob":"' + text + tail).encode()
    # Python's decoder overlooks padding after whole groups, the vectorised one does not.
    assume(not re.search(r'"blob":"(.{4})*=+"', document.decode()))
    try:
        expected: Any = base64.b64decode(json.loads(document)["blob"], validate=True)
    except (ValueError, binascii.Error):
        expected = None
    try:
        found: Any = streamed(document, sizes, 15)[0]
    except ValueError:
        found = None
    if expected is None or document.count(b'"blob"') == 1:
        assert found == expected


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"[]",
        b'{"a": 1}',
        b'{"blob": 5}',
        b'{"a": "\\"blob\\":\\"AAAA"',
        b'{"a": {"blob": "AAAA"',
        b'["blob":"AAAA"',
        pytest.param(b'{"a": ' + b" " * 70_000 + b'1, "blob": "AAAA"', id="too late"),
        pytest.param(b'{"a": ' + b"[" * 30_000 + b"]" * 30_000 + b', "blob": "AAAA"', id="too deep"),
    ],
)
def test_a_start_that_the_blob_does_not_begin_in(start: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        StreamedBlob("blob", start)


def test_what_follows_the_blob_is_bounded() -> None:
    document = b'{"blob":"AAAA","x":"' + b"x" * 70_000 + b'"}'
    with pytest.raises(ValueError, match="not an object"):
        streamed(document, [1000], 15)


def test_the_members_before_the_blob_are_known_at_once() -> None:
    assert StreamedBlob("blob", b'{"a": 1, "blob": "AAA').members == {"a": 1, "blob": ""}
