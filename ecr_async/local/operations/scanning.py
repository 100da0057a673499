"""Vulnerability scans, by the API."""

from datetime import timedelta
from typing import Any

from ecr_async.api.common import ImageIdentifier, ImageScanStatus, RepositoryNotFoundException
from ecr_async.api.repositories import ImageScanningConfiguration
from ecr_async.api.scanning import (
    BatchGetRepositoryScanningConfigurationRequest,
    BatchGetRepositoryScanningConfigurationResponse,
    DescribeImageScanFindingsRequest,
    DescribeImageScanFindingsResponse,
    GetRegistryScanningConfigurationRequest,
    GetRegistryScanningConfigurationResponse,
    ImageScanFinding,
    ImageScanFindings,
    PutImageScanningConfigurationRequest,
    PutImageScanningConfigurationResponse,
    PutRegistryScanningConfigurationRequest,
    PutRegistryScanningConfigurationResponse,
    RegistryScanningConfiguration,
    RepositoryScanningConfiguration,
    RepositoryScanningConfigurationFailure,
    StartImageScanRequest,
    StartImageScanResponse,
)
from ecr_async.local.rules import events, messages, registry_messages
from ecr_async.local.rules.findings import count_severities, find_vulnerabilities
from ecr_async.local.rules.images import ImageRecord, the_image
from ecr_async.local.rules.registry import Registry, RepositoryRecord, moment
from ecr_async.local.rules.scans import (
    KIND,
    begin_scan,
    find_scan,
    matching_rules,
    poll_scan,
    scanning_configuration,
)
from ecr_async.oci.media_types import INDEX_MEDIA_TYPES

__all__: list[str] = []

FREQUENCIES = ("CONTINUOUS_SCAN", "SCAN_ON_PUSH", "MANUAL")
SECONDS_BETWEEN_SCANS = 24 * 3600
SCAN_SECONDS = 30


def start_image_scan(registry: Registry, request: StartImageScanRequest) -> StartImageScanResponse:
    """Scan an image, unless it was scanned within a day."""
    record = registry.repository(request.repository_name, request.registry_id)
    image = the_image(registry, record, request.image_id)
    if image.media_type in INDEX_MEDIA_TYPES:
        raise registry_messages.not_scannable(image.media_type)
    if image.status != "ACTIVE":
        raise registry_messages.archived_image(image.status)
    scan = find_scan(registry, image.id)
    if scan is not None and registry.now - scan[0] < SECONDS_BETWEEN_SCANS:
        raise messages.scanned_already()
    begin_scan(registry, record, image.id)
    return StartImageScanResponse(
        record.account, record.name, _named(image, request.image_id), ImageScanStatus("IN_PROGRESS")
    )


def describe_image_scan_findings(
    registry: Registry, request: DescribeImageScanFindingsRequest
) -> DescribeImageScanFindingsResponse:
    """Report a scan's status and, once it is complete, what it found."""
    record = registry.repository(request.repository_name, request.registry_id)
    image = the_image(registry, record, request.image_id)
    scan = find_scan(registry, image.id)
    if scan is None:
        raise messages.no_scan(request.image_id, record)
    started_at, polls_left = scan
    named = _named(image, request.image_id)
    if polls_left > 0:
        poll_scan(registry, record, image.id)
        status = ImageScanStatus("IN_PROGRESS")
        return DescribeImageScanFindingsResponse(record.account, record.name, named, status)
    findings = find_vulnerabilities(image.digest)

    def fetch(after: Any, limit: int) -> list[tuple[int, ImageScanFinding]]:
        return list(enumerate(findings, start=1))[after or 0 :][:limit]

    page, next_token = registry.page(request, fetch, lambda item: item[0])
    ended_at = moment(started_at + SCAN_SECONDS)
    return DescribeImageScanFindingsResponse(
        registry_id=record.account,
        repository_name=record.name,
        image_id=named,
        image_scan_status=ImageScanStatus("COMPLETE", "The scan was completed successfully."),
        image_scan_findings=ImageScanFindings(
            image_scan_completed_at=ended_at,
            vulnerability_source_updated_at=ended_at - timedelta(hours=6),
            finding_severity_counts=count_severities(image.digest),
            findings=tuple(finding for _, finding in page),
        ),
        next_token=next_token,
    )


