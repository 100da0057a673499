"""examples/push_worker.yaml, deployed to moto's server: what its rule sends, and what its policy allows."""

import asyncio
import json
import runpy
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

import ecr_async as ecr
from ecr_async.events import Event, ImagePushed, parse_event
from ecr_async.lifecycle import LifecyclePolicy, Rule
from ecr_async.local import Fault, LocalECR
from tests.integration.local.content import create, manifest
from tests.integration.subprocesses import ROOT
from tests.operations import Operations
from tests.unit.events.documents import event, push

EXAMPLES = ROOT / "examples"
TEMPLATE = (EXAMPLES / "push_worker.yaml").read_text()

# moto makes all resources but this one.
pytestmark = pytest.mark.filterwarnings("ignore:Tried to parse AWS..SQS..QueuePolicy")


class Account:
    """An account of moto's, in which the template is deployed."""

    def __init__(self, endpoint_url: str) -> None:
        self._options = {
            "endpoint_url": endpoint_url,
            "region_name": "us-east-1",
            "aws_access_key_id": "test",
            "aws_secret_access_key": "test",
        }
        formation = self.client("cloudformation")
        formation.create_stack(StackName="pushes", TemplateBody=TEMPLATE, Capabilities=["CAPABILITY_IAM"])
        (stack,) = formation.describe_stacks(StackName="pushes")["Stacks"]
        self.outputs: dict[str, str] = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}

    def client(self, service: str) -> Any:
        return boto3.client(service, **self._options)

    def send(self, document: dict[str, Any]) -> None:
        """Have EventBridge send an event."""
        entry = {
            "Source": document["source"],
            "DetailType": document["detail-type"],
            "Detail": json.dumps(document["detail"]),
        }
        self.client("events").put_events(Entries=[entry])

    def actions(self, service: str) -> set[str]:
        """Return what the worker's policy allows of a service."""
        iam, arn = self.client("iam"), self.outputs["WorkerPolicyArn"]
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        policy = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
        actions = (action.split(":") for one in policy["Statement"] for action in one["Action"])
        return {name for of, name in actions if of == service}


@pytest.fixture
def account(moto: str) -> Iterator[Account]:
    account = Account(moto)
    yield account
    account.client("cloudformation").delete_stack(StackName="pushes")


def test_the_rule_sends_pushes_and_nothing_else(account: Account) -> None:
    account.send(push(1, **{"action-type": "DELETE"}))
    account.send(push(2, result="FAILURE"))
    account.send(event("ECR Image Scan", push(3)["detail"]))
    account.send(push(4))
    account.send(push(5, **{"image-tag": ""}))
    received = account.client("sqs").receive_message(
        QueueUrl=account.outputs["QueueUrl"], MaxNumberOfMessages=10
    )
    # moto's EventBridge leaves the account out.
    pushed = [
        parse_event({"account": "012345678901"} | json.loads(one["Body"])) for one in received["Messages"]
    ]
    assert all(isinstance(one, ImagePushed) for one in pushed)
    assert sorted(one.document["detail"]["image-tag"] for one in pushed) == ["", "1.4"]


def test_what_fails_three_times_is_kept_for_two_weeks(account: Account) -> None:
    sqs = account.client("sqs")

    def attributes(url: str) -> dict[str, str]:
        found: dict[str, str] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return found

    pushes, dead = (attributes(account.outputs[key]) for key in ("QueueUrl", "DeadLettersUrl"))
    redrive = json.loads(pushes["RedrivePolicy"])
    assert (redrive["deadLetterTargetArn"], int(redrive["maxReceiveCount"])) == (dead["QueueArn"], 3)
    assert int(pushes["MessageRetentionPeriod"]) < int(dead["MessageRetentionPeriod"]) == 14 * 86_400


async def test_the_policy_allows_what_the_worker_calls(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    examiner = runpy.run_path(str(EXAMPLES / "push_worker.py"))["Examiner"]
    operations = Operations()
    pushed: asyncio.Queue[Event] = asyncio.Queue()
    async with (
        LocalECR(on_event=pushed.put, verify_layers=False) as local,
        local.session() as session,
        local.session(telemetry=operations) as watched,
    ):
        await create(session.service(), "team/app")
        policy = LifecyclePolicy([Rule.expire(1, "untagged", days_since_pushed=14)])
        await ecr.put_lifecycle_policy(
            session.service(), ecr.PutLifecyclePolicyRequest("team/app", policy.to_json())
        )
        await ecr.put_image(
            session.service(), ecr.PutImageRequest("team/app", manifest(b"an image"), image_tag="1.0")
        )
        await examiner(watched, 1000.0, 60.0).examine(await pushed.get())
    assert "team/app:1.0" in capsys.readouterr().out
    assert operations.called[local.region] == account.actions("ecr")
    assert account.actions("sqs") == {"ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility"}


async def test_an_image_that_inspector_scans_is_not_scanned_on_demand(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """StartImageScan is disabled where scanning is enhanced (alexjurkiewicz/ecr-scan-image #44)."""
    examiner = runpy.run_path(str(EXAMPLES / "push_worker.py"))["Examiner"]
    async with LocalECR(verify_layers=False) as local, local.session() as session:
        service = session.service()
        await create(service, "team/app")
        digest = (
            await ecr.put_image(
                service, ecr.PutImageRequest("team/app", manifest(b"an image"), image_tag="1.0")
            )
        ).image.image_id.image_digest  # type: ignore[union-attr]
        await ecr.start_image_scan(
            service, ecr.StartImageScanRequest("team/app", ecr.ImageIdentifier(image_digest=digest))
        )
        disabled = Fault(kind="error", operation="StartImageScan", code="ValidationException")
        with local.inject(disabled):
            pushed = parse_event(
                push(1, **{"image-digest": digest, "image-tag": "1.0"}) | {"region": local.region}
            )
            await examiner(session, 1000.0, 60.0).examine(pushed)
    assert "team/app:1.0" in capsys.readouterr().out
