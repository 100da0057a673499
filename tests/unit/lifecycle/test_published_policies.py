"""Lifecycle policies that people published: accepted and rejected as ECR's rules have it.

They are third-party texts and none of them is in the repository. Where they lie is in ECR_ASYNC_CORPUS;
by default it is a folder beside the repository.
"""

import json
import os
from pathlib import Path

import pytest

from ecr_async.lifecycle import LifecyclePolicy, LifecyclePolicyError

FOLDER = (
    Path(os.environ.get("ECR_ASYNC_CORPUS", Path(__file__).parents[4] / "shared" / "corpus")) / "policies"
)
PUBLISHED = sorted(FOLDER.glob("*.json"))

NONE = pytest.param(None, marks=pytest.mark.skip(f"NOTHING TESTED: no published policies in {FOLDER}"))


@pytest.mark.parametrize("published", PUBLISHED or [NONE], ids=lambda path: path.stem if path else "")
def test_it_is_accepted_where_ecr_accepts_it(published: Path) -> None:
    document = json.loads(published.read_text())
    if not document["accepted"]:
        with pytest.raises(LifecyclePolicyError):
            LifecyclePolicy.from_json(document["text"])
        return
    policy = LifecyclePolicy.from_json(document["text"])
    assert LifecyclePolicy.from_json(policy.to_json()) == policy
