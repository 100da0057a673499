"""The events that the embedded ECR sends, as EventBridge would deliver them.

Each function records one in the transaction at hand, if anything listens. Where ECR's guide has no sample:
artifacts that refer to an image are pushed and deleted with `ECR Image Action`, as all images are, and
archived and restored with `ECR Referrer Action`; what a failed attempt of a pull-through cache looks like is
guessed, but for its members' names.

See https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html
"""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ecr_async.api.pull_through_cache import PullThroughCacheRule
from ecr_async.errors import ServiceError
from ecr_async.lifecycle import LifecyclePolicy
from ecr_async.local.addresses import RegistryKey
from ecr_async.local.rules.cloudtrail import LifecycleAction, execution_records
from ecr_async.local.rules.messages import NO_SUCH_IMAGE
from ecr_async.local.rules.registry import Registry, RepositoryRecord, moment, repository_arn

__all__ = [
    "image_deleted",
    "image_pushed",
    "image_replicated",
    "image_scanned",
    "lifecycle_policy_run",
    "pull_through_cache_synced",
    "scan_frequencies_changed",
    "storage_class_changed",
]


REPOSITORIES_OF_AN_EVENT = 100
"""How many repositories one event lists; EventBridge limits events to 256 KiB."""


class Place(Protocol):
    """Where something happened: a registry, or a repository in one."""

    @property
    def account(self) -> str:
        """The account."""
        ...

    @property
    def region(self) -> str:
        """The region."""
        ...


class Image(Protocol):
    """An image or artifact, as events describe it."""

    @property
    def digest(self) -> str:
        """The digest of its manifest."""
        ...

    @property
    def media_type(self) -> str:
        """The media type of its manifest."""
        ...

    @property
    def artifact_media_type(self) -> str | None:
        """The media type of its configuration; an index has none."""
        ...


def image_pushed(registry: Registry, record: RepositoryRecord, image: Image, tag: str | None) -> None:
    """Report that a manifest was pushed, or a tag put on one."""
    _send(registry, record, "ECR Image Action", _action("PUSH", record, image) | {"image-tag": tag or ""})


def image_deleted(registry: Registry, record: RepositoryRecord, image: Image, tag: str | None) -> None:
    """Report that an image was deleted, or a tag taken off it."""
    _send(registry, record, "ECR Image Action", _action("DELETE", record, image) | {"image-tag": tag or ""})


def storage_class_changed(
    registry: Registry, record: RepositoryRecord, image: Image, target: str, *, is_referrer: bool
) -> None:
    """Report that an image, or an artifact that refers to one, was archived or restored."""
    detail = _action("UPDATE_STORAGE_CLASS", record, image) | {"target-storage-class": target}
    if target == "STANDARD":
        hundredths = f"{moment(registry.now):%Y-%m-%dT%H:%M:%S.%f}"[:-4]
        detail["last-activated-at"] = f"{hundredths}Z"
    _send(registry, record, "ECR Referrer Action" if is_referrer else "ECR Image Action", detail)


def image_replicated(
    registry: Registry, record: RepositoryRecord, image: Image, tag: str | None, source: RegistryKey
) -> None:
    """Report that an image has arrived from another registry; `record` is the repository that it came to."""
    detail = {
        "result": "SUCCESS",
        "repository-name": record.name,
        "image-digest": image.digest,
        "source-account": source.account,
        "action-type": "REPLICATE",
        "source-region": source.region,
        "image-tag": tag or "",
    }
    _send(registry, record, "ECR Replication Action", detail, [record.arn])


