"""What the README says about the code is so."""

import inspect

from ecr_async import api
from tests.documentation.pages import snippets
from tests.integration.subprocesses import ROOT

README = ROOT / "README.md"


def test_there_are_snippets_of_each_kind() -> None:
    found = list(snippets(README))
    assert sum(snippet.is_program for snippet in found) == 1
    assert sum(snippet.is_test for snippet in found) == 1
    assert sum(snippet.language == "sh" for snippet in found) == 2
    assert len(found) > 8


def test_the_counts_are_those_of_the_code() -> None:
    operations = [name for name in api.__all__ if inspect.iscoroutinefunction(getattr(api, name))]
    assert f"**All {len(operations)} operations**" in README.read_text()
