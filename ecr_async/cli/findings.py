"""`ecr-async findings`: vulnerabilities of the images of many repositories."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import attrs
import typer

from ecr_async._bulk.findings import (
    FailedFindings,
    FindingsResult,
    FindingsSummary,
    ImageFindings,
    UnscannedImage,
    VanishedImage,
    scan_findings,
)
from ecr_async._bulk.findings.results import SEVERITIES
from ecr_async._bulk.images import scan_images
from ecr_async.cli.interruption import run
from ecr_async.cli.options import EndpointUrl, Profiles, Regions
from ecr_async.cli.printing import AsJson, notice, print_rows
from ecr_async.cli.registries import Registries
from ecr_async.service import Service

__all__ = ["findings"]

COLUMNS = {
    "registry": "Registry",
    "repository": "Repository",
    "digest": "Digest",
    "status": "Scan",
    "findings": "Findings",
}

Severity = Literal["CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNTRIAGED"]


def findings(
    repository: Annotated[
        list[str] | None, typer.Argument(help="A name, or a pattern like 'team/*'. By default all.")
    ] = None,
    region: Regions = None,
    profile: Profiles = None,
    endpoint_url: EndpointUrl = None,
    start: Annotated[
        bool, typer.Option("--start", help="Start a basic scan of images that were never scanned.")
    ] = False,
    wait: Annotated[
        float, typer.Option(min=0, help="Seconds to wait for each scan that is under way.")
    ] = 0.0,
    fail_on: Annotated[
        Severity | None,
        typer.Option(case_sensitive=False, help="Exit with status 1 for findings as grave, or graver."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Count the findings of images by severity, the gravest first.

    The exit status is 1 if something could not be read, or if there is a finding that `--fail-on` names.
    """
    registries = Registries(profile or [None], region or [None], endpoint_url)
    rows, summary = run(_findings(registries, repository or None, start, wait))
    rows.sort(key=_gravest_first)
    print_rows(COLUMNS, rows, as_json=as_json, empty="there are no images")
    is_grave = fail_on is not None and any(
        summary.severities.get(each) for each in SEVERITIES[: SEVERITIES.index(fail_on) + 1]
    )
    raise typer.Exit(1 if is_grave or not summary.complete else 0)


async def _findings(
    registries: Registries, repositories: list[str] | None, start: bool, wait: float
) -> tuple[list[dict[str, Any]], FindingsSummary]:
    async with registries.open() as (services, names):
        images = scan_images(services, repositories)
        found = scan_findings(services, images, start=start, wait=wait, max_findings=0)
        rows = [row async for result in found if (row := _row(result, names)) is not None]
        for name in sorted(images.not_found):
            notice(f"{name}: there is no such repository")
        missing = len(images.not_found)
    return rows, attrs.evolve(found.summary, failed_repositories=found.summary.failed_repositories + missing)


def _row(result: FindingsResult, names: Mapping[Service, str]) -> dict[str, Any] | None:
    """Return the row of an image; report what failed, and leave out what has vanished."""
    registry = names.get(result.service, result.service.region)
    match result:
        case VanishedImage():
            return None
        case FailedFindings():
            notice(f"{registry}: {result.repository}: {result.image_id.image_digest}: {result.error}")
            return None
        case ImageFindings(repository=repository, image_id=image, status=status, severity_counts=counts):
            found: Mapping[str, int] | None = counts
        case UnscannedImage(repository=repository, image_id=image, status=status):
            found = None
        case _:
            what = f"{result.repository}: " if result.repository else ""
            notice(f"{registry}: {what}{result.error}")
            return None
    return {
        "registry": registry,
        "repository": repository,
        "digest": image.image_digest,
        "status": status,
        "findings": None if found is None else {each: found[each] for each in SEVERITIES if each in found},
    }


def _gravest_first(row: Mapping[str, Any]) -> tuple[list[int], str]:
    counts: Mapping[str, int] = row["findings"] or {}
    return [-counts.get(severity, 0) for severity in SEVERITIES], row["repository"]