def image_scanned(
    registry: Registry,
    record: RepositoryRecord,
    digest: str,
    tags: Sequence[str],
    severity_counts: Mapping[str, int],
    *,
    is_enhanced: bool,
) -> None:
    """Report that a scan is complete: an enhanced one by Inspector, which calls a repository by its ARN."""
    counts = dict(severity_counts)
    if is_enhanced:
        counts["TOTAL"] = sum(severity_counts.values())
    detail = {
        "scan-status": "INITIAL_SCAN_COMPLETE" if is_enhanced else "COMPLETE",
        "repository-name": record.arn if is_enhanced else record.name,
        "finding-severity-counts": counts,
        "image-digest": digest,
        "image-tags": list(tags),
    }
    if is_enhanced:
        detail["version"] = "1.0"
        _send(registry, record, "Inspector2 Scan", detail, [record.arn], source="aws.inspector2")
    else:
        _send(registry, record, "ECR Image Scan", detail, [record.arn])


def lifecycle_policy_run(
    registry: Registry,
    record: RepositoryRecord,
    policy: LifecyclePolicy,
    actions: Sequence[LifecycleAction],
    *,
    last_evaluated_at: float | None,
) -> None:
    """Report that a lifecycle policy ran, and what it acted upon, in CloudTrail's way: 9 images per event."""
    for detail in execution_records(registry, record, policy, actions, last_evaluated_at):
        _send(registry, record, "AWS Service Event via CloudTrail", detail)


def pull_through_cache_synced(
    registry: Registry,
    rule: PullThroughCacheRule,
    repository_name: str,
    tag: str | None,
    digest: str | None,
    failure: ServiceError | None,
) -> None:
    """Report an attempt to bring an image here from the registry that a rule names.

    It has failed if there is a `failure`, or if no `digest` says which image that was.
    """
    detail: dict[str, Any] = {
        "rule-version": "1",
        "sync-status": "SUCCESS",
        "ecr-repository-prefix": rule.ecr_repository_prefix,
        "repository-name": repository_name,
        "upstream-registry-url": rule.upstream_registry_url,
    }
    if tag is not None:
        detail["image-tag"] = tag
    if digest is not None:
        detail["image-digest"] = digest
    if failure is not None or digest is None:
        detail["sync-status"] = "FAILURE"
        detail["failure-code"] = failure.code if failure else "ImageNotFoundException"
        detail["failure-reason"] = failure.message if failure else NO_SUCH_IMAGE
    arn = repository_arn(RegistryKey(registry.account, registry.region), repository_name)
    _send(registry, registry, "ECR Pull Through Cache Action", detail, [arn])


def scan_frequencies_changed(
    registry: Registry, changes: Sequence[tuple[RepositoryRecord, str, str]]
) -> None:
    """Report repositories whose images are scanned more or less often than before.

    Each change is the repository, how often its images were scanned, and how often they are scanned now.
    """
    for first in range(0, len(changes), REPOSITORIES_OF_AN_EVENT):
        repositories = [
            {
                "repository-name": record.name,
                "repository-arn": record.arn,
                "scan-frequency": frequency,
                "previous-scan-frequency": previous,
            }
            for record, previous, frequency in changes[first : first + REPOSITORIES_OF_AN_EVENT]
        ]
        detail = {
            "action-type": "SCAN_FREQUENCY_CHANGE",
            "repositories": repositories,
            "resource-type": "REPOSITORY",
            "scan-type": "ENHANCED",
        }
        _send(registry, registry, "ECR Scan Resource Change", detail)


def _action(action: str, record: RepositoryRecord, image: Image) -> dict[str, Any]:
    detail = {
        "result": "SUCCESS",
        "repository-name": record.name,
        "image-digest": image.digest,
        "action-type": action,
        "manifest-media-type": image.media_type,
    }
    if image.artifact_media_type is not None:
        detail["artifact-media-type"] = image.artifact_media_type
    return detail


def _send(
    registry: Registry,
    place: Place,
    detail_type: str,
    detail: Mapping[str, Any],
    resources: Sequence[str] = (),
    source: str = "aws.ecr",
) -> None:
    if registry.outbox is None:
        return
    document = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": detail_type,
        "source": source,
        "account": place.account,
        "time": f"{moment(registry.now):%Y-%m-%dT%H:%M:%SZ}",
        "region": place.region,
        "resources": list(resources),
        "detail": detail,
    }
    registry.outbox.record(registry.transaction, document)
