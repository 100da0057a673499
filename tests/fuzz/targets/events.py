"""Events, in and out of their envelopes: typed events, or an `EventError` that repeats nothing of them."""

import json
from typing import Any

from ecr_async.events import EventError, parse_events
from tests.fuzz.outcomes import CANARY, rejected
from tests.fuzz.target import Target
from tests.unit.events.documents import DIGEST, event, push, record

__all__ = ["TARGET"]

SCAN = {
    "scan-status": "COMPLETE",
    "repository-name": "team/app",
    "image-digest": DIGEST,
    "image-tags": [CANARY],
    "finding-severity-counts": {"CRITICAL": 1, "HIGH": 2},
}
FINDING = {
    "findingArn": "arn:aws:inspector2:eu-west-1:012345678901:finding/1",
    "severity": "HIGH",
    "status": "ACTIVE",
    "inspectorScore": 7.5,
    "firstObservedAt": "Dec 3, 2021, 6:02:30 PM",
    "resources": [
        {"type": "AWS_ECR_CONTAINER_IMAGE", "details": {"awsEcrContainerImage": {"imageHash": DIGEST}}}
    ],
    "packageVulnerabilityDetails": {
        "vulnerabilityId": "CVE-2026-1",
        "vulnerablePackages": [{"name": CANARY}],
    },
}


def _sqs(body: Any) -> dict[str, Any]:
    return {"messageId": "1", "receiptHandle": CANARY, "body": json.dumps(body)}


def _sns(message: Any) -> dict[str, Any]:
    return {"Type": "Notification", "TopicArn": "arn", "Message": json.dumps(message)}


DOCUMENTS: list[Any] = [
    push(1, **{"image-tag": CANARY}),
    event("ECR Image Scan", SCAN),
    event("Inspector2 Finding", FINDING, source="aws.inspector2"),
    event("ECR Pull Through Cache Action", {"sync-status": "SUCCESS", "failure-reason": CANARY}),
    event("ECR Replication Action", {"result": "SUCCESS", "action-type": "REPLICATE"}),
    event("AWS API Call via CloudTrail", record("PutImage")),
    record("BatchDeleteImage", requestParameters={"repositoryName": "a", "imageIds": [{"imageTag": CANARY}]}),
    {"Records": [_sqs(push(2)), _sqs(_sns(push(3)))]},
    [_sqs(push(4))],
    {"Records": [{"Sns": {"Message": json.dumps(push(5))}}]},
]


def _parsed(tried: bytes) -> str:
    try:
        found = parse_events(tried)
    except EventError as error:
        return rejected(error, [CANARY])
    for each in found:
        assert isinstance(each.id, str)
        assert repr(each)
    return ", ".join(sorted({type(each).__name__ for each in found})) if len(found) == 1 else "several"


TARGET = Target(
    "event",
    [json.dumps(document).encode() for document in DOCUMENTS],
    _parsed,
    words=[
        b'"detail-type":',
        b'"Records":[',
        b'"body":',
        b'{"detail-type":1,"detail":2}',
        b"2024-02-30T00:00:00Z",
    ],
    share=3,
)
