"""Events to test with: documents as EventBridge and CloudTrail write them."""

import json
from typing import Any

from ecr_async.oci.media_types import OCI_CONFIG, OCI_MANIFEST

DIGEST = "sha256:" + "0123456789abcdef" * 4
REPOSITORY_ARN = "arn:aws:ecr:eu-west-1:012345678901:repository/team/app"


def event(detail_type: str, detail: object, **members: Any) -> dict[str, Any]:
    """Return an event of ECR."""
    return {
        "version": "0",
        "id": "5d7c4a2e-0000-4000-8000-3c6b6f0e7a11",
        "detail-type": detail_type,
        "source": "aws.ecr",
        "account": "012345678901",
        "time": "2026-03-01T12:00:00Z",
        "region": "eu-west-1",
        "resources": [],
        "detail": detail,
    } | members


def push(number: int = 0, /, **detail: Any) -> dict[str, Any]:
    """Return the event of a push; each number gives another one."""
    return event(
        "ECR Image Action",
        {
            "result": "SUCCESS",
            "repository-name": "team/app",
            "image-digest": DIGEST,
            "action-type": "PUSH",
            "image-tag": f"1.{number}",
            "manifest-media-type": OCI_MANIFEST,
            "artifact-media-type": OCI_CONFIG,
        }
        | detail,
        id=f"event-{number}",
    )


def record(name: str, **members: Any) -> dict[str, Any]:
    """Return CloudTrail's record of a call."""
    return {
        "eventVersion": "1.09",
        "userIdentity": {"type": "AssumedRole", "accountId": "012345678901"},
        "eventTime": "2026-03-01T12:00:00Z",
        "eventSource": "ecr.amazonaws.com",
        "eventName": name,
        "awsRegion": "eu-west-1",
        "sourceIPAddress": "192.0.2.1",
        "userAgent": "Boto3/1.44",
        "requestParameters": {"repositoryName": "team/app"},
        "responseElements": None,
        "eventID": "7e3b0d7e-0000-4000-8000-2f5a3f1c9d42",
        "readOnly": False,
        "eventType": "AwsApiCall",
        "recipientAccountId": "012345678901",
    } | members


def sqs_record(body: object, message_id: str = "m-1", **members: Any) -> dict[str, Any]:
    """Return a record of a batch that Lambda gets of SQS."""
    return {
        "messageId": message_id,
        "receiptHandle": "AQEB",
        "body": body if isinstance(body, str) else json.dumps(body),
        "attributes": {"ApproximateReceiveCount": "1"},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:012345678901:pushes",
        "awsRegion": "eu-west-1",
    } | members


def notification(message: object) -> dict[str, Any]:
    """Return an SNS notification."""
    return {
        "Type": "Notification",
        "MessageId": "22b80b92",
        "TopicArn": "arn:aws:sns:eu-west-1:012345678901:events",
        "Message": message if isinstance(message, str) else json.dumps(message),
    }
