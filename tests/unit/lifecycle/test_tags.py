"""Which tags a pattern selects, in texts as the evaluation searches them."""

import pytest

from ecr_async.lifecycle.rules import Selection
from ecr_async.lifecycle.tags import identify, tag_text


@pytest.mark.parametrize(
    ("pattern", "tags", "is_selected"),
    [
        ("X", ["X"], True),
        ("X", ["XX"], False),
        ("X*", ["XA"], True),
        ("X*", ["AX"], False),
        ("*X", ["AX"], True),
        ("*X", ["XA"], False),
        ("*X*", ["AXA"], True),
        ("*X*", ["prod", "latest"], False),
        ("*", ["prod"], True),
        ("*", [], False),
        ("a*c", ["abc"], True),
        ("a*c", ["ab", "bc"], False),
    ],
)
def test_a_pattern_is_held_against_each_whole_tag(pattern: str, tags: list[str], is_selected: bool) -> None:
    selection = Selection(
        tag_status="tagged", tag_patterns=(pattern,), count_type="imageCountMoreThan", count_number=1
    )
    assert list(identify(selection, [tag_text(tags)])) == [0] * is_selected
