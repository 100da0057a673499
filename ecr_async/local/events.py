"""The events that the embedded ECR sends, as EventBridge would deliver them.

Each function records one in the transaction at hand, if anything listens. ECR's own guide is silent on two
points: here artifacts that refer to an image are pushed and deleted with `ECR Image Action`, as all images are,
and archived and restored with `ECR Referrer Action`.

See https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html
"""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ecr_async.local.registry import Registry, RepositoryRecord, moment

__all__ = ["image_deleted", "image_pushed", "image_scanned", "storage_class_changed"]


class Image(Protocol):
    """What an event tells of an image or artifact."""

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
    """Tell that a manifest was pushed, or a tag put on one."""
    _send(registry, record, "ECR Image Action", _action("PUSH", record, image) | {"image-tag": tag or ""})


def image_deleted(registry: Registry, record: RepositoryRecord, image: Image, tag: str | None) -> None:
    """Tell that an image was deleted, or a tag taken off it."""
    _send(registry, record, "ECR Image Action", _action("DELETE", record, image) | {"image-tag": tag or ""})


def storage_class_changed(
    registry: Registry, record: RepositoryRecord, image: Image, target: str, *, is_referrer: bool
) -> None:
    """Tell that an image, or an artifact that refers to one, was archived or restored."""
    detail = _action("UPDATE_STORAGE_CLASS", record, image) | {"target-storage-class": target}
    if target == "STANDARD":
        hundredths = f"{moment(registry.now):%Y-%m-%dT%H:%M:%S.%f}"[:-4]
        detail["last-activated-at"] = f"{hundredths}Z"
    _send(registry, record, "ECR Referrer Action" if is_referrer else "ECR Image Action", detail)


def image_scanned(
    registry: Registry,
    record: RepositoryRecord,
    digest: str,
    tags: Sequence[str],
    severity_counts: Mapping[str, int],
) -> None:
    """Tell that a basic scan is complete."""
    detail = {
        "scan-status": "COMPLETE",
        "repository-name": record.name,
        "finding-severity-counts": dict(severity_counts),
        "image-digest": digest,
        "image-tags": list(tags),
    }
    _send(registry, record, "ECR Image Scan", detail, [record.arn])


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
    record: RepositoryRecord,
    detail_type: str,
    detail: Mapping[str, Any],
    resources: Sequence[str] = (),
) -> None:
    if registry.outbox is None:
        return
    document = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": detail_type,
        "source": "aws.ecr",
        "account": record.account,
        "time": f"{moment(registry.now):%Y-%m-%dT%H:%M:%SZ}",
        "region": record.region,
        "resources": list(resources),
        "detail": detail,
    }
    registry.outbox.record(registry.transaction, document)
