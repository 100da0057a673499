"""Lifecycle policies that people published: accepted and rejected as ECR's rules have it."""

import json
from pathlib import Path

import pytest

from ecr_async.lifecycle import LifecyclePolicy, LifecyclePolicyError
from tests.published import published


@published("policies")
def test_it_is_accepted_where_ecr_accepts_it(published: Path) -> None:
    document = json.loads(published.read_text())
    if not document["accepted"]:
        with pytest.raises(LifecyclePolicyError):
            LifecyclePolicy.from_json(document["text"])
        return
    policy = LifecyclePolicy.from_json(document["text"])
    assert LifecyclePolicy.from_json(policy.to_json()) == policy
