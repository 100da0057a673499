"""Documents to typed events: each kind, what may be absent, what is not an event."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ecr_async as ecr
from ecr_async.events import (
    ApiCall,
    Event,
    EventError,
    ImageAction,
    ImageDeleted,
    ImagePushed,
    ImageScan,
    ImageStorageClassChanged,
    InspectorCoverage,
    InspectorFinding,
    InspectorScan,
    LifecyclePolicyExecution,
    PullFailed,
    PullThroughCacheAction,
    ReferrerAction,
    ReplicationAction,
    RepositoryCreated,
    RepositoryScanChange,
    ScanResourceChange,
    UnknownEvent,
    parse_event,
    parse_events,
)
from ecr_async.oci.media_types import OCI_INDEX
from tests.unit.events.documents import DIGEST, REPOSITORY_ARN, event, push, record

EXECUTION = record(
    "PolicyExecutionEvent",
    eventType="AwsServiceEvent",
    serviceEventDetails={
        "repositoryName": "team/app",
        "lifecycleEventPolicy": {
            "lifecycleEventRules": [
                {
                    "rulePriority": 2,
                    "description": "old",
                    "lifecycleEventSelection": {
                        "tagStatus": "Tagged",
                        "tagPatternList": ["v*"],
                        "countType": "Time since image pushed",
                        "countUnit": "Days",
                        "countNumber": 30,
                    },
                    "action": "expire",
                }
            ],
            "lastEvaluatedAt": 1584042813000,
            "policyVersion": 3,
            "policyId": "ceb86829",
        },
        "lifecycleEventImageActions": [],
        "lifecycleEventFailureDetails": [],
    },
)
INSPECTOR = {"source": "aws.inspector2"}
FINDING = {
    "findingArn": "arn:aws:inspector2:eu-west-1:012345678901:finding/1",
    "updatedAt": "Mar 1, 2026, 12:30:05\u202fAM",
    "lastObservedAt": "2026-03-01T12:30:05.123Z",
    "severity": "HIGH",
    "resources": [
        {
            "type": "AWS_ECR_CONTAINER_IMAGE",
            "details": {"awsEcrContainerImage": {"repositoryName": "team/app", "imageHash": DIGEST}},
        }
    ],
}


@pytest.mark.parametrize(
    ("kind", "document"),
    [
        (ImagePushed, push()),
        (ImageDeleted, push(**{"action-type": "DELETE"})),
        (
            ImageStorageClassChanged,
            push(**{"action-type": "UPDATE_STORAGE_CLASS", "target-storage-class": "ARCHIVE"}),
        ),
        (ImageAction, push(**{"action-type": "COPY"})),
        (ImageAction, push(result="FAILED")),
        (ReferrerAction, push() | {"detail-type": "ECR Referrer Action"}),
        (ImageScan, event("ECR Image Scan", {"scan-status": "FAILED", "repository-name": "team/app"})),
        (
            ReplicationAction,
            event("ECR Replication Action", {"repository-name": "team/app", "result": "FAILED"}),
        ),
        (
            PullThroughCacheAction,
            event(
                "ECR Pull Through Cache Action",
                {
                    "repository-name": "docker-hub/alpine",
                    "sync-status": "FAILURE",
                    "failure-code": "UpstreamUnavailable",
                },
            ),
        ),
        (ScanResourceChange, event("ECR Scan Resource Change", {"action-type": "SCAN_FREQUENCY_CHANGE"})),
        (UnknownEvent, event("ECR Artifact Action", {"anything": [1, 2]})),
        (UnknownEvent, event("Object Created", "text", source="aws.s3")),
        (LifecyclePolicyExecution, EXECUTION),
        (LifecyclePolicyExecution, event("AWS Service Event via CloudTrail", EXECUTION)),
        (ApiCall, event("AWS API Call via CloudTrail", record("PutImage"))),
        (RepositoryCreated, event("AWS API Call via CloudTrail", record("CreateRepository"))),
        (ApiCall, record("CreateRepository", errorCode="RepositoryAlreadyExistsException")),
        (PullFailed, record("BatchGetImage", errorCode="ImageArchivedException")),
        (
            PullFailed,
            record("BatchGetImage", responseElements={"failures": [{"failureCode": "ImageNotFound"}]}),
        ),
        (ApiCall, record("BatchGetImage", responseElements={"failures": []})),
        (UnknownEvent, record("RunInstances", eventSource="ec2.amazonaws.com")),
        (UnknownEvent, event("AWS API Call via CloudTrail", record("X", eventSource="ec2.amazonaws.com"))),
        (InspectorScan, event("Inspector2 Scan", {"repository-name": REPOSITORY_ARN}, **INSPECTOR)),
        (UnknownEvent, event("Inspector2 Scan", {"instance-id": "i-0123456789abcdef0"}, **INSPECTOR)),
        (InspectorFinding, event("Inspector2 Finding", FINDING, **INSPECTOR)),
        (
            UnknownEvent,
            event("Inspector2 Finding", {"resources": [{"type": "AWS_EC2_INSTANCE"}]}, **INSPECTOR),
        ),
        (
            InspectorCoverage,
            event("Inspector2 Coverage", {}, resources=[f"{REPOSITORY_ARN}/{DIGEST}"], **INSPECTOR),
        ),
        (UnknownEvent, event("Inspector2 Coverage", {}, resources=["i-0123456789abcdef0"], **INSPECTOR)),
    ],
)
def test_each_kind_has_its_class_and_keeps_its_document(kind: type[Event], document: dict[str, Any]) -> None:
    text = json.dumps(document)
    for given_as in (text, text.encode(), b"\xef\xbb\xbf" + text.encode(), document):
        parsed = parse_event(given_as)
        assert type(parsed) is kind
        assert json.loads(parsed.to_json()) == document


def test_what_all_events_have() -> None:
    parsed = parse_event(push(7))
    assert parsed.id == "event-7"
    assert parsed.account == "012345678901"
    assert parsed.region == "eu-west-1"
    assert parsed.time == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert parsed.time_text == "2026-03-01T12:00:00Z"
    assert (parsed.source, parsed.detail_type, parsed.resources) == ("aws.ecr", "ECR Image Action", ())


@pytest.mark.parametrize("text", ["2023-02-29T02:36:48Z", "yesterday", None])
def test_a_time_that_does_not_exist_is_kept_as_text(text: str | None) -> None:
    parsed = parse_event(push() | {"time": text})
    assert parsed.time is None
    assert parsed.time_text == text


def test_what_hand_made_events_leave_out() -> None:
    document = push()
    del document["version"], document["resources"]
    assert isinstance(parse_event(document), ImagePushed)


@pytest.mark.parametrize("tag", ["", None])
def test_an_empty_tag_is_an_absent_one(tag: str | None) -> None:
    pushed = parse_event(push(**{"image-tag": tag}))
    assert isinstance(pushed, ImagePushed)
    assert (pushed.image_tag, pushed.is_tagged, pushed.tags) == (None, False, ())
    assert pushed.image == ecr.ImageIdentifier(image_digest=DIGEST)
    assert json.loads(pushed.to_json())["detail"]["image-tag"] == tag


def test_the_events_of_a_multi_platform_push_can_be_distinguished() -> None:
    index = parse_event(push(**{"manifest-media-type": OCI_INDEX}))
    child = parse_event(push(**{"image-tag": ""}))
    chart = parse_event(push(**{"artifact-media-type": "application/vnd.cncf.helm.config.v1+json"}))
    old = parse_event(push(**{"manifest-media-type": None, "artifact-media-type": None}))
    flags = [
        (one.is_index, one.is_tagged, one.is_artifact)
        for one in (index, child, chart, old)
        if isinstance(one, ImagePushed)
    ]
    assert flags == [(True, True, False), (False, False, False), (False, True, True), (False, True, False)]


def test_the_identifier_to_call_with_is_the_digest_else_a_tag() -> None:
    by_tag = parse_event(push(**{"image-digest": None}))
    scanned = parse_event(event("ECR Image Scan", {"repository-name": "a", "image-tags": ["x", "y"]}))
    nothing = parse_event(push(**{"image-digest": None, "image-tag": ""}))
    assert isinstance(by_tag, ImagePushed)
    assert isinstance(scanned, ImageScan)
    assert isinstance(nothing, ImagePushed)
    assert by_tag.image == ecr.ImageIdentifier(image_tag="1.0")
    assert scanned.image == ecr.ImageIdentifier(image_tag="x")
    with pytest.raises(EventError, match="neither a digest nor a tag"):
        _ = nothing.image


def test_a_restore_has_a_time_with_two_digits_of_a_second() -> None:
    restored = parse_event(push(**{"last-activated-at": "2025-10-10T19:13:02.74Z"}))
    assert isinstance(restored, ImagePushed)
    assert restored.last_activated_at == datetime(2025, 10, 10, 19, 13, 2, 740_000, tzinfo=UTC)


def test_repositories_of_a_scan_resource_change_may_lack_anything() -> None:
    changed = parse_event(event("ECR Scan Resource Change", {"repositories": [{"repository-name": "a"}, {}]}))
    assert isinstance(changed, ScanResourceChange)
    assert changed.repositories == (
        RepositoryScanChange("a", None, None, None),
        RepositoryScanChange(None, None, None, None),
    )


def test_a_lifecycle_run_without_images_acted_upon() -> None:
    run = parse_event(EXECUTION)
    assert isinstance(run, LifecyclePolicyExecution)
    assert run.repository_name == "team/app"
    assert run.image_actions == ()
    assert run.policy.last_evaluated_at == datetime(2020, 3, 12, 19, 53, 33, tzinfo=UTC)
    (rule,) = run.policy.rules
    assert (rule.priority, rule.tag_patterns, rule.count_unit, rule.count_number) == (2, ("v*",), "Days", 30)


def test_inspector_calls_a_repository_by_its_arn() -> None:
    scan = parse_event(
        event(
            "Inspector2 Scan",
            {"repository-name": REPOSITORY_ARN, "finding-severity-counts": {"HIGH": 1, "TOTAL": 3}},
            **INSPECTOR,
        )
    )
    assert isinstance(scan, InspectorScan)
    assert (scan.repository_name, scan.repository_arn) == ("team/app", REPOSITORY_ARN)
    assert scan.finding_severity_counts == {"HIGH": 1, "TOTAL": 3}


def test_inspector_writes_times_in_two_ways() -> None:
    finding = parse_event(event("Inspector2 Finding", FINDING, **INSPECTOR))
    assert isinstance(finding, InspectorFinding)
    assert finding.updated_at == datetime(2026, 3, 1, 0, 30, 5, tzinfo=UTC)
    assert finding.last_observed_at == datetime(2026, 3, 1, 12, 30, 5, 123_000, tzinfo=UTC)
    assert finding.first_observed_at is None


def test_coverage_names_its_image_by_arn() -> None:
    covered = parse_event(
        event(
            "Inspector2 Coverage",
            {"scanStatus": {"statusCodeValue": "INACTIVE", "reason": "NO_RESOURCES_FOUND"}},
            resources=[f"{REPOSITORY_ARN}/{DIGEST}"],
            **INSPECTOR,
        )
    )
    assert isinstance(covered, InspectorCoverage)
    assert (covered.repository_name, covered.image_digest) == ("team/app", DIGEST)
    assert (covered.status_code, covered.reason) == ("INACTIVE", "NO_RESOURCES_FOUND")


SECRET = "hunter2"


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (f"no JSON {SECRET}", "document: is not JSON: Expecting value: line 1 column 1"),
        (f'{{"a": "{SECRET}', "document: is not JSON: Unterminated string starting at: line 1 column 7"),
        (b"\xff\xfe", "document: is not UTF-8"),
        ("", "document: is not JSON: Expecting value: line 1 column 1"),
        ("NaN", "document: is not JSON: a number is too long or not finite"),
        ("7" * 5000, "document: is not JSON: a number is too long or not finite"),
        ("[" * 100_000, "document: is not JSON that can be read: too many values in one another"),
        (" " * (8 * 1024 * 1024 + 1), "document: is longer than 8,388,608 bytes, not 8,388,609"),
        ("7", "document: must be a JSON object, or JSON as text or bytes"),
        ("null", "document: must be a JSON object, or JSON as text or bytes"),
        ("{}", "document: is neither an event nor one of the envelopes that events come in"),
        ({"password": SECRET}, "document: is neither an event nor one of the envelopes that events come in"),
        ("[]", "document: holds 0 events; parse_events returns them all"),
        ([push(1), push(2)], "document: holds 2 events; parse_events returns them all"),
        ({"Type": "SubscriptionConfirmation", "Token": SECRET}, "document: is a confirmation of an SNS"),
        (push() | {"region": None}, "region: is required"),
        (push() | {"account": 12345678901}, "account: must be text, not a number"),
        (push(**{"repository-name": ""}), "detail.repository-name: is required"),
        (push(**{"image-tag": [SECRET]}), "detail.image-tag: must be text, not a list"),
        (push() | {"detail": SECRET}, "detail: must be an object, not text"),
        (push() | {"resources": [{"arn": SECRET}]}, "resources: must be a list of texts, not an object"),
        (
            event("ECR Image Scan", {"repository-name": "a", "finding-severity-counts": {"HIGH": SECRET}}),
            "detail.finding-severity-counts.HIGH: must be a number, not text",
        ),
        (
            event("ECR Scan Resource Change", {"repositories": [{}, SECRET]}),
            "detail.repositories[1]: must be an object, not text",
        ),
    ],
)
def test_an_invalid_event_is_explained_without_repeating_it(document: Any, problem: str) -> None:
    with pytest.raises(EventError) as raised:
        parse_event(document)
    assert str(raised.value).startswith(problem)
    assert SECRET not in repr(raised.value)
    assert raised.value.__cause__ is None
    assert isinstance(raised.value, ecr.ECRError)


def test_numbers_and_text_that_fast_readers_lose_are_kept() -> None:
    document = '{"big": 123456789012345678901234567890, "half": "\\ud83d"}'
    text = json.dumps(event("Whatever", {})).replace('"detail": {}', f'"detail": {document}')
    assert json.loads(parse_event(text).to_json())["detail"] == json.loads(document)


def test_events_are_equal_when_their_documents_are() -> None:
    one, same, other = parse_event(push(1)), parse_event(push(1)), parse_event(push(2))
    assert one == same
    assert hash(one) == hash(same)
    assert one != other
    assert one != "text"
    assert repr(one).startswith("ImagePushed(id='event-1', account='012345678901', region='eu-west-1'")
    assert "document" not in repr(one)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
MEMBERS = st.sampled_from(
    [
        *push()["detail"],
        *record("PutImage"),
        *FINDING,
        "image-tags",
        "finding-severity-counts",
        "repositories",
        "serviceEventDetails",
        "scanStatus",
    ]
)


@given(
    st.sampled_from(
        [
            ("aws.ecr", "ECR Image Action"),
            ("aws.ecr", "ECR Image Scan"),
            ("aws.ecr", "ECR Scan Resource Change"),
            ("aws.ecr", "AWS API Call via CloudTrail"),
            ("aws.inspector2", "Inspector2 Finding"),
            ("aws.inspector2", "Inspector2 Coverage"),
        ]
    ),
    st.dictionaries(MEMBERS, JSON),
    st.dictionaries(st.sampled_from([*push()]), JSON, max_size=2),
)
def test_any_json_is_an_event_that_keeps_it_or_an_event_error(
    kind: tuple[str, str], detail: dict[str, Any], members: dict[str, Any]
) -> None:
    document = event(kind[1], detail, source=kind[0]) | members
    try:
        events = parse_events(json.dumps(document))
    except EventError as error:
        assert error.path  # noqa: PT017 - either is right
    else:
        assert [json.loads(one.to_json()) for one in events] == [document]


@given(st.text() | st.binary() | JSON)
def test_every_invalid_event_is_an_event_error(document: Any) -> None:
    try:
        events = parse_events(document)
    except EventError:
        return
    assert events == ()  # of an empty list, say
