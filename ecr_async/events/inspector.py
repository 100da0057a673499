"""Amazon Inspector's events about images in ECR, which enhanced scanning sends.

The same kinds of events are sent for EC2 instances and Lambda functions; those are `UnknownEvent` here.

See https://docs.aws.amazon.com/inspector/latest/user/eventbridge-integration.html
"""

import re
from collections.abc import Mapping
from datetime import datetime

import attrs

from ecr_async.events.event import Common, ImageEvent
from ecr_async.events.members import Members

__all__ = [
    "InspectorCoverage",
    "InspectorFinding",
    "InspectorScan",
    "VulnerablePackage",
    "read_coverage",
    "read_finding",
    "read_scan",
]

IMAGE_TYPE = "AWS_ECR_CONTAINER_IMAGE"

_IMAGE_ARN = re.compile(
    r"arn:[^:]+:ecr:[^:]*:[^:]*:repository/(?P<repository>[^:]+?)(?:/(?P<digest>sha256:[^/]+))?"
)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class InspectorScan(ImageEvent):
    """Inspector's first scan of an image is complete (`Inspector2 Scan`)."""

    repository_arn: str
    """The repository's ARN, which Inspector sends where ECR sends the name."""
    image_tags: tuple[str, ...]
    """The image's tags; empty for an untagged one."""
    scan_status: str | None
    """`INITIAL_SCAN_COMPLETE`."""
    finding_severity_counts: Mapping[str, int]
    """How many findings there are of each severity. `TOTAL` is all of them, those of severities that
    have no count of their own included.
    """

    @property
    def tags(self) -> tuple[str, ...]:
        """The image's tags."""
        return self.image_tags


@attrs.frozen
class VulnerablePackage:
    """A package in the image that has the vulnerability.

    See https://docs.aws.amazon.com/inspector/v2/APIReference/API_VulnerablePackage.html
    """

    name: str | None
    """The package's name."""
    version: str | None
    """The version that the image has."""
    fixed_in_version: str | None
    """The version in which the vulnerability is fixed, where one is known."""
    package_manager: str | None
    """`OS`, `PYTHONPKG`, `GOBINARY`, …"""
    arch: str | None
    """The package's architecture."""
    epoch: int | None
    """The version's epoch, for packages of operating systems that have them."""
    release: str | None
    """The version's release, likewise."""
    file_path: str | None
    """Where in the image the package was found."""
    source_layer_hash: str | None
    """The digest of the layer that brought the package."""
    remediation: str | None
    """The command that updates the package."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class InspectorFinding(ImageEvent):
    """Inspector found a vulnerability in an image, or knows more of one (`Inspector2 Finding`).

    A finding comes again whenever it changes: `finding_arn` identifies it, and `updated_at` says which
    event is newer.
    """

    image_tags: tuple[str, ...]
    """The image's tags; empty for an untagged one."""
    registry: str | None
    """The account whose registry has the image."""
    platform: str | None
    """The image's operating system, `AMAZON_LINUX_2` say."""
    architecture: str | None
    """The image's architecture, `amd64` say."""
    pushed_at: datetime | None
    """When the image was pushed, aware."""
    last_in_use_at: datetime | None
    """When it was last seen in a running task or pod, aware."""
    in_use_count: int | None
    """On how many running tasks and pods the image is in use."""
    finding_arn: str | None
    """The finding's ARN."""
    type: str | None
    """`PACKAGE_VULNERABILITY` for an image."""
    severity: str | None
    """`INFORMATIONAL`, `LOW`, `MEDIUM`, `HIGH`, `CRITICAL` or `UNTRIAGED`."""
    status: str | None
    """`ACTIVE`, `SUPPRESSED` or `CLOSED`."""
    title: str | None
    """The vulnerability and the package, on one line."""
    description: str | None
    """What the vulnerability is."""
    recommendation: str | None
    """What Inspector recommends to do about it."""
    score: float | None
    """Inspector's score, from 0 to 10."""
    exploit_available: str | None
    """`YES` or `NO`."""
    fix_available: str | None
    """`YES`, `NO` or `PARTIAL`."""
    first_observed_at: datetime | None
    """When the finding was made first, aware."""
    last_observed_at: datetime | None
    """When it was made last, aware."""
    updated_at: datetime | None
    """When Inspector last changed it, aware."""
    vulnerability_id: str | None
    """`CVE-2019-17498`, …"""
    vendor_severity: str | None
    """The severity in the words of whoever published the vulnerability."""
    source_url: str | None
    """Where it was published."""
    vulnerable_packages: tuple[VulnerablePackage, ...]
    """The packages in the image that have it."""

    @property
    def tags(self) -> tuple[str, ...]:
        """The image's tags."""
        return self.image_tags


