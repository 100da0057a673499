"""The events that the embedded ECR sends."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import attrs
import pytest

from ecr_async import api as ecr
from ecr_async.events import (
    Event,
    ImageDeleted,
    ImagePushed,
    ImageScan,
    ImageStorageClassChanged,
    InspectorScan,
    LifecyclePolicyExecution,
    PullThroughCacheAction,
    ReferrerAction,
    ReplicationAction,
    ScanResourceChange,
    parse_event,
)
from ecr_async.lifecycle import LifecyclePolicy, Rule
from ecr_async.local import LocalECR
from ecr_async.local.addresses import Addresses, RegistryKey
from ecr_async.local.authentication import Caller
from ecr_async.local.backend import Backend
from ecr_async.local.rules import events
from ecr_async.local.rules.cloudtrail import LifecycleAction
from ecr_async.local.rules.manifests import Manifest
from ecr_async.local.rules.registry import Registry, RepositoryRecord, Rules, Scope
from ecr_async.local.state.outbox import Outbox
from ecr_async.oci.media_types import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST
from ecr_async.service import Service
from tests.integration.local.content import REGISTRY, UNKNOWN_DIGEST, create, index, manifest, push, put

MOMENT = 1_772_366_400.745  # 2026-03-01T12:00:00.745Z


@attrs.define
class Inbox:
    """Keeps the events that come in; each is waited for."""

    queue: asyncio.Queue[Event] = attrs.field(factory=asyncio.Queue)

    def __call__(self, event: Event) -> None:
        self.queue.put_nowait(event)

    async def next(self) -> Event:
        async with asyncio.timeout(10):
            return await self.queue.get()


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
async def local(inbox: Inbox) -> AsyncIterator[LocalECR]:
    server = LocalECR(verify_layers=False, on_event=inbox, clock=lambda: MOMENT, region="eu-west-1")
    async with server as local:
        yield local


@pytest.fixture
async def service(local: LocalECR) -> AsyncIterator[Service]:
    async with local.session() as session:
        yield session.service()


async def test_a_push_is_an_event_of_the_same_shape_as_awss(service: Service, inbox: Inbox) -> None:
    await create(service)
    digest = await put(service, manifest(b"layer"), "v1")
    event = await inbox.next()
    assert json.loads(event.to_json()) == {
        "version": "0",
        "id": event.id,
        "detail-type": "ECR Image Action",
        "source": "aws.ecr",
        "account": "123456789012",
        "time": "2026-03-01T12:00:00Z",
        "region": "eu-west-1",
        "resources": [],
        "detail": {
            "result": "SUCCESS",
            "repository-name": "team/app",
            "image-digest": digest,
            "action-type": "PUSH",
            "image-tag": "v1",
            "manifest-media-type": OCI_MANIFEST,
            "artifact-media-type": OCI_CONFIG,
        },
    }
    assert isinstance(event, ImagePushed)


async def test_a_push_of_a_multi_platform_image_is_several_events(service: Service, inbox: Inbox) -> None:
    await create(service)
    children = [manifest(b"layer", config=b"amd64"), manifest(b"layer", config=b"arm64")]
    for child in children:
        await put(service, child)
    await put(service, index(*children), "v1")
    pushed = [await inbox.next() for _ in range(3)]
    assert [(one.is_index, one.image_tag) for one in pushed if isinstance(one, ImagePushed)] == [
        (False, None),
        (False, None),
        (True, "v1"),
    ]
    assert pushed[0].document["detail"]["image-tag"] == ""
    assert "artifact-media-type" not in pushed[2].document["detail"]
    assert pushed[2].document["detail"]["manifest-media-type"] == OCI_INDEX


async def test_each_tag_is_an_event_and_what_changes_nothing_is_none(service: Service, inbox: Inbox) -> None:
    await create(service)
    digest = await put(service, manifest(b"layer"), "v1")
    await put(service, manifest(b"layer"), "latest")
    with pytest.raises(ecr.ImageAlreadyExistsException):
        await put(service, manifest(b"layer"), "latest")
    with pytest.raises(ecr.RepositoryNotFoundException):
        await put(service, manifest(b"layer"), "v1", "team/gone")
    await ecr.batch_delete_image(
        service, ecr.BatchDeleteImageRequest("team/app", [ecr.ImageIdentifier(image_tag="v1")])
    )
    await ecr.batch_delete_image(
        service, ecr.BatchDeleteImageRequest("team/app", [ecr.ImageIdentifier(digest)])
    )
    events = [(type(event), event.tags) for event in [await inbox.next() for _ in range(4)]]  # type: ignore[attr-defined]
    assert events == [
        (ImagePushed, ("v1",)),
        (ImagePushed, ("latest",)),
        (ImageDeleted, ("v1",)),
        (ImageDeleted, ("latest",)),
    ]
    assert inbox.queue.empty()


async def test_archiving_and_restoring(service: Service, inbox: Inbox) -> None:
    await create(service)
    digest = await put(service, manifest(b"layer"), "v1")
    subject = {"mediaType": OCI_MANIFEST, "digest": digest, "size": 1}
    signature = await put(service, manifest(b"layer", config=b"signature", subject=subject))
    await inbox.next()
    await inbox.next()
    for one in (digest, signature):
        for storage_class in ("ARCHIVE", "STANDARD"):
            await ecr.update_image_storage_class(
                service,
                ecr.UpdateImageStorageClassRequest("team/app", ecr.ImageIdentifier(one), storage_class),
            )
    archived, restored, referrer_archived, referrer_restored = [await inbox.next() for _ in range(4)]
    assert isinstance(archived, ImageStorageClassChanged)
    assert isinstance(restored, ImageStorageClassChanged)
    assert (archived.target_storage_class, archived.last_activated_at) == ("ARCHIVE", None)
    assert restored.document["detail"]["last-activated-at"] == "2026-03-01T12:00:00.74Z"
    assert "image-tag" not in restored.document["detail"]
    assert isinstance(referrer_archived, ReferrerAction)
    assert isinstance(referrer_restored, ReferrerAction)
    assert referrer_restored.image_digest == signature


async def test_a_scan_is_complete_when_it_is_polled_or_by_itself(service: Service, inbox: Inbox) -> None:
    await create(service, image_scanning_configuration=ecr.ImageScanningConfiguration(scan_on_push=True))
    for number in range(2):
        digest = await put(service, manifest(b"layer", config=str(number).encode()), f"v{number}")
        assert isinstance(await inbox.next(), ImagePushed)
        request = ecr.DescribeImageScanFindingsRequest("team/app", ecr.ImageIdentifier(digest))
        if number == 0:
            await ecr.describe_image_scan_findings(service, request)
        scanned = await inbox.next()
        assert isinstance(scanned, ImageScan)
        assert (scanned.scan_status, scanned.image_digest, scanned.image_tags) == (
            "COMPLETE",
            digest,
            (f"v{number}",),
        )
        found = (await ecr.describe_image_scan_findings(service, request)).image_scan_findings
        assert found is not None
        assert scanned.finding_severity_counts == found.finding_severity_counts


async def test_an_enhanced_scan_is_reported_by_inspector(service: Service, inbox: Inbox) -> None:
    rule = ecr.RegistryScanningRule("SCAN_ON_PUSH", [ecr.ScanningRepositoryFilter("*", "WILDCARD")])
    await ecr.put_registry_scanning_configuration(
        service, ecr.PutRegistryScanningConfigurationRequest("ENHANCED", [rule])
    )
    await create(service)
    digest = await put(service, manifest(b"1"), "v1")
    await inbox.next()
    scanned = await inbox.next()
    assert isinstance(scanned, InspectorScan)
    assert (scanned.repository_name, scanned.image_digest) == ("team/app", digest)
    counts = dict(scanned.finding_severity_counts)
    assert counts.pop("TOTAL") == sum(counts.values())


async def test_a_lifecycle_run_and_a_replication_have_awss_shapes() -> None:
    inbox, registry = Inbox(), RegistryKey("123456789012", "eu-west-1")
    backend = await Backend.open(None, Rules(Addresses(registry)), lambda: MOMENT, Outbox(inbox))
    policy = LifecyclePolicy(
        [Rule.expire(1, ["v*"], keep_newest=3), Rule.expire(2, "untagged", days_since_pushed=1)]
    )
    actions = [LifecycleAction(UNKNOWN_DIGEST, [f"v{number}"], MOMENT, 1) for number in range(12)]
    image = Manifest.parse(manifest(b"1"), None)

    def work(registry: Registry) -> None:
        record = RepositoryRecord(
            1, "123456789012", "eu-west-1", "team/app", MOMENT, "MUTABLE", "[]", 0, "AES256", None, None, None
        )
        events.lifecycle_policy_run(registry, record, policy, actions, last_evaluated_at=None)
        events.lifecycle_policy_run(registry, record, policy, [], last_evaluated_at=MOMENT)
        events.image_replicated(registry, record, image, None, RegistryKey("210987654321", "us-east-1"))

    await backend.write(Scope(Caller("123456789012", "eu-west-1"), "", ""), work)
    first, second, without = [await inbox.next() for _ in range(3)]
    replicated = await inbox.next()
    await backend.aclose()

    assert isinstance(first, LifecyclePolicyExecution)
    assert isinstance(second, LifecyclePolicyExecution)
    assert isinstance(without, LifecyclePolicyExecution)
    assert [len(one.image_actions) for one in (first, second, without)] == [9, 3, 0]
    assert first.image_actions[0].image_tags == ("v0",)
    assert first.policy.last_evaluated_at is None
    assert without.policy.last_evaluated_at == datetime.fromtimestamp(round(MOMENT, 3), UTC)
    by_count, by_age = first.policy.rules
    assert (by_count.tag_status, by_count.tag_patterns, by_count.count_type, by_count.count_number) == (
        "Tagged",
        ("v*",),
        "Image count more than",
        3,
    )
    assert (by_age.tag_status, by_age.count_type, by_age.count_unit) == (
        "Untagged",
        "Time since image pushed",
        "Days",
    )
    assert isinstance(replicated, ReplicationAction)
    assert (replicated.source_account, replicated.source_region, replicated.region) == (
        "210987654321",
        "us-east-1",
        "eu-west-1",
    )
    assert replicated.image_digest == image.digest


async def test_a_lifecycle_run_is_reported_with_what_it_expired(
    local: LocalECR, service: Service, inbox: Inbox
) -> None:
    await create(service)
    old, new = [await put(service, manifest(layer), "main") for layer in (b"1", b"2")]
    for _ in range(2):
        await inbox.next()
    policy = LifecyclePolicy([Rule.expire(1, "untagged", days_since_pushed=1)])
    await ecr.put_lifecycle_policy(service, ecr.PutLifecyclePolicyRequest("team/app", policy.to_json()))
    local.clock.advance(2 * 86_400)
    assert await local.run_lifecycle_policies() == 1
    deleted, run = await inbox.next(), await inbox.next()
    assert isinstance(deleted, ImageDeleted)
    assert deleted.image_digest == old != new
    assert isinstance(run, LifecyclePolicyExecution)
    assert [action.image_digest for action in run.image_actions] == [old]


async def test_a_copy_in_another_region_is_reported_from_there(service: Service, inbox: Inbox) -> None:
    destination = ecr.ReplicationDestination("eu-central-1", REGISTRY)
    configuration = ecr.ReplicationConfiguration([ecr.ReplicationRule([destination])])
    await ecr.put_replication_configuration(service, ecr.PutReplicationConfigurationRequest(configuration))
    await create(service)
    digest = await put(service, manifest(b"1"), "v1")
    arrived = [await inbox.next() for _ in range(3)]
    [replicated] = [event for event in arrived if isinstance(event, ReplicationAction)]
    assert (replicated.image_digest, replicated.image_tag) == (digest, "v1")
    assert (replicated.region, replicated.source_region) == ("eu-central-1", service.region)


async def test_a_function_that_fails_or_is_slow_loses_nothing(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[str | None] = []

    async def on_event(event: Event) -> None:
        await asyncio.sleep(0)
        assert isinstance(event, ImagePushed)
        seen.append(event.image_tag)
        if event.image_tag == "v0":
            raise ZeroDivisionError

    async with LocalECR(verify_layers=False, on_event=on_event) as local, local.session() as session:
        await create(session.service())
        for number in range(150):
            await put(session.service(), manifest(b"layer", config=str(number).encode()), f"v{number}")
    assert seen == [f"v{number}" for number in range(150)]  # also those of the last moment
    assert "on_event failed with ImagePushed" in caplog.text


@attrs.define
class Sink:
    """Takes events, but not at first."""

    failures: int
    taken: list[str] = attrs.field(factory=list)

    async def send(self, events: Sequence[Event]) -> None:
        if self.failures:
            self.failures -= 1
            raise ConnectionError("not yet")
        self.taken += [event.id for event in events]


async def test_what_was_not_sent_is_sent_by_the_next_server(tmp_path: Path) -> None:
    closed, open_again = Sink(failures=1_000), Sink(failures=1_000)
    async with LocalECR(data=tmp_path, verify_layers=False, on_event=closed) as local:
        await local.fill([ecr.CreateRepositoryRequest("team/app")])
        await local.fill(
            ecr.PutImageRequest("team/app", manifest(b"layer", config=str(number).encode()))
            for number in range(250)
        )
    assert closed.taken == []
    async with LocalECR(data=tmp_path, verify_layers=False, on_event=open_again):
        pass
    assert open_again.taken == []
    open_again.failures = 0
    async with LocalECR(data=tmp_path, verify_layers=False, on_event=open_again):
        pass
    assert len(open_again.taken) == len(set(open_again.taken)) == 250


async def test_without_a_listener_nothing_is_recorded(tmp_path: Path) -> None:
    async with LocalECR(data=tmp_path, verify_layers=False) as local:
        await local.fill(
            [ecr.CreateRepositoryRequest("team/app"), ecr.PutImageRequest("team/app", manifest(b"layer"))]
        )
    sink = Sink(failures=0)
    async with LocalECR(data=tmp_path, verify_layers=False, on_event=sink):
        pass
    assert sink.taken == []


async def test_every_event_parses_back_to_itself(service: Service, inbox: Inbox) -> None:
    await create(service)
    await put(service, manifest(b"layer"), "v1")
    event = await inbox.next()
    assert parse_event(event.to_json()) == event


async def test_a_change_of_how_often_repositories_are_scanned(service: Service, inbox: Inbox) -> None:
    for name in ("team/a", "team/b", "other"):
        await create(service, name)

    async def configure(scan_type: str, frequency: str) -> None:
        rule = ecr.RegistryScanningRule(
            scan_frequency=frequency, repository_filters=[ecr.ScanningRepositoryFilter("team/*", "WILDCARD")]
        )
        request = ecr.PutRegistryScanningConfigurationRequest(scan_type, [rule])
        await ecr.put_registry_scanning_configuration(service, request)

    await configure("BASIC", "SCAN_ON_PUSH")  # which ECR says nothing about
    await configure("ENHANCED", "SCAN_ON_PUSH")  # which changes nothing
    await configure("ENHANCED", "CONTINUOUS_SCAN")
    event = await inbox.next()
    assert isinstance(event, ScanResourceChange)
    assert event.document["resources"] == []
    assert event.document["detail"] == {
        "action-type": "SCAN_FREQUENCY_CHANGE",
        "repositories": [
            {
                "repository-name": name,
                "repository-arn": f"arn:aws:ecr:eu-west-1:{REGISTRY}:repository/{name}",
                "scan-frequency": "CONTINUOUS_SCAN",
                "previous-scan-frequency": "SCAN_ON_PUSH",
            }
            for name in ("team/a", "team/b")
        ],
        "resource-type": "REPOSITORY",
        "scan-type": "ENHANCED",
    }


async def test_an_image_that_comes_through_the_cache(service: Service, inbox: Inbox) -> None:
    upstream = LocalECR(region="eu-west-1")
    async with upstream, upstream.session() as session:
        await create(session.service(), "app")
        digest = await push(session.service(), b"layer", "v1", name="app")
        url = upstream.url.authority
        await ecr.create_pull_through_cache_rule(
            service, ecr.CreatePullThroughCacheRuleRequest("cached", url)
        )
        image_ids = [ecr.ImageIdentifier(image_tag=tag) for tag in ("v1", "absent")]
        await ecr.batch_get_image(service, ecr.BatchGetImageRequest("cached/app", image_ids))
    pushed, synced, failed = [await inbox.next() for _ in range(3)]
    assert isinstance(pushed, ImagePushed)
    assert isinstance(synced, PullThroughCacheAction)
    assert synced.document["resources"] == [f"arn:aws:ecr:eu-west-1:{REGISTRY}:repository/cached/app"]
    assert synced.document["detail"] == {
        "rule-version": "1",
        "sync-status": "SUCCESS",
        "ecr-repository-prefix": "cached",
        "repository-name": "cached/app",
        "upstream-registry-url": url,
        "image-tag": "v1",
        "image-digest": digest,
    }
    assert isinstance(failed, PullThroughCacheAction)
    assert (failed.succeeded, failed.image_tag) == (False, "absent")
    assert (failed.failure_code, failed.failure_reason) == (
        "ImageNotFoundException",
        "Requested image not found",
    )
