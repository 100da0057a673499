"""CloudTrail's records of what lifecycle policies do, in its words, which differ from the policy's.

See https://docs.aws.amazon.com/AmazonECR/latest/userguide/logging-using-cloudtrail.html
"""

import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import attrs

from ecr_async.lifecycle import LifecyclePolicy, Rule
from ecr_async.local.rules.registry import Registry, RepositoryRecord, moment

__all__ = ["LifecycleAction", "execution_records"]

IMAGES = 9
"""Images that a record holds at most."""
TAGS = 100
"""Tags of an image that a record holds at most."""

COUNT_TYPES = {
    "imageCountMoreThan": "Image count more than",
    "sinceImagePushed": "Time since image pushed",
    "sinceImagePulled": "Time since image pulled",
    "sinceImageTransitioned": "Time since image transitioned",
}


@attrs.frozen
class LifecycleAction:
    """An image that a run acted upon, and the priority of the rule that it came under."""

    digest: str
    tags: Sequence[str]
    pushed_at: float
    rule_priority: int


def execution_records(
    registry: Registry,
    record: RepositoryRecord,
    policy: LifecyclePolicy,
    actions: Sequence[LifecycleAction],
    last_evaluated_at: float | None,
) -> Iterator[dict[str, Any]]:
    """Yield the records of one run; a run that found nothing to do has one as well."""
    for start in range(0, max(len(actions), 1), IMAGES):
        yield {
            "eventVersion": "1.05",
            "userIdentity": {"accountId": record.account, "invokedBy": "AWS Internal"},
            "eventTime": f"{moment(registry.now):%Y-%m-%dT%H:%M:%SZ}",
            "eventSource": "ecr.amazonaws.com",
            "eventName": "PolicyExecutionEvent",
            "awsRegion": record.region,
            "sourceIPAddress": "AWS Internal",
            "userAgent": "AWS Internal",
            "requestParameters": None,
            "responseElements": None,
            "eventID": str(uuid.uuid4()),
            "readOnly": True,
            "resources": [{"ARN": record.arn, "accountId": record.account, "type": "AWS::ECR::Repository"}],
            "eventType": "AwsServiceEvent",
            "recipientAccountId": record.account,
            "serviceEventDetails": {
                "repositoryName": record.name,
                "lifecycleEventPolicy": {
                    "lifecycleEventRules": [_rule(rule) for rule in policy.rules],
                    "lastEvaluatedAt": _milliseconds(last_evaluated_at or 0),
                    "policyVersion": 1,
                    "policyId": str(uuid.uuid5(uuid.NAMESPACE_URL, record.arn)),
                },
                "lifecycleEventImageActions": [_action(one) for one in actions[start : start + IMAGES]],
                "lifecycleEventFailureDetails": [],
            },
        }


def _rule(rule: Rule) -> dict[str, Any]:
    selection = rule.selection
    described: dict[str, Any] = {
        "tagStatus": selection.tag_status.capitalize(),
        "tagPrefixList": list(selection.tag_prefixes),
        "countType": COUNT_TYPES[selection.count_type],
        "countNumber": selection.count_number,
    }
    if selection.tag_patterns:
        described["tagPatternList"] = list(selection.tag_patterns)
    if selection.count_unit is not None:
        described["countUnit"] = selection.count_unit.capitalize()
    return {
        "rulePriority": rule.priority,
        "description": rule.description or "",
        "lifecycleEventSelection": described,
        "action": rule.action.type,
    }


def _action(action: LifecycleAction) -> dict[str, Any]:
    return {
        "lifecycleEventImage": {
            "digest": action.digest,
            "tagStatus": "Tagged" if action.tags else "Untagged",
            "tagList": list(action.tags[:TAGS]),
            "pushedAt": _milliseconds(action.pushed_at),
        },
        "rulePriority": action.rule_priority,
    }


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
