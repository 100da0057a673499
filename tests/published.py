"""Texts that people published, in a folder beside the repository or where ECR_ASYNC_CORPUS says.

They are third-party texts, and none of them is in the repository.
"""

import os
from pathlib import Path
from typing import Any

import pytest

CORPUS = Path(os.environ.get("ECR_ASYNC_CORPUS", Path(__file__).parents[2] / "shared" / "corpus"))


def published(kind: str) -> pytest.MarkDecorator:
    """Run a test with each of a kind, as `published`; skip it loudly if there are none."""
    folder = CORPUS / kind
    found: list[Any] = sorted(folder.glob("*.json"))
    nothing = pytest.param(None, marks=pytest.mark.skip(f"NOTHING TESTED: no published {kind} in {folder}"))
    return pytest.mark.parametrize(
        "published", found or [nothing], ids=lambda path: path.stem if path else ""
    )
