"""Samples of events that AWS and its users published, from a folder beside the checkout."""

import json
import os
from pathlib import Path

import pytest

from ecr_async import events

FOLDER = Path(os.environ.get("ECR_ASYNC_EVENT_SAMPLES") or Path(__file__).parents[4] / "shared" / "events")
ENVELOPES = frozenset({"lambda-sqs-batch.json", "sqs-body-of-sns.json"})
CLASSES = {
    "cloudtrail-lifecycle-policy-execution.json": events.LifecyclePolicyExecution,
    "image-archive-docs.json": events.ImageStorageClassChanged,
    "image-delete-docs.json": events.ImageDeleted,
    "image-push-docs.json": events.ImagePushed,
    "image-push-real-media-types.json": events.ImagePushed,
    "image-push-real-untagged.json": events.ImagePushed,
    "image-scan-complete-docs.json": events.ImageScan,
    "inspector2-finding-docs.json": events.InspectorFinding,
    "inspector2-scan-docs.json": events.InspectorScan,
    "lambda-sqs-batch.json": events.ImagePushed,
    "pull-through-cache-docs.json": events.PullThroughCacheAction,
    "referrer-restore-docs.json": events.ReferrerAction,
    "replication-success-docs.json": events.ReplicationAction,
    "scan-resource-change-docs.json": events.ScanResourceChange,
    "sqs-body-of-sns.json": events.ImagePushed,
}

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"no samples in {FOLDER}; ECR_ASYNC_EVENT_SAMPLES names another folder"
)


@pytest.mark.parametrize("name", CLASSES)
def test_each_sample_has_its_class_and_comes_back_whole(name: str) -> None:
    text = (FOLDER / name).read_bytes()
    parsed = events.parse_event(text)
    assert type(parsed) is CLASSES[name]
    if name not in ENVELOPES:
        assert json.loads(parsed.to_json()) == json.loads(text)


def test_no_sample_is_left_out() -> None:
    found = {path.name for path in FOLDER.glob("*.json")}
    assert found == {*CLASSES, "lambda-sqs-partial-failure-response.json"}
