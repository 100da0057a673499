"""Lifecycle policies: read and evaluated, or a `LifecyclePolicyError`."""

import json
from datetime import timedelta
from typing import Any

from ecr_async.lifecycle import LifecyclePolicy, LifecyclePolicyError, evaluate
from tests.fuzz.outcomes import LONGEST, rejected
from tests.fuzz.target import Target
from tests.unit.lifecycle.images import NOW, archived, image

__all__ = ["TARGET"]

IMAGES = [
    *(image(f"tagged-{number}", [f"v{number}", "prod-1"], pushed=number) for number in range(8)),
    *(image(f"untagged-{number}", pushed=number) for number in range(4)),
    *(archived(f"archived-{number}", ["v0"], days=number * 30) for number in range(3)),
]


def _rule(priority: int, selection: dict[str, Any], action: str = "expire", **more: Any) -> dict[str, Any]:
    return {
        "rulePriority": priority,
        "description": "as it was written",
        "selection": selection,
        "action": {"type": action, **more},
    }


UNTAGGED = {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 2}
TAGGED = {"tagStatus": "tagged", "tagPatternList": ["v*", "prod*"], "countType": "imageCountMoreThan"}
PREFIXES = {
    "tagStatus": "tagged",
    "tagPrefixList": ["v"],
    "countType": "imageCountMoreThan",
    "countNumber": 1,
}
ANY = {"tagStatus": "any", "countType": "sinceImagePulled", "countUnit": "days", "countNumber": 3}
ARCHIVED = {
    "tagStatus": "any",
    "storageClass": "archive",
    "countType": "sinceImageTransitioned",
    "countUnit": "days",
    "countNumber": 90,
}
POLICIES = [
    [_rule(1, UNTAGGED), _rule(2, {**TAGGED, "countNumber": 3})],
    [_rule(1, PREFIXES), _rule(9, ANY, "transition", targetStorageClass="archive")],
    [_rule(5, ANY, "transition", targetStorageClass="archive"), _rule(7, ARCHIVED)],
]


def _evaluated(tried: bytes) -> str:
    try:
        policy = LifecyclePolicy.from_json(tried.decode(errors="surrogateescape"))
        written = policy.to_json()
    except LifecyclePolicyError as error:
        return rejected(error, longest=10 * (LONGEST + len(tried)))  # it names up to 200 faults
    assert LifecyclePolicy.from_json(written) == policy
    evaluation = evaluate(policy, IMAGES, now=NOW)
    assert {result.image_digest for result in evaluation.results} <= {each.image_digest for each in IMAGES}
    assert evaluate(policy, IMAGES[::-1], now=NOW + timedelta(0)) == evaluation
    return "evaluated"


TARGET = Target(
    "lifecycle",
    [json.dumps({"rules": rules}).encode() for rules in POLICIES],
    _evaluated,
    words=[
        b"*",
        b"****",
        b'"rulePriority":',
        b'"countNumber":',
        b"2147483648",
        b'"selection":{',
        b"\xed\xa0\x80",
    ],
    share=3,
)
