r"""Which tags a rule selects, for a million images at a time.

An image's tags are written as one text, each tag between line ends: `\nprod-1\nlatest\n`. Then
most of what a rule can require is that a short string occurs in it, which `in` checks at C speed:
`prod*` is `\nprod`, `*prod` is `prod\n`, `prod` is `\nprod\n`. Only a pattern with a `*` inside
needs a regular expression. An untagged image's text is empty.
"""

import re
from collections.abc import Sequence

from ecr_async.lifecycle.rules import Selection

__all__ = ["identify", "tag_text"]


def tag_text(tags: Sequence[str]) -> str:
    """Return the searchable text of an image's tags."""
    return "\n{}\n".format("\n".join(tags)) if tags else ""


def identify(selection: Selection, texts: Sequence[str]) -> Sequence[int]:
    """Return the indices of the images, given by their tag texts, that a rule's tags select."""
    if selection.tag_status == "any":
        return range(len(texts))
    if selection.tag_status == "untagged":
        return [index for index, text in enumerate(texts) if not text]
    found: Sequence[int] = range(len(texts))
    for prefix in selection.tag_prefixes:
        needle = f"\n{prefix}"
        found = [index for index in found if needle in texts[index]]
    for pattern in selection.tag_patterns:
        found = _matching(pattern, texts, found)
    return found


def _matching(pattern: str, texts: Sequence[str], among: Sequence[int]) -> Sequence[int]:
    bare = pattern.strip("*")
    if "*" in bare:
        search = _expression(pattern).search
        return [index for index in among if search(texts[index])]
    start = "" if pattern.startswith("*") else "\n"
    end = "" if pattern.endswith("*") else "\n"
    needle = f"{start}{bare}{end}" or "\n"
    return [index for index in among if needle in texts[index]]


def _expression(pattern: str) -> re.Pattern[str]:
    # The first place where a piece fits is as good as any later one, so each piece but the last is
    # an atomic group: no pattern, however contrived, makes the search back-track.
    first, *middle, last = (re.escape(piece) for piece in f"\n{pattern}\n".split("*"))
    pieces = "".join(rf"(?>[^\n]*?{piece})" for piece in middle)
    return re.compile(rf"{first}{pieces}[^\n]*{last}")
