"""What happens to images: pushed, deleted, archived, restored, scanned, replicated, cached.

See https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from ecr_async.events.event import Common, Event, ImageEvent, TaggedImageEvent
from ecr_async.events.members import Members
from ecr_async.oci.media_types import DOCKER_CONFIG, INDEX_MEDIA_TYPES, OCI_CONFIG

__all__ = [
    "ImageAction",
    "ImageDeleted",
    "ImagePushed",
    "ImageScan",
    "ImageStorageClassChanged",
    "PullThroughCacheAction",
    "ReferrerAction",
    "ReplicationAction",
    "RepositoryScanChange",
    "ScanResourceChange",
    "read_image_action",
    "read_image_scan",
    "read_pull_through_cache_action",
    "read_referrer_action",
    "read_replication_action",
    "read_scan_resource_change",
]

CONFIG_MEDIA_TYPES = frozenset({OCI_CONFIG, DOCKER_CONFIG})


@attrs.frozen(kw_only=True, eq=False, repr=False)
class _Action(TaggedImageEvent):
    """The members that image and referrer actions share."""

    action_type: str | None
    """`PUSH`, `DELETE` or `UPDATE_STORAGE_CLASS`."""
    result: str | None
    """`SUCCESS` in all events that were seen."""
    manifest_media_type: str | None
    """The manifest's media type. Absent from events of before 2023."""
    artifact_media_type: str | None
    """The media type of the manifest's configuration, which says what kind of artifact it is."""
    target_storage_class: str | None
    """`ARCHIVE` or `STANDARD`, when the storage class changed."""
    last_activated_at: datetime | None
    """When the image was restored, if it was."""

    @property
    def succeeded(self) -> bool:
        """Whether the action took place."""
        return self.result in (None, "SUCCESS")

    @property
    def is_index(self) -> bool:
        """Whether the manifest is a list of images, one for each platform.

        A push of a multi-platform image is several events: one for the index, with the tag, and one for
        each image and attestation in it, without. Also False if the event doesn't say.
        """
        return self.manifest_media_type in INDEX_MEDIA_TYPES

    @property
    def is_artifact(self) -> bool:
        """Whether it is something other than a container image: a chart, a signature, an SBOM.

        Also False if the event doesn't say. BuildKit's attestations look like images.
        """
        return self.artifact_media_type is not None and self.artifact_media_type not in CONFIG_MEDIA_TYPES


@attrs.frozen(kw_only=True, eq=False, repr=False)
class ImageAction(_Action):
    """Something was done to an image (`ECR Image Action`).

    It is one of the subclasses for what ECR documents, and this class itself for any other action and
    for one that failed.
    """


@attrs.frozen(kw_only=True, eq=False, repr=False)
class ImagePushed(ImageAction):
    """An image, an index or an artifact was pushed, or a tag was put on one. One event for each tag."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class ImageDeleted(ImageAction):
    """An image was deleted, or a tag taken off it, by a call or by a lifecycle policy."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class ImageStorageClassChanged(ImageAction):
    """An image was archived or restored, by a call or by a lifecycle policy: see `target_storage_class`."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class ReferrerAction(_Action):
    """Something was done to an artifact that refers to an image, a signature say (`ECR Referrer Action`)."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class ImageScan(ImageEvent):
    """A basic scan of an image ended (`ECR Image Scan`)."""

    image_tags: tuple[str, ...]
    """The image's tags; empty for an untagged one."""
    scan_status: str | None
    """`COMPLETE` or `FAILED`."""
    finding_severity_counts: Mapping[str, int]
    """How many findings there are of each severity. Severities without findings may be left out, and
    all of them are where the scan failed.
    """

    @property
    def tags(self) -> tuple[str, ...]:
        """The image's tags."""
        return self.image_tags


@attrs.frozen(kw_only=True, eq=False, repr=False)
class ReplicationAction(TaggedImageEvent):
    """An image was replicated, or could not be (`ECR Replication Action`). Sent at the destination."""

    action_type: str | None
    """`REPLICATE`."""
    result: str | None
    """`SUCCESS` or `FAILED`. For a failure, `document` may hold further members."""
    source_account: str | None
    """The account that the image came from."""
    source_region: str | None
    """The region that the image came from."""

    @property
    def succeeded(self) -> bool:
        """Whether the image arrived."""
        return self.result in (None, "SUCCESS")


@attrs.frozen(kw_only=True, eq=False, repr=False)
class PullThroughCacheAction(TaggedImageEvent):
    """An attempt to bring a cached image up to date (`ECR Pull Through Cache Action`)."""

    sync_status: str | None
    """`SUCCESS`, or what ECR calls a failure."""
    ecr_repository_prefix: str | None
    """The prefix that the pull-through cache rule is for."""
    upstream_registry_url: str | None
    """The registry that the image comes from."""
    failure_code: str | None
    """Why the attempt failed, as a code."""
    failure_reason: str | None
    """Why the attempt failed, as a sentence."""
    rule_version: str | None
    """`1` in AWS's sample."""

    @property
    def succeeded(self) -> bool:
        """Whether the cached image is up to date."""
        return self.sync_status in (None, "SUCCESS")