@attrs.frozen(kw_only=True, eq=False, repr=False)
class InspectorCoverage(ImageEvent):
    """Inspector began or ceased to scan an image (`Inspector2 Coverage`)."""

    status_code: str | None
    """`ACTIVE` or `INACTIVE`."""
    reason: str | None
    """Why: `SUCCESSFUL`, `UNSUPPORTED_OS`, `SCAN_ELIGIBILITY_EXPIRED`, …"""
    scan_type: str | None
    """`PACKAGE`."""
    event_timestamp: datetime | None
    """When it changed, aware."""

    @property
    def tags(self) -> tuple[str, ...]:
        """No tag: the event names the image by digest."""
        return ()


def read_scan(common: Common, detail: Members) -> InspectorScan | None:
    """Return the event of a scan, or None where it wasn't an image's."""
    if not detail.has("repository-name"):
        return None
    arn = detail.text("repository-name")
    named = _IMAGE_ARN.fullmatch(arn)
    return InspectorScan(
        **common,
        repository_name=named["repository"] if named else arn,
        repository_arn=arn,
        image_digest=detail.text_or_none("image-digest"),
        image_tags=detail.texts("image-tags"),
        scan_status=detail.text_or_none("scan-status"),
        finding_severity_counts=detail.counts("finding-severity-counts"),
    )


def read_finding(common: Common, detail: Members) -> InspectorFinding | None:
    """Return the event of a finding, or None where it wasn't an image's."""
    resource = next((one for one in detail.items("resources") if one.values.get("type") == IMAGE_TYPE), None)
    if resource is None:
        return None
    image = resource.members("details").members("awsEcrContainerImage")
    vulnerability = detail.members("packageVulnerabilityDetails")
    return InspectorFinding(
        **common,
        repository_name=image.text("repositoryName"),
        image_digest=image.text_or_none("imageHash"),
        image_tags=image.texts("imageTags"),
        registry=image.text_or_none("registry"),
        platform=image.text_or_none("platform"),
        architecture=image.text_or_none("architecture"),
        pushed_at=image.moment("pushedAt"),
        last_in_use_at=image.moment("lastInUseAt"),
        in_use_count=image.integer_or_none("inUseCount"),
        finding_arn=detail.text_or_none("findingArn"),
        type=detail.text_or_none("type"),
        severity=detail.text_or_none("severity"),
        status=detail.text_or_none("status"),
        title=detail.text_or_none("title"),
        description=detail.text_or_none("description"),
        recommendation=detail.members("remediation").members("recommendation").text_or_none("text"),
        score=detail.number_or_none("inspectorScore"),
        exploit_available=detail.text_or_none("exploitAvailable"),
        fix_available=detail.text_or_none("fixAvailable"),
        first_observed_at=detail.moment("firstObservedAt"),
        last_observed_at=detail.moment("lastObservedAt"),
        updated_at=detail.moment("updatedAt"),
        vulnerability_id=vulnerability.text_or_none("vulnerabilityId"),
        vendor_severity=vulnerability.text_or_none("vendorSeverity"),
        source_url=vulnerability.text_or_none("sourceUrl"),
        vulnerable_packages=tuple(_package(package) for package in vulnerability.items("vulnerablePackages")),
    )


def _package(package: Members) -> VulnerablePackage:
    return VulnerablePackage(
        name=package.text_or_none("name"),
        version=package.text_or_none("version"),
        fixed_in_version=package.text_or_none("fixedInVersion"),
        package_manager=package.text_or_none("packageManager"),
        arch=package.text_or_none("arch"),
        epoch=package.integer_or_none("epoch"),
        release=package.text_or_none("release"),
        file_path=package.text_or_none("filePath"),
        source_layer_hash=package.text_or_none("sourceLayerHash"),
        remediation=package.text_or_none("remediation"),
    )


def read_coverage(common: Common, detail: Members) -> InspectorCoverage | None:
    """Return the event of a change of coverage, or None where it wasn't an image's."""
    named = next(filter(None, map(_IMAGE_ARN.fullmatch, common["resources"])), None)
    if named is None:
        return None
    status = detail.members("scanStatus")
    return InspectorCoverage(
        **common,
        repository_name=named["repository"],
        image_digest=named["digest"],
        status_code=status.text_or_none("statusCodeValue"),
        reason=status.text_or_none("reason"),
        scan_type=detail.text_or_none("scanType"),
        event_timestamp=detail.moment("eventTimestamp"),
    )
