"""What events come in."""

import json
from typing import Any

import pytest

from ecr_async.events import EventError, ImagePushed, RepositoryCreated, parse_event, parse_events
from tests.unit.events.documents import notification, push, record, sqs_record

PUSH = push()
TEXT = json.dumps(PUSH)
SNS_RECORD = {"EventVersion": "1.0", "EventSource": "aws:sns", "Sns": notification(PUSH)}


@pytest.mark.parametrize(
    "envelope",
    [
        pytest.param(TEXT, id="an SQS body"),
        pytest.param(notification(PUSH), id="an SQS body of SNS, without raw delivery"),
        pytest.param(json.dumps(TEXT), id="JSON text in JSON text"),
        pytest.param(
            {"MessageId": "1", "ReceiptHandle": "AQEB", "Body": TEXT}, id="a message as boto3 gives it"
        ),
        pytest.param({"Messages": 1, **sqs_record(PUSH)}, id="a record of SQS"),
        pytest.param({"Records": [sqs_record(PUSH)]}, id="Lambda's batch of SQS"),
        pytest.param({"Records": [SNS_RECORD]}, id="Lambda's batch of SNS"),
        pytest.param({"Records": [sqs_record(notification(PUSH))]}, id="SNS in SQS in Lambda"),
        pytest.param([PUSH], id="a pipe's array of events"),
        pytest.param([sqs_record(PUSH)], id="a pipe's array of messages"),
        pytest.param([TEXT], id="a pipe's array of bodies"),
    ],
)
def test_envelopes_are_opened(envelope: Any) -> None:
    for given in (envelope, json.dumps(envelope), json.dumps(envelope).encode()):
        parsed = parse_event(given)
        assert isinstance(parsed, ImagePushed)
        assert parsed.document == PUSH


def test_an_envelope_of_several_events() -> None:
    batch = {"Records": [sqs_record(push(1)), sqs_record([push(2), push(3)]), SNS_RECORD]}
    assert [one.id for one in parse_events(batch)] == ["event-1", "event-2", "event-3", "event-0"]


def test_a_log_file_of_cloudtrail() -> None:
    log = {"Records": [record("CreateRepository"), record("RunInstances", eventSource="ec2.amazonaws.com")]}
    created, other = parse_events(json.dumps(log))
    assert isinstance(created, RepositoryCreated)
    assert created.repository_name == "team/app"
    assert (created.source, created.detail_type) == ("aws.ecr", "AWS API Call via CloudTrail")
    assert other.source == "aws.ec2"


@pytest.mark.parametrize(
    "foreign",
    [
        {"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": {}}]},
        ["software.amazon.payloadoffloading.PayloadS3Pointer", {"s3BucketName": "b", "s3Key": "k"}],
        {"Records": [sqs_record("hello")]},
        {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b"},
        {"batchItemFailures": [{"itemIdentifier": "1"}]},
    ],
)
def test_envelopes_of_something_else(foreign: Any) -> None:
    with pytest.raises(EventError):
        parse_events(foreign)


def test_envelopes_without_end() -> None:
    envelope: Any = PUSH
    for _ in range(9):
        envelope = notification(envelope)
    with pytest.raises(EventError, match="has more than 8 envelopes in one another"):
        parse_event(envelope)
    lists: Any = []
    for _ in range(100_000):
        lists = [lists]
    with pytest.raises(EventError, match="has more than 8 envelopes in one another"):
        parse_event(lists)