@attrs.frozen
class RepositoryScanChange:
    """How often the images of one repository are scanned, now and before."""

    repository_name: str | None
    """The repository's name, namespace included."""
    repository_arn: str | None
    """The repository's ARN."""
    scan_frequency: str | None
    """`SCAN_ON_PUSH`, `CONTINUOUS_SCAN` or `MANUAL`."""
    previous_scan_frequency: str | None
    """One of the same, before the change."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class ScanResourceChange(Event):
    """Which repositories are scanned, or how often, has changed (`ECR Scan Resource Change`).

    Sent with enhanced scanning.

    See https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-enhanced-events.html
    """

    action_type: str | None
    """`SCAN_FREQUENCY_CHANGE`."""
    resource_type: str | None
    """`REPOSITORY`."""
    scan_type: str | None
    """`ENHANCED` or `BASIC`."""
    repositories: tuple[RepositoryScanChange, ...]
    """The repositories, and what has changed for them."""


_ACTIONS = {
    "PUSH": ImagePushed,
    "DELETE": ImageDeleted,
    "UPDATE_STORAGE_CLASS": ImageStorageClassChanged,
}


def read_image_action(common: Common, detail: Members) -> ImageAction:
    """Return the event of what was done to an image."""
    succeeded = detail.text_or_none("result") in (None, "SUCCESS")
    kind = _ACTIONS.get(detail.text_or_none("action-type") or "", ImageAction)
    return (kind if succeeded else ImageAction)(**common, **_action_fields(detail))


def read_referrer_action(common: Common, detail: Members) -> ReferrerAction:
    """Return the event of what was done to an artifact that refers to an image."""
    return ReferrerAction(**common, **_action_fields(detail))


def _action_fields(detail: Members) -> dict[str, Any]:
    return {
        **_tagged_image_fields(detail),
        "action_type": detail.text_or_none("action-type"),
        "result": detail.text_or_none("result"),
        "manifest_media_type": detail.text_or_none("manifest-media-type"),
        "artifact_media_type": detail.text_or_none("artifact-media-type"),
        "target_storage_class": detail.text_or_none("target-storage-class"),
        "last_activated_at": detail.moment("last-activated-at"),
    }


def _tagged_image_fields(detail: Members) -> dict[str, Any]:
    return {
        "repository_name": detail.text("repository-name"),
        "image_digest": detail.text_or_none("image-digest"),
        "image_tag": detail.text_or_none("image-tag"),
    }


def read_image_scan(common: Common, detail: Members) -> ImageScan:
    """Return the event of a basic scan."""
    return ImageScan(
        **common,
        repository_name=detail.text("repository-name"),
        image_digest=detail.text_or_none("image-digest"),
        image_tags=detail.texts("image-tags"),
        scan_status=detail.text_or_none("scan-status"),
        finding_severity_counts=detail.counts("finding-severity-counts"),
    )


def read_replication_action(common: Common, detail: Members) -> ReplicationAction:
    """Return the event of a replication."""
    return ReplicationAction(
        **common,
        **_tagged_image_fields(detail),
        action_type=detail.text_or_none("action-type"),
        result=detail.text_or_none("result"),
        source_account=detail.text_or_none("source-account"),
        source_region=detail.text_or_none("source-region"),
    )


def read_pull_through_cache_action(common: Common, detail: Members) -> PullThroughCacheAction:
    """Return the event of an attempt to bring a cached image up to date."""
    return PullThroughCacheAction(
        **common,
        **_tagged_image_fields(detail),
        sync_status=detail.text_or_none("sync-status"),
        ecr_repository_prefix=detail.text_or_none("ecr-repository-prefix"),
        upstream_registry_url=detail.text_or_none("upstream-registry-url"),
        failure_code=detail.text_or_none("failure-code"),
        failure_reason=detail.text_or_none("failure-reason"),
        rule_version=detail.text_or_none("rule-version"),
    )


def read_scan_resource_change(common: Common, detail: Members) -> ScanResourceChange:
    """Return the event of a change of what is scanned."""
    return ScanResourceChange(
        **common,
        action_type=detail.text_or_none("action-type"),
        resource_type=detail.text_or_none("resource-type"),
        scan_type=detail.text_or_none("scan-type"),
        repositories=tuple(
            RepositoryScanChange(
                repository_name=repository.text_or_none("repository-name"),
                repository_arn=repository.text_or_none("repository-arn"),
                scan_frequency=repository.text_or_none("scan-frequency"),
                previous_scan_frequency=repository.text_or_none("previous-scan-frequency"),
            )
            for repository in detail.items("repositories")
        ),
    )
