"""Lifecycle policy documents: write them in Python, read them, check them, try them offline.

    from ecr_async.lifecycle import LifecyclePolicy, Rule, evaluate

    policy = LifecyclePolicy([
        Rule.expire(1, ["prod-*"], keep_newest=50),
        Rule.expire(2, "untagged", days_since_pushed=7),
        Rule.archive(3, "any", days_since_pulled=90),
        Rule.expire(4, "any", days_since_archived=365),
    ])
    text = policy.to_json()                            # for put_lifecycle_policy
    outcome = evaluate(policy, images, now=datetime.now(UTC))
    outcome.expiring_count

Nothing here does I/O. See https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
"""

from ecr_async.lifecycle.errors import LifecyclePolicyError, Problem
from ecr_async.lifecycle.evaluation import evaluate
from ecr_async.lifecycle.policy import LifecyclePolicy
from ecr_async.lifecycle.results import Evaluation, Image, ImageResult
from ecr_async.lifecycle.rules import (
    Action,
    ActionType,
    CountType,
    CountUnit,
    Rule,
    Selection,
    StorageClass,
    TagStatus,
)

__all__ = [
    "Action",
    "ActionType",
    "CountType",
    "CountUnit",
    "Evaluation",
    "Image",
    "ImageResult",
    "LifecyclePolicy",
    "LifecyclePolicyError",
    "Problem",
    "Rule",
    "Selection",
    "StorageClass",
    "TagStatus",
    "evaluate",
]