def put_image_scanning_configuration(
    registry: Registry, request: PutImageScanningConfigurationRequest
) -> PutImageScanningConfigurationResponse:
    """Say whether a repository's images are scanned when they are pushed."""
    record = registry.repository(request.repository_name, request.registry_id)
    configuration = ImageScanningConfiguration(bool(request.image_scanning_configuration.scan_on_push))
    registry.db.execute(
        "UPDATE repositories SET scan_on_push = ? WHERE id = ?", (configuration.scan_on_push, record.id)
    )
    return PutImageScanningConfigurationResponse(record.account, record.name, configuration)


def put_registry_scanning_configuration(
    registry: Registry, request: PutRegistryScanningConfigurationRequest
) -> PutRegistryScanningConfigurationResponse:
    """Say which repositories' images are scanned when, whatever the repositories say."""
    configuration = RegistryScanningConfiguration(request.scan_type or "BASIC", tuple(request.rules or ()))
    before = scanning_configuration(registry)
    registry.keep(KIND, configuration)
    if registry.outbox is not None and configuration.scan_type == "ENHANCED":
        events.scan_frequencies_changed(registry, _changed_frequencies(registry, before, configuration))
    return PutRegistryScanningConfigurationResponse(configuration)


def get_registry_scanning_configuration(
    registry: Registry, request: GetRegistryScanningConfigurationRequest
) -> GetRegistryScanningConfigurationResponse:
    """Read the registry's rules."""
    return GetRegistryScanningConfigurationResponse(registry.account, scanning_configuration(registry))


def batch_get_repository_scanning_configuration(
    registry: Registry, request: BatchGetRepositoryScanningConfigurationRequest
) -> BatchGetRepositoryScanningConfigurationResponse:
    """Report which of the registry's rules apply to repositories."""
    found: list[RepositoryScanningConfiguration] = []
    failures: list[RepositoryScanningConfigurationFailure] = []
    for name in request.repository_names:
        try:
            found.append(_applied(registry, registry.repository(name)))
        except RepositoryNotFoundException:
            code = "REPOSITORY_NOT_FOUND"  # which ECR gives as the reason, too
            failures.append(RepositoryScanningConfigurationFailure(name, code, code))
    return BatchGetRepositoryScanningConfigurationResponse(tuple(found), tuple(failures))


def _changed_frequencies(
    registry: Registry, before: RegistryScanningConfiguration, after: RegistryScanningConfiguration
) -> list[tuple[RepositoryRecord, str, str]]:
    """Return the repositories whose images are scanned more or less often, with both frequencies."""
    rows = registry.db.execute(
        "SELECT * FROM repositories WHERE account = ? AND region = ? ORDER BY id",
        (registry.account, registry.region),
    )
    records = [RepositoryRecord(*row) for row in rows]
    frequencies = [(record, _frequency(before, record), _frequency(after, record)) for record in records]
    return [change for change in frequencies if change[1] != change[2]]


def _frequency(configuration: RegistryScanningConfiguration, record: RepositoryRecord) -> str:
    """Return how often a repository's images are scanned: what scans more often counts."""
    by_repository = "SCAN_ON_PUSH" if record.scan_on_push else "MANUAL"
    rules = matching_rules(configuration, record)
    return min([by_repository, *(rule.scan_frequency for rule in rules)], key=FREQUENCIES.index)


def _named(image: ImageRecord, image_id: ImageIdentifier) -> ImageIdentifier:
    return ImageIdentifier(image.digest, image_id.image_tag)


def _applied(registry: Registry, record: RepositoryRecord) -> RepositoryScanningConfiguration:
    configuration = scanning_configuration(registry)
    rules = matching_rules(configuration, record)
    return RepositoryScanningConfiguration(
        repository_arn=record.arn,
        repository_name=record.name,
        scan_on_push=record.scan_on_push,
        scan_frequency=_frequency(configuration, record),
        applied_scan_filters=tuple(one for rule in rules for one in rule.repository_filters),
    )
